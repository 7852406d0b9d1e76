"""The scheduler of one model: who waits, who runs, and the step that moves them on.

Continuous batching after Orca (Yu et al. 2022): requests join and leave the running batch between two steps.
"""

from __future__ import annotations

import itertools
import threading
import time
from abc import ABC, abstractmethod
from bisect import insort
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Any, Generic, TypeVar

from modeling.errors import EngineBusyError
from modeling.inference.request import Chunk, FinishReason, Request

PATIENCE = 0.3  # seconds after which a waiting request hears its place in the queue
_numbers = itertools.count()


class RequestStatus(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"


class Job:
    """A request on its way through a scheduler; each kind of work adds what it needs to remember."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.status = RequestStatus.WAITING
        self.emit: Callable[[Chunk], None] = lambda chunk: None
        self.cancelled = False
        self.submitted = time.monotonic()
        self.started = self.submitted
        self.expires = self.submitted + request.deadline if request.deadline is not None else float("inf")
        self.order = (-request.priority, next(_numbers))  # who goes first
        self.place = 0  # in the queue, as its stream knows it

    def __lt__(self, other: Job) -> bool:
        return self.order < other.order


JobT = TypeVar("JobT", bound=Job)
BatchT = TypeVar("BatchT")
OutputT = TypeVar("OutputT")


class Scheduler(ABC, Generic[JobT, BatchT, OutputT]):
    """Moves one model's requests through its running batch, one bounded piece of work a step.

    `prepare` and `add` may be called from any thread, the rest by the thread that steps.
    """

    def __init__(self, *, slots: int, max_waiting: int) -> None:
        self.slots, self.max_waiting = slots, max_waiting
        self.waiting: list[JobT] = []  # in the order in which they will start
        self.running: list[JobT] = []
        self.lock = threading.Lock()
        self.steps = self.tokens = self.max_running = self.finished = 0
        self.histogram: Counter[int] = Counter()  # rows in a step -> steps
        self._seconds = 1.0  # how long a request runs; moving average

    @abstractmethod
    def prepare(self, request: Request) -> JobT:
        """Check a request and make it a job. Raises RequestError."""

    @abstractmethod
    def schedule(self) -> BatchT | None:
        """Choose the next piece of work; None when there is none."""

    @abstractmethod
    def run(self, batch: BatchT) -> OutputT:
        """Let the model work on it."""

    @abstractmethod
    def update(self, batch: BatchT, output: OutputT) -> None:
        """Give each job what came out for it."""

    def release(self, job: JobT) -> None:
        """Give back what a running job holds (its slot)."""

    def add(self, job: JobT) -> None:
        """Queue a job. Raises EngineBusyError when the queue is full."""
        with self.lock:
            if len(self.waiting) >= self.max_waiting:
                raise EngineBusyError(f"{len(self.waiting)} requests are waiting for this model already",
                                      retry_after=self.expected_wait())
            insort(self.waiting, job)

    def step(self) -> bool:
        """Do one piece of work; False when there was none."""
        self._drop_unwanted()
        self._tell_places()
        batch = self.schedule()
        if batch is None:
            return False
        output = self.run(batch)
        self.update(batch, output)
        self.steps += 1
        return True

    def next_waiting(self) -> JobT | None:
        """Take the next job from the queue and start it."""
        with self.lock:
            job = self.waiting.pop(0) if self.waiting else None
            if job:
                self.start(job)
        return job

    def start(self, job: JobT) -> None:
        """Call a job running. The caller holds the lock and took it from the queue."""
        job.status, job.started = RequestStatus.RUNNING, time.monotonic()
        self.running.append(job)

    def finish(self, job: JobT, reason: FinishReason, **chunk: Any) -> None:
        """End a running job: its slot is free, and its stream hears the last chunk."""
        self.release(job)
        with self.lock:
            self.running.remove(job)
        self._seconds += 0.2 * (time.monotonic() - job.started - self._seconds)
        self.finished += 1
        self._end(job, reason, **chunk)

    def count(self, rows: int, tokens: int) -> None:
        """Keep the books: a step worked on `rows` rows and brought `tokens` tokens (or answers)."""
        self.histogram[rows] += 1
        self.max_running = max(self.max_running, rows)
        self.tokens += tokens

    @property
    def idle(self) -> bool:
        return not self.waiting and not self.running

    def expected_wait(self) -> float:
        """Seconds until a request that came now would start, from measured speed."""
        return max(1.0, (len(self.waiting) + 1) * self._seconds / self.slots)

    def fail(self, error: str) -> None:
        """End every job with an error: the model broke."""
        with self.lock:
            jobs, self.waiting, self.running = [*self.running, *self.waiting], [], []
        for job in jobs:
            self._end(job, "error", error=error)

    def stats(self) -> dict[str, Any]:
        return {
            "running": len(self.running), "waiting": len(self.waiting), "slots": self.slots, "steps": self.steps,
            "max_running": self.max_running, "tokens": self.tokens, "finished": self.finished,
            "batch_histogram": {str(rows): steps for rows, steps in sorted(self.histogram.items())},
        }

    def _drop_unwanted(self) -> None:
        """End what was cancelled or is too late by now."""
        now = time.monotonic()
        with self.lock:
            left = [job for job in self.waiting if job.cancelled or job.expires < now]
            if left:
                self.waiting = [job for job in self.waiting if job not in left]
        for job in left:
            self._end(job, **_reason(job))
        for job in [job for job in self.running if job.cancelled or job.expires < now]:
            self.finish(job, **_reason(job))

    def _tell_places(self) -> None:
        now = time.monotonic()
        with self.lock:
            moved = [(place, job) for place, job in enumerate(self.waiting, 1) if job.place != place]
        for place, job in moved:
            if now - job.submitted > PATIENCE:
                job.place = place
                job.emit(Chunk(stage="queued", result={"place": place}))

    def _end(self, job: JobT, reason: FinishReason, **chunk: Any) -> None:
        job.status = RequestStatus.FINISHED
        job.emit(Chunk(finish_reason=reason, **chunk))


def _reason(job: Job) -> dict[str, Any]:
    if job.cancelled:
        return {"reason": "cancelled"}
    return {"reason": "error", "error": "The answer was not ready in time. Try again when less is going on."}
