"""What is forgotten, and when: nothing is kept longer than somebody may come back for it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from webapp.assistants.models import Assistant
from webapp.chat.services import forget
from webapp.datasets import uploads
from webapp.experiments.models import Search
from webapp.jobs.models import JobState
from webapp.training.models import Artifact, TrainingRun
from webapp.vectors.models import WordVectors

DAY = 24 * 3600  # seconds
LEFTOVERS = (".backup-*", ".restore-*", ".download-*")  # in the home, of commands that were killed
OVER = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


def forget_all(*, days: int) -> dict[str, int]:
    """Forget what is due; conversations of visitors without an account after so many days. Returns how many of each."""
    conversations = forget(before=timezone.now() - timedelta(days=days))
    call_command("clearsessions")
    return {
        "conversations": conversations,
        "uploads": uploads.sweep(),
        "attempts": _remove(_dead_attempts(), settings.RUN_DAYS),
        "artifacts": _remove(_artifacts_of_nobody(), settings.RUN_DAYS),
        "vectors": _remove(_vectors_of_nobody(), settings.RUN_DAYS),
        "labelled": _remove((settings.HOME / "labelled").glob("*"), settings.RUN_DAYS),
        "logs": _remove((settings.HOME / "logs" / "jobs").glob("*.log"), settings.JOB_LOG_DAYS),
        "leftovers": _remove((path for pattern in LEFTOVERS for path in settings.HOME.glob(pattern)), 1),
    }


def _dead_attempts() -> Iterable[Path]:
    """Folders of trainings that are over or gone, of evaluations and imports that nobody goes on with."""
    alive = {str(pk) for pk in TrainingRun.objects.exclude(job__state__in=OVER).exclude(job=None).values_list(
        "pk", flat=True)}
    yield from (path for path in (settings.HOME / "runs").glob("*") if path.name not in alive)
    yield from (settings.HOME / "evaluations").glob("*.attempts")
    yield from (settings.HOME / "imports").glob("*")
    searching = {str(pk) for pk in Search.objects.exclude(job__state__in=OVER).exclude(job=None).values_list(
        "pk", flat=True)}
    yield from (path for path in (settings.HOME / "searches").glob("*") if path.name not in searching)
    yield from (settings.HOME / "datasets").glob("*/building/*")


def _artifacts_of_nobody() -> Iterable[Path]:
    """Left by a kill between the files and their row."""
    known = {*Artifact.objects.values_list("path", flat=True), *Assistant.objects.values_list("artifact", flat=True)}
    return (path for path in (settings.HOME / "artifacts").glob("*") if str(path) not in known)


def _vectors_of_nobody() -> Iterable[Path]:
    """The same for word vectors."""
    known = {str(pk) for pk in WordVectors.objects.values_list("pk", flat=True)}
    return (path for path in (settings.HOME / "vectors").glob("*") if path.name not in known)


def _remove(paths: Iterable[Path], days: int) -> int:
    """Delete those of these files and folders in which nothing has been touched for so many days."""
    due = [path for path in paths if _touched(path) < time.time() - days * DAY]
    for path in due:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    return len(due)


def _touched(path: Path) -> float:
    """The latest change in it; now, when it is being changed under our eyes."""
    try:
        return max(found.lstat().st_mtime for found in (path, *path.rglob("*")))
    except FileNotFoundError:
        return time.time()
