"""The trainer: claims jobs and runs each as one child process on a leash.

A child says how far it is by writing JSON objects to standard output, one a line: {"progress": 0.5, "note": "...",
"seconds_left": 30}, {"event": ...} for the job's handler, and at the end {"result": ...}. Everything else it writes
goes to its log. It knows nothing of the queue.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.utils import timezone

from webapp.jobs import kinds, services
from webapp.jobs.attempt import Attempt
from webapp.jobs.kinds import Lane
from webapp.jobs.models import Job
from webapp.jobs.packages import training_packages
from webapp.jobs.worker import this_worker

log = logging.getLogger("parley.trainer")

LANES: Mapping[Lane, int] = {"short": 1, "long": 1}  # jobs at once
MINUTE = 60.0  # seconds between two looks at what is due by itself
MOMENT = 0.05
SILENCE = 10.0  # seconds between two complaints about the database: a full disk is not helped by a long log
HOUSEKEEPING = -10  # priority of what runs by itself: after all that people wait for


class Trainer:
    """Claims jobs, lane by lane, and keeps their attempts going. `step()` is one round; it never blocks."""

    def __init__(self, *, logs: Path, threads: int, lease: timedelta = services.LEASE) -> None:
        """Write the jobs' logs below `logs`; give each child `threads` threads."""
        self.worker = this_worker()
        self.attempts: list[Attempt] = []
        self._logs, self._threads, self._lease = logs, threads, lease
        self._complained = -SILENCE
        self._due = time.monotonic() + MINUTE  # who has just started the site goes first

    def step(self) -> None:
        """Move every attempt on, queue what falls due, claim what there is room for."""
        self.attempts = [attempt for attempt in self.attempts if not self._over(attempt)]
        try:
            self._fill()
        except DatabaseError as fault:
            self._excuse(fault)

    def _fill(self) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + MINUTE
            queue_due()
            services.settle_unclaimed()
        busy = Counter(attempt.kind.lane for attempt in self.attempts)
        free = [lane for lane, room in LANES.items() if busy[lane] < room]
        if free:
            services.expire_leases_of_the_dead()
        for lane in free:
            if job := services.claim(worker=self.worker, kinds=runnable(lane), lease=self._lease):
                log.info("%s: attempt %d", job, job.attempt)
                self.attempts.append(Attempt(job, logs=self._logs, threads=self._threads, lease=self._lease))

    def close(self) -> None:
        """Tell every child to end, wait for what it saves, and give every job back."""
        for attempt in self.attempts:
            attempt.end()
        deadline = time.monotonic() + max((attempt.kind.grace + 5 for attempt in self.attempts), default=0.0)
        while self.attempts and time.monotonic() < deadline:
            self.attempts = [attempt for attempt in self.attempts if not self._over(attempt)]
            time.sleep(MOMENT)
        for attempt in self.attempts:
            attempt.abandon()
        self.attempts = []

    def _over(self, attempt: Attempt) -> bool:
        try:
            return attempt.step()
        except services.LeaseLostError as fault:
            log.warning("%s", fault)
            attempt.abandon()
            return True
        except DatabaseError as fault:  # a busy database; the lease is long enough to try again
            self._excuse(fault)
            return False

    def _excuse(self, fault: DatabaseError) -> None:
        """A busy database is no reason to end; a connection that broke is opened anew."""
        if time.monotonic() - self._complained >= SILENCE:
            self._complained = time.monotonic()
            log.warning("%s", fault)
        close_old_connections()


def runnable(lane: Lane) -> list[str]:
    """The kinds of a lane that can run now: what trains waits for PyTorch."""
    ready = training_packages().ready
    return [name for name, kind in kinds.KINDS.items() if kind.lane == lane and (ready or not kind.trains)]


def queue_due() -> None:
    """Queue what runs by itself, once a period however many trainers there are."""
    now = timezone.now().timestamp()
    for name, kind in kinds.KINDS.items():
        if kind.every:
            key = f"{name}:{int(now // kind.every)}"
            if not Job.objects.filter(key=key).exists():
                services.enqueue(kind=name, key=key, priority=HOUSEKEEPING)
