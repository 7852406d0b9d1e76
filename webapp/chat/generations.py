"""Answers on their way. Each belongs to its conversation, not to a page: it goes on when nobody looks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError
from django.utils.translation import gettext_noop

from modeling.errors import EngineBusyError, EngineUnavailableError, ParleyError
from modeling.inference import Chunk, Request, Stream
from webapp import wording
from webapp.chat import services
from webapp.chat.engine import engine
from webapp.chat.models import DONE, ERROR, READING, STOPPED, STREAMING
from webapp.chat.rooms import Room, generation_in, room_of
from webapp.chat.services import Exchange
from webapp.markdown import settled_until

log = logging.getLogger(__name__)

PERSIST_SECONDS = 1.5
STOP_SECONDS = 3.0  # after which an answer counts as stopped though the engine has not said so
ENGINE_SECONDS = 15.0  # that an answer waits for an engine that is not there
STORE_ATTEMPTS = 5
TOKENS_KEPT = 1024  # tokens whose alternatives are kept for "how this came about"
ENDS = {"stop": DONE, "length": DONE, "cancelled": STOPPED,
        "error": ERROR}
GONE = gettext_noop("The engine went away while this answer was being written. What was there is kept.")
MISSING = gettext_noop("The engine is not running. It is started again by itself; try again in a moment.")
BUSY = gettext_noop("The engine has as much to do as it can hold.")
FAULT = gettext_noop("Something went wrong on our side while this answer was being written.")
SILENT = gettext_noop("The engine ended this answer without saying why.")

_lines: dict[str, list[Generation]] = {}  # by artifact: who waits for a first word, in the order of asking


class Generation:
    """One answer that is being written, and all that followers need to show it.

    `shape` grows when more than the end of the text has changed: another stage, a result, the end.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.task = exchange.conversation.assistant.task
        self.line = exchange.conversation.assistant.artifact
        self.message_id = exchange.answer.pk
        self.text = ""
        self.settled = 0  # characters that are whole Markdown blocks
        self.stage: str | None = "queued"
        self.place: int | None = None  # in the line before the model, once it has to wait
        self.result: dict[str, Any] = {}
        self.trace: list[dict[str, Any]] = []
        self.tokens = 0  # written so far, where the engine tells them
        self.state: str = STREAMING
        self.error = ""
        self.seconds: float | None = None
        self.shape = 0
        self.finished = False  # its end is stored
        self.room: Room = room_of(exchange.conversation.pk)
        self._began = time.monotonic()
        self._stream: Stream | None = None
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether the answer has its last state."""
        return self.state != STREAMING

    def start(self) -> None:
        """Begin to write, as a task of the running loop."""
        self.room.begin(self)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End it with what there is."""
        self._stopping = True
        if self._stream is not None:
            await self._stream.cancel()
        if self._task is not None:
            asyncio.get_running_loop().call_later(STOP_SECONDS, self._task.cancel)

    async def _run(self) -> None:
        keeper = asyncio.create_task(self._keep())
        try:
            await self._write()
        except asyncio.CancelledError:
            self._end(STOPPED)
        except EngineBusyError as error:
            self.result["retry_after"] = round(error.retry_after)
            self._end(ERROR, BUSY)
        except EngineUnavailableError:
            self._end(ERROR, GONE if self._stream else MISSING)
        except ParleyError as error:
            self._end(ERROR, wording.stored(error))
        except Exception:
            log.exception("answer %s broke off", self.message_id)
            self._end(ERROR, FAULT)
        finally:
            keeper.cancel()
            self._leave_line()
            await self._finish()

    async def _write(self) -> None:
        await self._documents_read()
        request = await database_sync_to_async(services.request_for)(self.exchange)
        self._stream = await self._submitted(request)
        async for chunk in self._stream:
            self._take(chunk)
            self.room.notify()
        if not self.ended:
            self._end(STOPPED if self._stopping else ERROR, "" if self._stopping else SILENT)

    async def _submitted(self, request: Request) -> Stream:
        """The engine's stream. An engine that is just starting, again or for the first time, is waited for."""
        patience = time.monotonic() + ENGINE_SECONDS
        _lines.setdefault(self.line, []).append(self)
        while True:
            try:
                stream = await (await engine()).submit(request)
            except EngineUnavailableError:
                if self._stopping or time.monotonic() > patience:
                    raise
                await asyncio.sleep(0.5)
                continue
            if self._stopping:
                await stream.cancel()
            return stream

    async def _documents_read(self) -> None:
        """Wait for documents that were added a moment ago."""
        reading = self.exchange.conversation.documents.filter(state=READING)
        if self.task != "question-answering" or not await reading.aexists():
            return
        self._show(stage="preparing")
        self.room.notify()
        deadline = time.monotonic() + settings.DOCUMENT_SECONDS
        while await reading.aexists() and time.monotonic() < deadline and not self._stopping:
            await asyncio.sleep(0.3)

    def _take(self, chunk: Chunk) -> None:
        self.text += chunk.text
        self.tokens += len(chunk.token_ids)
        if self.task == "generation":
            self.settled = settled_until(self.text)
            self._take_tokens(chunk)
        elif chunk.result:
            self.result |= chunk.result
            self.shape += 1
        self._take_stage(chunk)
        if chunk.finish_reason:
            self._end(ENDS[chunk.finish_reason], chunk.error or "")
            self.result["finish_reason"] = chunk.finish_reason

    def _take_stage(self, chunk: Chunk) -> None:
        if chunk.stage != "queued":
            self._leave_line()
        if chunk.stage and chunk.stage != self.stage:
            self._show(stage=chunk.stage)
        elif self.stage and chunk.text:
            self._show(stage=None)

    def _take_tokens(self, chunk: Chunk) -> None:
        self.result["count"] = self.result.get("count", 0) + len(chunk.token_ids)
        candidates = (chunk.result or {}).get("candidates", [])
        text = {"text": chunk.text} if len(chunk.token_ids) == 1 else {}
        for logprob, others in zip(chunk.logprobs, candidates, strict=False):
            if len(self.trace) < TOKENS_KEPT:
                alternatives = [[other, round(p, 4)] for other, p in others]
                self.trace.append({"logprob": round(logprob, 4), "candidates": alternatives} | text)

    def _show(self, *, stage: str | None) -> None:
        self.stage = stage
        self.shape += 1

    def _end(self, state: str, error: str = "") -> None:
        self.state, self.error, self.stage = state, error, None
        self.seconds = round(time.monotonic() - self._began, 2)
        self.shape += 1

    async def _keep(self) -> None:
        kept = ""
        while True:
            await asyncio.sleep(PERSIST_SECONDS)
            self._show_place()
            if self.text != kept:
                kept = self.text
                with contextlib.suppress(DatabaseError):  # the next round tries again
                    await database_sync_to_async(services.keep_text)(message_id=self.message_id, text=kept)

    def _show_place(self) -> None:
        """All questions pass through here, so the line before a model is those that got no word from it yet."""
        place = _lines[self.line].index(self) + 1 if self in _lines.get(self.line, ()) else None
        if place != self.place:
            self.place = place
            self.shape += 1
            self.room.notify()

    def _leave_line(self) -> None:
        if self in _lines.get(self.line, ()):
            _lines[self.line].remove(self)
            if not _lines[self.line]:
                del _lines[self.line]

    async def _finish(self) -> None:
        """Write the end down, then tell: who reloads on the news finds the whole answer stored."""
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(self._store())
        self.finished = True
        self.room.end()

    async def _store(self) -> None:
        for attempt in range(STORE_ATTEMPTS):
            try:
                return await database_sync_to_async(services.finish)(
                    message_id=self.message_id, state=self.state, text=self.text, result=self.result, trace=self.trace,
                    error=self.error, seconds=self.seconds or 0.0, link_id=self.exchange.conversation.link_id,
                    tokens=self.tokens,
                )
            except DatabaseError:
                log.exception("answer %s could not be stored, attempt %d", self.message_id, attempt + 1)
                await asyncio.sleep(attempt)


async def stop(conversation_id: uuid.UUID) -> None:
    """Stop what is being written in a conversation, if anything is."""
    generation = generation_in(conversation_id)
    if generation is not None:
        await generation.stop()
