"""Assistants without models, visitors with sessions, and pages' sockets, in this process and through a real one."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.routing import URLRouter
from channels.sessions import SessionMiddlewareStack
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client

sys.path.insert(0, str(Path(__file__).parent))
from scripted import ScriptedEngine  # noqa: E402

from modeling.tasks import TASKS  # noqa: E402
from webapp.accounts.models import Role, User  # noqa: E402
from webapp.assistants.models import Assistant, Visibility  # noqa: E402
from webapp.chat import consumers, generations, link_consumers  # noqa: E402
from webapp.chat import engine as engine_of_chat  # noqa: E402
from webapp.chat.limits import RateLimit  # noqa: E402
from webapp.chat.rooms import _rooms  # noqa: E402
from webapp.chat.urls import websocket_urlpatterns  # noqa: E402
from webapp.sharing import services  # noqa: E402
from webapp.sharing.models import ShareLink  # noqa: E402
from webapp.sharing.services import Terms  # noqa: E402

APPENDED = re.compile(r'<span hx-swap-oob="beforeend:#m\d+-tail">(.*?)</span>', re.DOTALL)


def make_assistants(folder: Path) -> None:
    """One assistant for each task; its slug is the task."""
    for position, task in enumerate(TASKS):
        artifact = folder / task
        artifact.mkdir(parents=True, exist_ok=True)
        (artifact / "manifest.json").write_text("{}")
        Assistant.objects.update_or_create(slug=task, defaults={
            "name_en": task.capitalize(), "name_zh": f"助手{position}", "task": task, "artifact": str(artifact),
            "welcome_en": "Welcome.", "welcome_zh": "欢迎。", "examples": [{"text": "Try this"}], "position": position,
            "directions": ["en-fr", "fr-en"] if task == "translation" else [],
            "defaults": {"max_tokens": 400} if task == "generation" else {},
        })


@pytest.fixture
def assistants(transactional_db: None, tmp_path: Path) -> None:
    """Committed, because the consumer reads from other threads."""
    make_assistants(tmp_path / "artifacts")


@pytest.fixture
def engine(assistants: None) -> Iterator[ScriptedEngine]:
    """The engine that answers in this test."""
    scripted = ScriptedEngine()
    engine_of_chat.use(scripted)
    consumers.asking = RateLimit(settings.MESSAGES_PER_MINUTE, 60)
    generations._lines.clear()
    yield scripted
    engine_of_chat.use(None)
    _rooms.clear()


class Page:
    """What a browser shows of one conversation: it connects, applies fragments and acknowledges them."""

    def __init__(self, client: Client, conversation_id: uuid.UUID, *, acknowledge: bool = True) -> None:
        self.client, self.id, self.acknowledging = client, conversation_id, acknowledge
        self.address = f"/ws/chat/{self.id}/?language=en"
        self.fragments: list[str] = []
        self.socket: WebsocketCommunicator | None = None

    async def open(self, *, attach: bool = True, last: int = 0, state: str = "") -> bool:
        """Connect as the page does; False when it is refused."""
        cookie = self.client.cookies.get(settings.SESSION_COOKIE_NAME)
        headers = [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie.value if cookie else ''}".encode())]
        application = SessionMiddlewareStack(URLRouter(websocket_urlpatterns))
        self.socket = WebsocketCommunicator(application, self.address, headers=headers)
        connected, _code = await self.socket.connect(timeout=5)
        if connected and attach:
            await self.send(action="attach", last=last, state=state)
        return connected

    async def send(self, **message: Any) -> None:
        assert self.socket is not None
        await self.socket.send_to(text_data=json.dumps(message))

    async def next(self, timeout: float = 5) -> str:
        """The next fragment, acknowledged."""
        assert self.socket is not None
        html = await self.socket.receive_from(timeout=timeout)
        self.fragments.append(html)
        if self.acknowledging and (number := re.search(r'data-sequence="(\d+)"', html)):
            await self.send(action="ack", sequence=int(number.group(1)))
        return html

    async def until(self, wanted: str, timeout: float = 5) -> str:
        """Fragments up to one that holds `wanted`."""
        async with asyncio.timeout(timeout):
            while wanted not in (html := await self.next(timeout)):
                pass
        return html

    async def ask(self, text: str, assistant: str = "generation", **options: Any) -> None:
        await self.send(action="send", text=text, assistant=assistant, **options)

    async def close(self) -> None:
        if self.socket is not None:
            await self.socket.disconnect()

    @property
    def streamed(self) -> str:
        """The text that was appended, as a reader saw it."""
        return "".join(unescape(text) for html in self.fragments for text in APPENDED.findall(html))


@pytest.fixture
def visitor() -> Callable[[], Client]:
    """Makes browsers: each has its own session, and has seen the front page."""

    def arrive() -> Client:
        client = Client()
        client.get("/")
        return client

    return arrive


@pytest.fixture
async def open_page(engine: ScriptedEngine, visitor: Callable[[], Client]) -> AsyncIterator[Callable[..., Any]]:
    """Opens pages, and closes them at the end."""
    pages: list[Page] = []

    async def opening(client: Client | None = None, conversation_id: uuid.UUID | None = None, **how: Any) -> Page:
        client = client or await asyncio.to_thread(visitor)
        page = Page(client, conversation_id or uuid.uuid4(), acknowledge=how.pop("acknowledge", True))
        assert await page.open(**how)
        pages.append(page)
        return page

    yield opening
    for page in pages:
        await page.close()


@pytest.fixture(scope="session")
def site_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of `site`."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="session")
def site(site_home: Path) -> Iterator[str]:
    """The address of a whole site in a process of its own, with the scripted engine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PARLEY_HOME": str(site_home), "PORT": str(port), "PACE": "0.02"}
    script = Path(__file__).with_name("scripted_site.py")
    process = subprocess.Popen([sys.executable, str(script), str(port)], env=environment, cwd=script.parent)
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "the site did not start"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the site does not answer")


@pytest.fixture
def link_to(engine: ScriptedEngine) -> Callable[..., ShareLink]:
    """Makes links to an assistant that is its owner's secret."""
    owner = User.objects.create_user("tina", role=Role.TRAINER)
    Assistant.objects.filter(slug="generation").update(owner=owner, visibility=Visibility.PRIVATE)
    Assistant.objects.filter(slug="question-answering").update(owner=owner)

    def make(slug: str = "generation", password: str = "", **terms: Any) -> ShareLink:
        assistant = Assistant.objects.get(slug=slug)
        return services.make_link(owner=owner, assistant=assistant, terms=Terms(**terms), password=password)

    return make


@pytest.fixture
def link(link_to: Callable[..., ShareLink]) -> ShareLink:
    return link_to(embed_origins=("https://friend.example",))


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Links are looked at often, and nobody stays watched."""
    monkeypatch.setattr(link_consumers, "LOOK_SECONDS", 0.2)
    yield
    link_consumers.watch._open.clear()


@pytest.fixture
async def enter(link: ShareLink, watching: None) -> Any:
    """Opens pages of links as visitors, and closes them at the end."""
    from linked import LinkPage, way

    pages: list[LinkPage] = []

    async def entering(at: ShareLink | None = None, client: Client | None = None, **more: Any) -> LinkPage:
        at, client = at or link, client or Client()
        if "ticket" not in more:
            await sync_to_async(client.get)(way(at))
        page = LinkPage(client, at, more.get("conversation_id") or uuid.uuid4(), more.get("ticket", ""))
        assert await page.open()
        pages.append(page)
        return page

    yield entering
    for page in pages:
        await page.close()
