"""The run's socket: who may listen, what comes, when it ends."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from tests.webapp.training.trainings import person
from webapp.accounts.models import Role, User
from webapp.jobs.models import Job, JobState
from webapp.training import consumers, presentation
from webapp.training.models import RunEvent
from webapp.training.urls import websocket_urlpatterns


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "SECONDS", 0.05)


def socket_of(client: Client, run_id: object, language: str = "en") -> WebsocketCommunicator:
    cookie = client.cookies.get(settings.SESSION_COOKIE_NAME)
    headers = [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie.value if cookie else ''}".encode())]
    return WebsocketCommunicator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)),
                                 f"/ws/training/{run_id}/?language={language}", headers=headers)


def signed_in(name: str, role: Role) -> Client:
    client = Client()
    client.force_login(person(name, role))
    return client


async def test_what_is_new_comes_as_fragments_and_nothing_else(run, browser):
    socket = socket_of(browser, run.pk)
    assert (await socket.connect())[0]
    whole = await socket.receive_from(timeout=3)
    assert 'id="run-state"' in whole and 'hx-swap-oob="true"' in whole
    assert await socket.receive_nothing(timeout=0.3)
    await database_sync_to_async(RunEvent.objects.create)(run=run, attempt=1, kind="step", step=1, data={"loss": 0.5})
    news = await socket.receive_from(timeout=3)
    assert 'id="run-curves"' in news and "0.5" in news and 'id="run-log"' not in news
    await socket.disconnect()


async def test_what_happens_while_the_page_looks_is_not_missed(run, browser, monkeypatch):
    look = consumers.mark

    def late(seen):
        Job.objects.filter(pk=run.job_id).update(state=JobState.DONE)
        return look(seen)

    monkeypatch.setattr(consumers, "mark", late)  # between the reading of the run and that of its mark
    socket = socket_of(browser, run.pk)
    await socket.connect()
    assert 'data-state="done"' in await socket.receive_from(timeout=3)
    await socket.disconnect()


async def test_a_busy_database_costs_a_page_nothing(run, browser, monkeypatch):
    faults, look = [OperationalError("database is locked")], consumers.mark

    def busy(seen):
        if faults:
            raise faults.pop()
        return look(seen)

    monkeypatch.setattr(consumers, "mark", busy)
    socket = socket_of(browser, run.pk)
    await socket.connect()
    assert 'id="run-state"' in await socket.receive_from(timeout=3)
    await socket.disconnect()


async def test_a_fault_of_ours_lets_the_page_come_back(run, browser, monkeypatch, caplog):
    monkeypatch.setattr(consumers, "mark", lambda _seen: 1 / 0)
    socket = socket_of(browser, run.pk)
    await socket.connect()
    message = await socket.receive_output(timeout=3)
    assert (message["type"], message["code"]) == ("websocket.close", consumers.BROKEN)
    assert "ZeroDivisionError" in caplog.text


async def test_many_pages_of_a_run_are_made_once(run, browser, monkeypatch):
    made, make = [], presentation.parts
    monkeypatch.setattr(presentation, "parts", lambda *args, **named: made.append(1) or make(*args, **named))
    sockets = [socket_of(browser, run.pk) for _ in range(5)]
    for socket in sockets:
        await socket.connect()
    for socket in sockets:
        await socket.receive_from(timeout=3)
        await socket.disconnect()
    assert len(made) == 1


async def test_it_speaks_the_pages_language(run, browser):
    socket = socket_of(browser, run.pk, "zh-hans")
    await socket.connect()
    assert "日志" in await socket.receive_from(timeout=3)
    await socket.disconnect()
    assert consumers.language_of(b"language=../x") == "en"


@pytest.mark.parametrize("who", ["nobody", "stranger", "member"])
async def test_others_are_refused(run, who):
    roles = {"stranger": Role.TRAINER, "member": Role.MEMBER}
    client = await database_sync_to_async(signed_in)(who, roles[who]) if who in roles else Client()
    assert not (await socket_of(client, run.pk).connect())[0]


async def test_an_admin_may_watch_and_nobody_watches_what_is_not_there(run, browser):
    admin = await database_sync_to_async(signed_in)("root", Role.ADMIN)
    socket = socket_of(admin, run.pk)
    assert (await socket.connect())[0]
    await socket.disconnect()
    assert not (await socket_of(browser, uuid.uuid4()).connect())[0]


@pytest.mark.parametrize("end", ["sign out", "demote", "deactivate", "delete"])
async def test_an_open_socket_closes_when_the_right_is_gone(run, browser, end):
    socket = socket_of(browser, run.pk)
    await socket.connect()
    await socket.receive_from(timeout=3)
    user = User.objects.filter(username="trainer")
    deeds = {"sign out": browser.logout, "demote": lambda: user.update(role=Role.MEMBER),
             "deactivate": lambda: user.update(is_active=False), "delete": run.delete}
    await database_sync_to_async(deeds[end])()
    async with asyncio.timeout(3):
        while (message := await socket.receive_output())["type"] != "websocket.close":
            pass
    assert message["code"] == consumers.POLICY


async def test_a_page_has_nothing_to_say(run, browser):
    socket = socket_of(browser, run.pk)
    await socket.connect()
    await socket.send_to(text_data='{"action": "cancel"}')
    async with asyncio.timeout(3):
        while (message := await socket.receive_output())["type"] != "websocket.close":
            pass
    assert message["code"] == consumers.POLICY
