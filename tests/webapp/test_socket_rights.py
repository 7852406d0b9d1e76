"""Every websocket, opened by everybody; every action, tried by those whose it is not."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.conf import settings as project

from tests.webapp.rights_table import EVERYONE, LINKS, MIAS, OWNED
from tests.webapp.world import ACTORS, World, make_world
from webapp.asgi import application
from webapp.chat.models import Conversation, Feedback, Message

pytestmark = pytest.mark.django_db(transaction=True)
CONSUMERS = ("webapp/chat/consumers.py", "webapp/chat/link_consumers.py", "webapp/training/consumers.py")
# The route, whom it lets in, and its address.
ROUTES = {
    "ws/chat/<uuid:conversation_id>/": (MIAS, lambda w: f"/ws/chat/{w.conversation.pk}/"),
    "ws/s/<str:token>/<uuid:conversation_id>/": (LINKS, lambda w: f"/ws/s/{w.link_token}/{w.link_conversation.pk}/"),
    "ws/training/<uuid:run_id>/": (OWNED, lambda w: f"/ws/training/{w.run.pk}/"),
}
# What a page of one's own sends about somebody else's things.
ACTIONS = {
    "ack": lambda w: {"sequence": 10**9},
    "attach": lambda w: {"last": w.answer.pk, "state": "done"},
    "send": lambda w: {"text": "hello", "assistant": "short"},  # which is private
    "regenerate": lambda w: {"message": w.answer.pk},
    "rate": lambda w: {"message": w.answer.pk, "good": True, "correction": "by a stranger"},
    "stop": lambda w: {},
    "nonsense": lambda w: {},
}


def websockets() -> Any:
    """What the site serves websockets with, checks included."""
    return application.application.application_mapping["websocket"]


def routes() -> list[str]:
    inner = websockets()
    while not isinstance(inner, URLRouter):
        inner = getattr(inner, "application", None) or inner.inner
    return [str(route.pattern) for route in inner.routes]


@pytest.fixture
def world(tmp_path: Any, settings: Any) -> Iterator[World]:
    settings.HOME, settings.DOCUMENTS = tmp_path / "home", tmp_path / "home" / "documents"
    yield make_world()


@asynccontextmanager
async def opened(world: World, actor: str, path: str, origin: str | None = project.ORIGINS[0]) -> Any:
    """The socket of a page of this browser, and whether it was let in."""
    cookie = world.browsers[actor].cookies.get(project.SESSION_COOKIE_NAME)
    headers = [(b"cookie", f"{project.SESSION_COOKIE_NAME}={cookie.value if cookie else ''}".encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    socket = WebsocketCommunicator(websockets(), path, headers=headers)
    connected, _code = await socket.connect(timeout=10)
    yield socket, connected
    await socket.disconnect()


def rows(*models: Any) -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_each_route_has_a_rule():
    assert set(routes()) == set(ROUTES)


def test_each_action_is_tried():
    named = re.compile(r'"(\w+)": self\._\w+\b(?!\()|get\("action"\) == "(\w+)"')
    known = {found for file in CONSUMERS for found in named.findall((project.ROOT / file).read_text())}
    assert {name for pair in known for name in pair if name} <= set(ACTIONS)


@pytest.mark.parametrize("route", ROUTES)
async def test_a_socket_lets_in_whom_the_table_says(world, route):
    allowed, path = ROUTES[route]
    let_in = set()
    for actor in ACTORS:
        async with opened(world, actor, path(world)) as (_socket, connected):
            let_in |= {actor} if connected else set()
    assert let_in == allowed


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None, "http://127.0.0.1:1", "http://localhost.evil"])
async def test_no_other_site_opens_a_socket_with_the_cookies_of_ours(world, origin):
    for allowed, path in ROUTES.values():
        async with opened(world, min(allowed), path(world), origin=origin) as (_socket, connected):
            assert not connected


@pytest.mark.parametrize("actor", sorted(EVERYONE - MIAS - OWNED))
async def test_a_page_of_ones_own_gives_no_hold_on_what_others_have(world, actor):
    before = await database_sync_to_async(rows)(Conversation, Message, Feedback)
    async with opened(world, actor, f"/ws/chat/{uuid.uuid4()}/") as (socket, connected):
        assert connected
        for action, what in ACTIONS.items():
            await socket.send_to(text_data=json.dumps({"action": action, **what(world)}))
        await asyncio.sleep(0.5)
        said = ""
        while not await socket.receive_nothing(0.1, 0.05):
            said += await socket.receive_from(1)
    assert "secret" not in said
    assert await database_sync_to_async(rows)(Conversation, Message, Feedback) == before


@pytest.mark.parametrize("action", sorted(set(ACTIONS) - {"ack"}))
async def test_who_has_signed_out_acts_no_more_over_a_socket_that_is_still_open(world, action):
    before = await database_sync_to_async(rows)(Conversation, Message, Feedback)
    path = ROUTES["ws/chat/<uuid:conversation_id>/"][1](world)
    async with opened(world, "mia", path) as (socket, connected):
        assert connected
        await database_sync_to_async(world.browsers["mia"].session.flush)()
        await socket.send_to(text_data=json.dumps({"action": action, **ACTIONS[action](world)}))
        said = await socket.receive_from(5)
    assert "Your session has ended" in said and "secret" not in said
    assert await database_sync_to_async(rows)(Conversation, Message, Feedback) == before


async def test_who_loses_the_role_sees_a_training_no_longer(world):
    async with opened(world, "tess", ROUTES["ws/training/<uuid:run_id>/"][1](world)) as (socket, connected):
        assert connected
        world.users["tess"].role = "member"
        await database_sync_to_async(world.users["tess"].save)()
        async with asyncio.timeout(8):
            while (event := await socket.receive_output(5))["type"] != "websocket.close":
                pass
    assert event["code"] == 4008
