"""Handler: what an app does with the news of its jobs. It lives in the trainer process; the child knows no database."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Protocol, cast

from django.core.exceptions import ObjectDoesNotExist
from django.db import InterfaceError, OperationalError, transaction
from django.utils.module_loading import import_string

from modeling.errors import ParleyError
from webapp.jobs.kinds import command_line, kind_named
from webapp.jobs.models import Job

log = logging.getLogger("parley.trainer")

Event = dict[str, Any]
BUSY = (OperationalError, InterfaceError)  # the database, for now: the same transaction is tried again
GONE = (ParleyError, ObjectDoesNotExist)  # what the job is about: trying again is no use


class Handler(Protocol):
    """One attempt of a job, seen by the app that queued it.

    `event`, `finished` and `ended` are called inside a transaction that has checked that this attempt still holds the
    lease, so a worker that lost it writes nothing. When that transaction fails because the database is busy, the same
    call comes again: what they do to files and to the handler itself must bear being done twice. A ParleyError or a
    DoesNotExist out of any method fails the job for good, with its text as the reason; another exception costs the
    attempt. Another handler of the same attempt may go on where this one was, when the trainer died and events were
    left. Files go into a folder of the attempt; `finished` moves them to their place.
    """

    def __init__(self, job: Job) -> None:
        """Look up what the job is about. Raises ParleyError or DoesNotExist when that is gone."""

    def command(self) -> list[str]:
        """The child's argument list. Makes the attempt's folder ready."""

    def event(self, event: Event) -> None:
        """One JSON object with an "event" that the child wrote, in order."""

    def progress(self) -> dict[str, Any]:
        """`progress` (0 to 1), `note`, `seconds_left` as they follow from the events; what is left out stays.

        What the child itself says in lines without an "event" is taken over before, and need not be repeated.
        """

    def finished(self, result: Any) -> Any:
        """The child ended well. Returns the job's result."""

    def ended(self, *, state: str, error: str) -> None:
        """The attempt ended otherwise: the job's new state (failed, cancelled, paused, queued), and why.

        Also called, on a handler made for that, when a job that has no child is cancelled, paused or queued again.
        """


class CommandHandler:
    """The handler of kinds that are a command and nothing else."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def command(self) -> list[str]:
        """The kind's command with the job's arguments."""
        return command_line(kind_named(self._job.kind), self._job.arguments)

    def event(self, event: Event) -> None:
        """Nobody listens."""

    def progress(self) -> dict[str, Any]:
        """What the child says."""
        return {}

    def finished(self, result: Any) -> Any:
        """As the child gave it."""
        return result

    def ended(self, *, state: str, error: str) -> None:
        """The job's own record is enough."""


def handler_of(job: Job) -> Handler:
    """The handler for the job's current attempt. Raises what its `__init__` raises."""
    path = kind_named(job.kind).handler
    return cast(Handler, import_string(path)(job) if path else CommandHandler(job))


def tell(handler: Handler, *, state: str, error: str = "") -> None:
    """Let a handler note an end. A fault of its own never keeps a job from ending; a busy database is passed on."""
    try:
        with transaction.atomic():
            handler.ended(state=state, error=error)
    except BUSY:
        raise
    except Exception:
        log.exception("%s.ended", type(handler).__name__)


def tell_about(job: Job, *, error: str = "") -> None:
    """Tell the handler of a job without a child the state that it has now. Nobody is told about what is gone."""
    try:
        handler = handler_of(job)
    except GONE:
        return
    tell(handler, state=job.state, error=error)


def folder_of_attempt(parent: Path, attempt: int) -> Path:
    """Where an attempt writes: a stopped worker that wakes up writes into a folder that nobody reads any more."""
    return parent / str(attempt)
