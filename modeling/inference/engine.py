"""LocalEngine: the Engine in this process. One thread steps all models in turn; streams live in the event loop.

Only the server and the command line make one: the web talks to it over a socket (modeling.inference.connect).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from modeling.errors import EngineUnavailableError
from modeling.inference import wire
from modeling.inference.graphs import VERSION, available_providers
from modeling.inference.models import Model, Models
from modeling.inference.request import Chunk, Request
from modeling.inference.scheduler import Job

log = logging.getLogger(__name__)
FLUSH = 0.01  # seconds between two hand-overs of what was generated; fewer wake-ups, more speed


class LocalEngine:
    """Implements Engine. Use it as an async context manager; it belongs to the event loop that entered it."""

    def __init__(self, *, threads: int = 2, roots: Sequence[Path] | None = None, max_models: int = 8,
                 max_waiting: int = 64, device: str | None = None) -> None:  # fmt: skip
        """`roots` are the folders that artifacts and documents have to lie in; None allows any."""
        self.models = Models(threads=threads, roots=roots, max_models=max_models, max_waiting=max_waiting,
                             device=device)
        self._started = time.monotonic()
        self._outbox: deque[tuple[LocalStream, Chunk]] = deque()
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="scheduler", daemon=True)

    async def __aenter__(self) -> LocalEngine:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        traceback: TracebackType | None) -> None:  # fmt: skip
        self._stopped = True
        self._wake.set()
        await asyncio.to_thread(self._thread.join)
        self._deliver()

    async def submit(self, request: Request) -> LocalStream:
        """Queue a request; see Engine.submit. A model that is not in memory is loaded first."""
        if self._stopped:
            raise EngineUnavailableError("The engine is stopping", remedy="Try again in a few seconds")
        return await asyncio.to_thread(self._submit, request)

    async def preload(self, artifact: Path) -> None:
        """Load a model before its first request. Raises ParleyError."""
        def load() -> None:
            with self.models.using(artifact):
                pass

        await asyncio.to_thread(load)

    async def stats(self) -> dict[str, Any]:
        models = [model.stats() for model in self.models.all()]
        return {"providers": available_providers(), "versions": {"onnxruntime": VERSION}, "models": models,
                "uptime": time.monotonic() - self._started, "queue": sum(model["waiting"] for model in models)}

    def _submit(self, request: Request) -> LocalStream:
        for document in request.documents:
            self.models.allowed(Path(document))
        with self.models.using(Path(request.artifact)) as model:
            job = model.scheduler.prepare(request)
            stream = LocalStream(job, self._wake)
            job.emit = lambda chunk: self._outbox.append((stream, chunk))
            model.scheduler.add(job)
        self._wake.set()
        return stream

    def _work(self) -> None:
        """The scheduler thread: let each model do a piece of work in turn, sleep when none has any."""
        flushed = 0.0
        while not self._stopped:
            self._wake.clear()
            worked = [self._step(model) for model in self.models.all()]
            if self._outbox and (not any(worked) or time.monotonic() - flushed > FLUSH):
                flushed = time.monotonic()
                self._loop.call_soon_threadsafe(self._deliver)
            if not any(worked):
                self._wake.wait(1.0)
        for model in self.models.all():
            model.scheduler.fail("The engine was stopped. Ask again in a few seconds.")

    def _step(self, model: Model) -> bool:
        try:
            return model.scheduler.step()
        except Exception:
            log.exception("%s failed and is unloaded", model.artifact.path)
            self.models.drop(model)
            model.scheduler.fail("The model failed in the middle of this answer. Ask again; if it fails again, tell "
                                 "the administrator.")
            return True

    def _deliver(self) -> None:
        """Hand the chunks to their streams; runs in the event loop."""
        while self._outbox:
            stream, chunk = self._outbox.popleft()
            stream.put(chunk)


class LocalStream:
    """Implements Stream. Text that has piled up comes as one chunk."""

    def __init__(self, job: Job, wake: threading.Event) -> None:
        self._job, self._wake = job, wake
        self._chunks: deque[Chunk] = deque()
        self._ready = asyncio.Event()
        self._ended = False

    def put(self, chunk: Chunk) -> None:
        last = self._chunks[-1] if self._chunks else None
        joined = wire.merged(last, chunk) if last else None
        if joined:
            self._chunks[-1] = joined
        else:
            self._chunks.append(chunk)
        self._ready.set()

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        while not self._ended:
            await self._ready.wait()
            chunk = self._chunks.popleft()
            if not self._chunks:
                self._ready.clear()
            self._ended = chunk.finish_reason is not None
            yield chunk

    async def cancel(self) -> None:
        """Stop: the slot is free before the next step, and the last chunk says "cancelled"."""
        self._job.cancelled = True
        self._wake.set()
