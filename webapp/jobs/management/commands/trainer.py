"""`manage.py trainer`: the process that works off the queue."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from webapp.jobs.services import LEASE
from webapp.jobs.trainer import Trainer

ROUND, IDLE_ROUND = 0.25, 1.0  # seconds


class Command(BaseCommand):
    """Claims jobs and runs them until it is told to end; then gives back what is not done."""

    help = "Work off the queue of jobs, until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        """Threads for each job, and how soon a silent trainer counts as dead."""
        parser.add_argument("--threads", type=int, default=1, help="threads that a job may use")
        parser.add_argument("--lease", type=float, default=LEASE.total_seconds(),
                            help="seconds of silence after which another trainer takes over")

    def handle(self, *args: Any, threads: int, lease: float, **options: Any) -> None:
        """Work."""
        ending = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ending.set())
        trainer = Trainer(logs=settings.HOME / "logs" / "jobs", threads=threads, lease=timedelta(seconds=lease))
        while not ending.wait(ROUND if trainer.attempts else IDLE_ROUND):
            trainer.step()
        trainer.close()
