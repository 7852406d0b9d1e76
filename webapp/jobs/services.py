"""Writes to the queue. Each is one conditional update, so that any number of workers may call them at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from modeling.errors import ParleyError
from webapp.accounts.models import User
from webapp.jobs.kinds import command_line, kind_named
from webapp.jobs.models import Job, JobState

HEARTBEAT = timedelta(seconds=10)
LEASE = timedelta(seconds=45)
BACKOFF = (timedelta(seconds=2), timedelta(seconds=30), timedelta(minutes=5))  # before the second, third, ... attempt


class LeaseLostError(ParleyError):
    """This attempt is no longer the current one: the lease ran out and another worker has the job, or it is over."""


def enqueue(
    *,
    kind: str,
    arguments: Mapping[str, Any] | None = None,
    owner: User | None = None,
    priority: int = 0,
    key: str | None = None,
) -> Job:
    """Queue a job. With a `key`, a second call returns the first one's job. Raises ConfigError for what cannot run."""
    command_line(kind_named(kind), arguments or {})
    try:
        with transaction.atomic():
            return Job.objects.create(
                kind=kind, arguments=dict(arguments or {}), owner=owner, priority=priority, key=key
            )
    except IntegrityError:
        if key is None:
            raise
        return Job.objects.get(key=key)


def claim(*, worker: str, kinds: Collection[str], lease: timedelta = LEASE) -> Job | None:
    """Take the most urgent job of one of these kinds, or None. No two workers ever get the same attempt."""
    now = timezone.now()
    for seen in Job.objects.claimable(now).filter(kind__in=kinds)[:20]:
        if job := _claim(seen, worker=worker, now=now, lease=lease):
            return job
    return None


def _claim(seen: Job, *, worker: str, now: datetime, lease: timedelta) -> Job | None:
    unchanged = Job.objects.filter(
        pk=seen.pk, state=seen.state, attempt=seen.attempt, leased_until=seen.leased_until
    )
    if seen.cancel_requested:
        unchanged.update(state=JobState.CANCELLED, finished=now, leased_until=None)
        return None
    failures = seen.failures + (seen.state == JobState.RUNNING)  # still running by the record: its worker died
    if failures >= kind_named(seen.kind).attempts:
        lost = f"Its worker died in attempt {seen.attempt}, the last one allowed."
        unchanged.update(state=JobState.FAILED, finished=now, leased_until=None, error=lost)
        return None
    taken = unchanged.update(
        state=JobState.RUNNING,
        attempt=seen.attempt + 1,
        failures=failures,
        worker=worker,
        leased_until=now + lease,
        started=now,
        progress=0,
        note="",
    )
    return Job.objects.get(pk=seen.pk) if taken else None


def heartbeat(
    *, job: int, attempt: int, progress: float | None = None, note: str | None = None, lease: timedelta = LEASE
) -> bool:
    """Say that this attempt is alive, and how far it is. Returns whether it should stop. Raises LeaseLostError."""
    changes: dict[str, Any] = {"leased_until": timezone.now() + lease}
    if progress is not None:
        changes["progress"] = min(max(progress, 0.0), 1.0)
    if note is not None:
        changes["note"] = note[:200]
    _write(job, attempt, **changes)
    return Job.objects.filter(pk=job, cancel_requested=True).exists()


def finish(*, job: int, attempt: int, result: Any = None) -> None:
    """The work is done. Raises LeaseLostError when this attempt no longer counts."""
    _end(job, attempt, JobState.DONE, progress=1.0, result=result, error="")


def fail(*, job: int, attempt: int, error: str, retry: bool = True) -> None:
    """The attempt failed; the job waits for its next one, where there is one. Raises LeaseLostError."""
    row = Job.objects.get(pk=job)
    if row.cancel_requested:
        return stop(job=job, attempt=attempt)
    failures = row.failures + 1
    if not retry or failures >= kind_named(row.kind).attempts:
        return _end(job, attempt, JobState.FAILED, failures=failures, error=error)
    later = timezone.now() + BACKOFF[min(failures, len(BACKOFF)) - 1]
    _requeue(job, attempt, failures=failures, error=error, not_before=later)


def stop(*, job: int, attempt: int) -> None:
    """The attempt ended because it was told to. Raises LeaseLostError."""
    _end(job, attempt, JobState.CANCELLED)


def release(*, job: int, attempt: int) -> None:
    """Give the job back, because the worker goes; that is no failure of the job. Raises LeaseLostError."""
    _requeue(job, attempt)


def cancel(*, job: int) -> None:
    """End a job: at once when it waits; when it runs, its worker is told at its next heartbeat. Final states stay."""
    waiting = Job.objects.filter(pk=job, state=JobState.QUEUED)
    if waiting.update(state=JobState.CANCELLED, cancel_requested=True, finished=timezone.now()):
        return
    Job.objects.filter(pk=job, state=JobState.RUNNING).update(cancel_requested=True)


def _requeue(job: int, attempt: int, **changes: Any) -> None:
    _write(job, attempt, state=JobState.QUEUED, leased_until=None, worker="", **changes)


def _end(job: int, attempt: int, state: Any, **changes: Any) -> None:
    _write(job, attempt, state=state, finished=timezone.now(), leased_until=None, **changes)


def _write(job: int, attempt: int, **changes: Any) -> None:
    if not Job.objects.filter(pk=job, attempt=attempt, state=JobState.RUNNING).update(**changes):
        raise LeaseLostError(f"Attempt {attempt} of job {job} no longer holds its lease")
