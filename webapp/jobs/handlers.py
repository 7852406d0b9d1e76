"""Handler: what an app does with the news of its jobs. It lives in the trainer process; the child knows no database."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from webapp.jobs.models import Job

Event = dict[str, Any]


class Handler(Protocol):
    """One attempt of a job, seen by the app that queued it.

    Every method but `command` is called inside a transaction that has checked that this attempt still holds the
    lease, so a worker that lost it writes nothing. Files go into a folder of the attempt; `finished` moves them to
    their place.
    """

    def __init__(self, job: Job) -> None:
        """Look up what the job is about. Raises ParleyError when that is gone: the job fails for good."""

    def command(self) -> list[str]:
        """The child's argument list. Makes the attempt's folder ready."""

    def event(self, event: Event) -> None:
        """One JSON object that the child wrote, in order."""

    def progress(self) -> dict[str, Any]:
        """`progress` (0 to 1), `note`, `seconds_left` as they follow from the events; what is left out stays."""

    def finished(self, result: Any) -> Any:
        """The child ended well. Returns the job's result."""

    def ended(self, *, state: str, error: str) -> None:
        """The attempt ended otherwise: the job's new state, and the last words of the child."""


def folder_of_attempt(parent: Path, attempt: int) -> Path:
    """Where an attempt writes: a stopped worker that wakes up writes into a folder that nobody reads any more."""
    return parent / str(attempt)
