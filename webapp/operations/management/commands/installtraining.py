"""`manage.py installtraining`: adds PyTorch to a site that serves already. `start` runs it on a fresh machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from webapp.jobs.packages import FAILED, INSTALLING, READY, tell_installation
from webapp.jobs.worker import process

LAST_LINES = 6  # of an installation that failed


class Command(BaseCommand):
    """Runs `install.py train` and writes down how that goes, for the queue and its pages."""

    help = "Install what training needs."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Install. Raises CommandError with the reason when that fails."""
        tell_installation(state=INSTALLING, process=process(os.getpid()))
        status, last = self._install([sys.executable, str(settings.ROOT / "install.py"), "train"])
        if status:
            tell_installation(state=FAILED, detail=last)
            raise CommandError("PyTorch was not installed; trainings wait. The next start tries again.")
        tell_installation(state=READY)
        self.stdout.write("PyTorch is installed; trainings can start.")

    def _install(self, command: list[str]) -> tuple[int, str]:
        """The exit status, and the last lines that the installation wrote."""
        last: deque[str] = deque(maxlen=LAST_LINES)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as installation:
            assert installation.stdout is not None
            for line in installation.stdout:
                self.stdout.write(line.rstrip())
                self.stdout.flush()
                last.append(line.strip())
        return installation.returncode, "\n".join(filter(None, last))
