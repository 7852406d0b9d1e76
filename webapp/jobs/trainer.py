"""The trainer: claims jobs and runs each as one child process on a leash.

A child says how far it is by writing JSON objects to standard output, one a line: {"progress": 0.5, "note": "..."},
and at the end {"result": ...}. Everything else it writes goes to its log. It knows nothing of the queue.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import Error as DatabaseError
from django.utils import timezone

from webapp.jobs import services
from webapp.jobs.kinds import KINDS, Lane, command_line
from webapp.jobs.models import Job
from webapp.jobs.process import ChildProcess

log = logging.getLogger("parley.trainer")

LANES: Mapping[Lane, int] = {"short": 1, "long": 1}  # jobs at once
TAIL = 20  # last lines of the log that explain a failure
PERMANENT = 2  # exit status of our commands for a fault that only a person can mend: trying again is no use


class Run:
    """One attempt of a job: its child, its heartbeat, its end."""

    def __init__(self, job: Job, *, logs: Path, threads: int) -> None:
        """Start the child of a claimed job."""
        self.job, self.kind = job, KINDS[job.kind]
        logs.mkdir(parents=True, exist_ok=True)
        self._log = (logs / f"{job.pk}-{job.attempt}.log").open("w")
        self._tail: list[str] = []
        self._result: Any = None
        self._changes: dict[str, Any] = {}
        self._begin = self._beat = self._looked = time.monotonic()
        self._child = ChildProcess(
            command_line(self.kind, job.arguments),
            environment=_environment(job, threads),
            niceness=self.kind.niceness,
            memory=self.kind.memory,
        )

    @property
    def ended(self) -> bool:
        """Whether the child is gone."""
        return self._log.closed

    def step(self) -> bool:
        """Take in what has come, beat when it is time. Returns whether the attempt is over."""
        code = self._child.ended()
        self._take_in()
        if code is not None:
            self._settle(code)
            return True
        if time.monotonic() - self._begin > self.kind.seconds:
            self._stop(f"It took longer than {self.kind.seconds} s, the limit of one attempt.")
            return True
        return self._beat_if_due()

    def give_back(self) -> None:
        """End the child and return the job to the queue, because the trainer stops."""
        self._end_child()
        services.release(job=self.job.pk, attempt=self.job.attempt)

    def abandon(self) -> None:
        """End the child without a word to the queue: the attempt no longer counts."""
        self._end_child()

    def _take_in(self) -> None:
        for line in self._child.lines():
            event = _event(line)
            if event is None:
                self._log.write(line + "\n")
                self._tail = [*self._tail[1 - TAIL :], line]
            else:
                self._result = event.get("result", self._result)
                self._changes.update({name: event[name] for name in ("progress", "note") if name in event})
        self._log.flush()

    def _beat_if_due(self) -> bool:
        now = time.monotonic()
        if now - self._looked < 1:
            return False
        self._looked = now
        if Job.objects.filter(pk=self.job.pk, cancel_requested=True).exists():
            self._end_child()
            services.stop(job=self.job.pk, attempt=self.job.attempt)
            return True
        if self._changes or now - self._beat >= services.HEARTBEAT.total_seconds():
            changes, self._changes, self._beat = self._changes, {}, now
            services.heartbeat(job=self.job.pk, attempt=self.job.attempt, **changes)
        return False

    def _settle(self, code: int) -> None:
        self._end_child()
        if code == 0:
            services.finish(job=self.job.pk, attempt=self.job.attempt, result=self._result)
        else:
            error = "\n".join([f"It ended with status {code}.", *self._tail])
            services.fail(job=self.job.pk, attempt=self.job.attempt, error=error, retry=code != PERMANENT)

    def _stop(self, error: str) -> None:
        self._end_child()
        services.fail(job=self.job.pk, attempt=self.job.attempt, error=error, retry=False)

    def _end_child(self) -> None:
        if self._child.ended() is None:
            self._child.end(grace=5)
            self._take_in()
        self._child.close()
        self._log.close()


class Trainer:
    """Claims jobs, lane by lane, and keeps their attempts going. `step()` is one round; it never blocks."""

    def __init__(self, *, logs: Path, threads: int) -> None:
        """Write the jobs' logs below `logs`; give each child `threads` threads."""
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self.runs: list[Run] = []
        self._logs, self._threads = logs, threads
        self._due = 0.0

    def step(self) -> None:
        """Move every attempt on, queue what falls due, claim what there is room for."""
        self.runs = [run for run in self.runs if not self._over(run)]
        try:
            self._fill()
        except DatabaseError as fault:
            log.warning("%s", fault)

    def _fill(self) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + 60
            queue_due()
        busy = Counter(run.kind.lane for run in self.runs)
        for lane, room in LANES.items():
            kinds = [name for name, kind in KINDS.items() if kind.lane == lane]
            if busy[lane] < room and (job := services.claim(worker=self.worker, kinds=kinds)):
                log.info("%s: attempt %d", job, job.attempt)
                self.runs.append(Run(job, logs=self._logs, threads=self._threads))

    def close(self) -> None:
        """Give every job back."""
        for run in self.runs:
            try:
                run.give_back()
            except (services.LeaseLostError, DatabaseError) as fault:
                log.warning("%s: %s", run.job, fault)
        self.runs = []

    @staticmethod
    def _over(run: Run) -> bool:
        try:
            return run.step()
        except services.LeaseLostError as fault:
            log.warning("%s", fault)
            run.abandon()
            return True
        except DatabaseError as fault:  # a busy database; the lease is long enough to try again
            log.warning("%s: %s", run.job, fault)
            return run.ended


def queue_due() -> None:
    """Queue what runs by itself, once a period however many trainers there are."""
    now = timezone.now().timestamp()
    for name, kind in KINDS.items():
        if kind.every:
            key = f"{name}:{int(now // kind.every)}"
            if not Job.objects.filter(key=key).exists():
                services.enqueue(kind=name, key=key)


def _environment(job: Job, threads: int) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "PARLEY_THREADS")
    return {**dict.fromkeys(names, str(threads)), "PARLEY_JOB": str(job.pk), "PARLEY_ATTEMPT": str(job.attempt)}


def _event(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
