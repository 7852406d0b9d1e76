"""What the web process mends before it serves: answers and documents that the last one left half done."""

from __future__ import annotations

import asyncio
import logging

from channels.db import database_sync_to_async

from webapp.bodies import Application, Message, Receive, Send
from webapp.chat import documents, services

log = logging.getLogger(__name__)


class Recovery:
    """Lets the first request in when all is mended. There is one web process; what it does not know is not going on."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self._mending: asyncio.Task[None] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if self._mending is None:
            self._mending = asyncio.create_task(_mend())
        await asyncio.shield(self._mending)
        await self.application(scope, receive, send)


async def _mend() -> None:
    try:
        broken = await database_sync_to_async(services.interrupt_streaming)()
        again = await database_sync_to_async(documents.interrupt_reading)()
        for document in again:
            documents.read(document)
        if broken or again:
            log.info("after the last run: %d answers were cut short, %d documents are read again", broken, len(again))
    except Exception:
        log.exception("what the last run left could not be mended")
