"""A run's page, live: the parts that changed, each second when there is something new."""

from __future__ import annotations

import asyncio
import logging
import uuid
from urllib.parse import parse_qs

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import InterfaceError, OperationalError
from django.utils.translation import get_supported_language_variant

from webapp.training.models import TrainingRun
from webapp.training.presentation import mark, parts_at

log = logging.getLogger("parley.training")

SECONDS = 1.0
POLICY, TOO_BIG = 4008, 4009  # closing codes after which a page does not come back; 1008 is not ours to send
BROKEN = 4011  # a fault of ours: the page comes back later


class RunConsumer(AsyncWebsocketConsumer):
    """Watches one run for one page. The page only listens; what it can do, it does by forms."""

    async def connect(self) -> None:
        """Let in whoever may see the run."""
        self.run_id: uuid.UUID = self.scope["url_route"]["kwargs"]["run_id"]
        self.language = language_of(self.scope["query_string"])
        self.watching: asyncio.Task[None] | None = None
        self.seen: object = None
        self.shown: dict[str, str] = {}
        if await self._run() is None:
            await self.close(code=POLICY)
            return
        await self.accept()
        self.watching = asyncio.create_task(self._watch())

    async def disconnect(self, code: int) -> None:
        """The page is gone."""
        if self.watching is not None:
            self.watching.cancel()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A page has nothing to say."""
        await self.close(code=POLICY)

    async def _watch(self) -> None:
        try:
            while await self._look():
                await asyncio.sleep(SECONDS)
            await self.close(code=POLICY)  # signed out, another role, or the run was deleted
        except Exception:
            log.exception("the page of training %s", self.run_id)
            await self.close(code=BROKEN)

    async def _look(self) -> bool:
        """Send what is new. Returns whether the run may still be seen; a busy database is asked again later."""
        try:
            run = await self._run()
            if run is None:
                return False
            newest = await database_sync_to_async(mark)(run)
            if newest != self.seen:
                await self._show(await database_sync_to_async(parts_at)(run.pk, self.language, newest))
                self.seen = newest
        except (OperationalError, InterfaceError, TrainingRun.DoesNotExist) as fault:
            log.warning("the page of training %s waits: %s", self.run_id, fault)
        return True

    async def _show(self, whole: dict[str, str]) -> None:
        changed = [html for name, html in whole.items() if self.shown.get(name) != html]
        self.shown = whole
        if changed:
            await self.send(text_data="".join(changed))

    async def _run(self) -> TrainingRun | None:
        """The run, if the session behind this socket may still see it; looked up afresh each time."""
        session = self.scope.get("session")
        user = await get_user({**self.scope, "session": SessionStore(session.session_key if session else None)})
        visible = TrainingRun.objects.visible_to(user).select_related("job", "artifact__job", "version__dataset")
        return await visible.filter(pk=self.run_id).afirst()


def language_of(query: bytes) -> str:
    """The language that the page asked for, if it is one of ours."""
    asked = parse_qs(query.decode("latin1")).get("language", [settings.LANGUAGE_CODE])[0]
    try:
        return get_supported_language_variant(asked)
    except LookupError:
        return settings.LANGUAGE_CODE
