"""A run's page, live: the parts that changed, each second when there is something new."""

from __future__ import annotations

import asyncio
import uuid
from urllib.parse import parse_qs

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.utils.translation import get_supported_language_variant

from webapp.training.models import TrainingRun
from webapp.training.presentation import mark, parts

SECONDS = 1.0
POLICY, TOO_BIG = 4008, 4009  # closing codes after which a page does not come back; 1008 is not ours to send


class RunConsumer(AsyncWebsocketConsumer):
    """Watches one run for one page. The page only listens; what it can do, it does by forms."""

    async def connect(self) -> None:
        """Let in whoever may see the run."""
        self.run_id: uuid.UUID = self.scope["url_route"]["kwargs"]["run_id"]
        self.language = language_of(self.scope["query_string"])
        self.watching: asyncio.Task[None] | None = None
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
        seen: object = None
        shown: dict[str, str] = {}
        while True:
            run = await self._run()
            if run is None:  # signed out, another role, or the run was deleted
                await self.close(code=POLICY)
                return
            newest = await database_sync_to_async(mark)(run)
            if newest != seen:
                seen = newest
                whole = await database_sync_to_async(parts)(run, language=self.language)
                changed = [html for name, html in whole.items() if shown.get(name) != html]
                shown = whole
                if changed:
                    await self.send(text_data="".join(changed))
            await asyncio.sleep(SECONDS)

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
