"""The websocket of a share link's page: a chat that is let in, counted, and closed with its link."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from modeling.errors import ParleyError
from webapp.chat import link_visitors
from webapp.chat.consumers import POLICY, ChatConsumer
from webapp.chat.models import Conversation, Visitor
from webapp.chat.services import Exchange
from webapp.sharing.entries import fingerprint
from webapp.sharing.models import LinkState, ShareLink
from webapp.sharing.services import LinkClosedError, admit, find_link, link_changed

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0  # between two looks at the links of open pages; what this process changes itself is seen at once
OTHER_PASSWORD = "password"  # noqa: S105 - a reason to be turned away, beside those of LinkState


class LinkConsumer(ChatConsumer):
    """One page of a link, one conversation."""

    async def connect(self) -> None:
        """Let in whoever the link lets in. A page that comes back to a closed link is told so."""
        self.token = self.scope["url_route"]["kwargs"]["token"]
        self.ticket = parse_qs(self.scope["query_string"].decode("latin1")).get("ticket", [""])[0]
        try:
            await super().connect()
        except LinkClosedError as closed:
            await self.accept()
            await self.turn_away(closed.state)
            return
        if self.following is not None:
            watch.enter(self)

    async def disconnect(self, code: int) -> None:
        """The page is gone."""
        watch.leave(self)
        await super().disconnect(code)

    async def turn_away(self, reason: str) -> None:
        """Say on the page why it ends here, and close."""
        watch.leave(self)
        with translation.override(self.language):
            html = render_to_string("sharing/closed_fragment.html", {"reason": reason})
        await self.send(html)
        await self.close(code=POLICY)

    @database_sync_to_async
    def _visitor(self) -> Visitor | None:
        """As at connecting, so at every message: the link as it is now, and who is asking."""
        link = find_link(self.token)
        if link is None:
            return None
        if link.state != LinkState.OPEN:
            raise LinkClosedError(link.state)
        session = self.scope.get("session")
        session_key = session.session_key if session is not None else None
        visitor = link_visitors.at_socket(link, session_key, self.ticket)
        if visitor is not None:
            self.link_id, self.entry = link.pk, fingerprint(link)
        return visitor

    async def _refuse(self, error: ParleyError, message: dict[str, Any]) -> None:
        if isinstance(error, LinkClosedError):
            await self.turn_away(error.state)
        else:
            await super()._refuse(error, message)

    async def _write_down(self, service: Callable[..., Exchange], **asked: Any) -> Exchange:
        """Count the question and store it, both or neither."""

        def admitted(**asked: Any) -> Exchange:
            with transaction.atomic():
                admit(link_id=asked["visitor"].link_id, key=asked["visitor"].token)
                return service(**asked)

        return await super()._write_down(admitted, **asked)

    def _address(self, conversation: Conversation) -> str:
        return reverse("link-conversation", args=[self.token, conversation.pk])


class Watch:
    """Looks after the links of this process's open pages: one query for all of them, every two seconds and on news."""

    def __init__(self) -> None:
        self._open: set[LinkConsumer] = set()
        self._task: asyncio.Task[None] | None = None
        self._news: asyncio.Event | None = None

    def enter(self, consumer: LinkConsumer) -> None:
        """A page was opened."""
        loop = asyncio.get_running_loop()
        self._open.add(consumer)
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._news = asyncio.Event()
            self._task = loop.create_task(self._run(self._news))

    def leave(self, consumer: LinkConsumer) -> None:
        """A page was closed."""
        self._open.discard(consumer)

    def look(self, **_signal: Any) -> None:
        """Look now. Called from any thread."""
        if self._open and self._task is not None and self._news is not None:
            self._task.get_loop().call_soon_threadsafe(self._news.set)

    async def _run(self, news: asyncio.Event) -> None:
        while self._open:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), LOOK_SECONDS)
            news.clear()
            try:
                await self._turn_away_closed()
            except Exception:  # whatever it is, it must not leave pages of closed links open
                log.exception("the links of open pages could not be looked at; the next look comes")

    async def _turn_away_closed(self) -> None:
        opened = list(self._open)
        found = await database_sync_to_async(_standing)({consumer.link_id for consumer in opened})
        for consumer in opened:
            state, entry = found.get(consumer.link_id, (LinkState.REVOKED, ""))
            if state != LinkState.OPEN:
                await consumer.turn_away(state)
            elif entry != consumer.entry:
                await consumer.turn_away(OTHER_PASSWORD)


def _standing(link_ids: set[uuid.UUID]) -> dict[uuid.UUID, tuple[LinkState, str]]:
    links = ShareLink.objects.select_related("assistant", "owner").filter(pk__in=link_ids)
    return {link.pk: (link.state, fingerprint(link)) for link in links}


watch = Watch()
link_changed.connect(watch.look)
