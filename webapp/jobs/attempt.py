"""One attempt of a job: its child, its news, its end."""

from __future__ import annotations

import errno
import logging
import os
import time
from copy import copy
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_noop

from modeling.errors import ParleyError
from webapp.jobs import services
from webapp.jobs.handlers import BUSY, GONE, Handler, handler_of, tell
from webapp.jobs.kinds import kind_named
from webapp.jobs.models import Job
from webapp.jobs.news import News, unheard
from webapp.jobs.process import ChildProcess
from webapp.jobs.worker import process
from webapp.wording import stored

log = logging.getLogger("parley.trainer")

PERMANENT = 2  # exit status of our commands for a fault that only a person can mend: trying again is no use
SAVED = 75  # of a child that was told to end and has saved what it needs to go on
KILLED = 137
PERIOD = 1.0  # seconds between two looks into the database
BATCH = 200  # events in one transaction
BACKLOG = 5000  # events that wait for the database, after which the child waits too
DELETED = gettext_noop("What this job was about has been deleted.")
TOO_LONG = gettext_noop("It took longer than one attempt may take.")
ENDED = gettext_noop("It ended with an error")
NO_SPACE = os.strerror(errno.ENOSPC)  # as programs say it
FULL = gettext_noop("The server's disk is full. Its administrator has to make room.")
KILLED_FROM_OUTSIDE = gettext_noop("It was killed from outside, perhaps because memory ran out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an attempt failed, and whether another one may do better."""

    error: str
    retry: bool
    killed: bool = False


class Attempt:
    """A claimed job and its child. `step()` is one round; it never blocks."""

    def __init__(self, job: Job, *, logs: Path, threads: int, lease: timedelta = services.LEASE) -> None:
        """Nothing runs yet: the first step starts the child."""
        self.job, self.kind = job, kind_named(job.kind)
        self.child: ChildProcess | None = None
        self._handler: Handler | None = None
        self._logs, self._news = logs, News()
        self._threads, self._lease = threads, lease
        self._begin = time.monotonic()
        self._looked = self._beat = 0.0
        self._unsaid: dict[str, Any] = {}  # columns for the next heartbeat
        self._told = False
        self._deadline: float | None = None  # for a child that was told to end
        self._failure: Failure | None = None

    def step(self) -> bool:
        """One round. Returns whether the attempt is over. Raises LeaseLostError; BUSY when it is to be tried again."""
        try:
            return self._round()
        except (services.LeaseLostError, *BUSY):
            raise
        except GONE as fault:
            self._fail(stored(fault) if isinstance(fault, ParleyError) else DELETED, retry=False)
        except Exception as fault:
            log.exception("%s: attempt %d", self.job, self.job.attempt)
            if self._failure:  # not even its end can be written with the handler, and others wait for the lane
                self._handler = None
            self._fail(FULL if NO_SPACE in str(fault) else f"{type(fault).__name__}: {fault}", retry=True)
        return False

    def end(self) -> None:
        """Tell the child to end; the job is given back, or cancelled or paused where that was asked for."""
        self._told = True
        self._end_child()

    def abandon(self) -> None:
        """End the child without a word to the queue: the attempt no longer counts."""
        if self.child is not None:
            self.child.end(grace=0)
        self._close()

    def _round(self) -> bool:
        if self.child is None and not (self._told or self._failure):
            self._start()
        code = self.child.ended() if self.child else SAVED
        self._listen(over=code is not None)
        if code is None:
            self._watch_clock()
            self._look_if_due()
            return False
        self._record_all()
        if self.child and self.child.more:
            return False
        self._settle(code)
        return True

    def _start(self) -> None:
        self._handler = self._handler or handler_of(self.job)
        command = self._handler.command()
        self._logs.mkdir(parents=True, exist_ok=True)
        self._record_unheard()
        self.child = ChildProcess(
            command, environment=_environment(self.job, self._threads), niceness=self.kind.niceness,
            memory=self.kind.memory, grace=self.kind.grace, output=output_of(self._logs, self.job.pk, self.job.attempt),
        )
        self._unsaid["child"] = process(self.child.pid)

    def _record_unheard(self) -> None:
        """What earlier attempts said and no trainer lived to record: the work goes on from where they were."""
        job = self.job
        with services.record(job=job.pk, attempt=job.attempt, lease=self._lease, **self._heard(0)):
            for number in range(max(job.heard_attempt, 1), job.attempt):
                after = job.heard_lines if number == job.heard_attempt else 0
                earlier: Handler | None = None
                for event in unheard(output_of(self._logs, job.pk, number), after=after):
                    earlier = earlier or _handler_of_attempt(job, number)
                    earlier.event(event)

    def _heard(self, lines: int) -> dict[str, int]:
        return {"heard_attempt": self.job.attempt, "heard_lines": lines}

    def _listen(self, *, over: bool) -> None:
        if self.child and (over or len(self._news.events) < BACKLOG):
            self._news.take(self.child.lines())
        if self._failure:
            self._news.events.clear()

    def _watch_clock(self) -> None:
        now = time.monotonic()
        if self._deadline is not None and now > self._deadline and self.child:
            self.child.kill()
        elif now - self._begin > self.kind.seconds and not self._failure:
            self._fail(TOO_LONG, retry=False)

    def _look_if_due(self) -> None:
        now = time.monotonic()
        if now - self._looked < PERIOD:
            return
        self._looked = now
        if not self._told and Job.objects.to_be_stopped().filter(pk=self.job.pk).exists():
            self.end()
        silent = now - self._beat > self._lease.total_seconds() / 4
        if silent or self._news.events or self._news.progress or self._unsaid:
            self._record()

    def _record_all(self) -> None:
        while self._news.events:
            self._record()

    def _record(self) -> None:
        """Write a batch of news. Events leave their queue only when their transaction has been committed."""
        batch = list(islice(self._news.events, BATCH))
        changes = self._unsaid | (self._heard(batch[-1][0]) if batch else {})
        with services.record(job=self.job.pk, attempt=self.job.attempt, lease=self._lease, **changes):
            for _, event in batch:
                assert self._handler is not None
                self._handler.event(event)
            news = self._news.progress | (self._handler.progress() if self._handler else {})
            services.heartbeat(job=self.job.pk, attempt=self.job.attempt, lease=self._lease, **news)
        for _ in batch:
            self._news.events.popleft()
        self._news.progress, self._unsaid, self._beat = {}, {}, time.monotonic()

    def _settle(self, code: int) -> None:
        """Write the end, and let the handler do so, in one transaction."""
        attempt = {"job": self.job.pk, "attempt": self.job.attempt}
        failure = self._failure
        heard = self._heard(self._news.lines) if self.child else {}  # earlier attempts may still have to be heard
        with services.record(**attempt, lease=self._lease, **heard):
            if self._succeeded(code) and self._handler:
                services.finish(**attempt, result=self._handler.finished(self._news.result))
            elif not failure and (self._told or code == SAVED):
                self._tell(services.release(**attempt))
            else:
                failure = failure or self._failure_of(code)
                self._tell(services.fail(**attempt, **asdict(failure)), failure.error)
        self._close()

    def _succeeded(self, code: int) -> bool:
        cancelled = Job.objects.filter(pk=self.job.pk, cancel_requested=True).exists()
        return code == 0 and not self._failure and not cancelled

    def _tell(self, state: str, error: str = "") -> None:
        if self._handler:
            tell(self._handler, state=state, error=error)

    def _failure_of(self, code: int) -> Failure:
        if code == PERMANENT and self._news.complaint:
            return Failure(error=self._news.complaint, retry=False)
        if code == KILLED:
            return Failure(error=KILLED_FROM_OUTSIDE, retry=True, killed=True)
        if NO_SPACE in self._news.last_words:
            return Failure(error=FULL, retry=True)
        return Failure(error=f"{ENDED}: {self._news.last_words or f'status {code}'}", retry=code != PERMANENT)

    def _fail(self, error: str, *, retry: bool) -> None:
        self._failure = Failure(error=error, retry=retry)
        self._end_child()

    def _end_child(self) -> None:
        if self.child is not None and self._deadline is None:
            self._deadline = time.monotonic() + self.kind.grace
            self.child.terminate()

    def _close(self) -> None:
        if self.child is not None:
            self.child.close()


def _handler_of_attempt(job: Job, number: int) -> Handler:
    job = copy(job)
    job.attempt = number
    return handler_of(job)


def output_of(logs: Path, job: int, attempt: int) -> Path:
    """The file of what an attempt's child writes: news and log."""
    return logs / f"{job}-{attempt}.log"


def _environment(job: Job, threads: int) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "PARLEY_THREADS")
    return {**dict.fromkeys(names, str(threads)), "PARLEY_JOB": str(job.pk), "PARLEY_ATTEMPT": str(job.attempt)}
