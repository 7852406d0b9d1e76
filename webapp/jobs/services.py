"""Writes to the queue. Each is one conditional update, so that any number of workers may call them at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, F, IntegerField, Max, Value, When
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext_noop

from modeling.errors import ParleyError
from webapp.accounts.models import User
from webapp.jobs import kinds
from webapp.jobs.handlers import tell_about
from webapp.jobs.kinds import command_line, kind_named
from webapp.jobs.models import Job, JobState
from webapp.jobs.worker import has_ended, is_dead

LEASE = timedelta(seconds=45)
BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (2, 10, 30, 60))  # before the second, third, ... attempt
MOST_URGENT = 30_000
LOST = gettext_noop("Its worker died, in the last attempt allowed.")
NO_MORE = gettext_noop("This version of Parley does no such work any more.")
UNTOUCHED: Mapping[str, Any] = {"progress": 0.0, "note": "", "child": ""}


class LeaseLostError(ParleyError):
    """This attempt is no longer the current one: the lease ran out and another worker has the job, or it is over."""


def enqueue(
    *,
    kind: str,
    arguments: Mapping[str, Any] | None = None,
    owner: User | None = None,
    title: str = "",
    url: str = "",
    priority: int = 0,
    key: str | None = None,
    seconds: float | None = None,
) -> Job:
    """Queue a job. With a `key`, a second call returns the first one's job. Raises ConfigError for what cannot run.

    `title` is what people call it, `url` the page of what it works on, `seconds` how long it may take.
    """
    command_line(kind_named(kind), arguments or {})
    try:
        with transaction.atomic():
            return Job.objects.create(
                kind=kind, arguments=dict(arguments or {}), owner=owner, priority=priority, key=key,
                title=title[:200], url=url[:200], seconds_left=seconds,
            )
    except IntegrityError:
        if key is None:
            raise
        return Job.objects.get(key=key)


def lead_to(*, job: int, url: str) -> None:
    """Give a job the page of what it has made, which was not there when it began."""
    Job.objects.filter(pk=job).update(url=url)


def claim(*, worker: str, kinds: Collection[str], lease: timedelta = LEASE) -> Job | None:
    """Take the most urgent job of one of these kinds, or None. No two workers ever get the same attempt."""
    now = timezone.now()
    for seen in Job.objects.claimable(now).filter(kind__in=kinds)[:20]:
        if job := _claim(seen, worker=worker, now=now, lease=lease):
            return job
    return None


def _claim(seen: Job, *, worker: str, now: datetime, lease: timedelta) -> Job | None:
    failures = seen.failures + (seen.state == JobState.RUNNING)  # still running by the record: its worker died
    if seen.cancel_requested or seen.pause_requested:
        _settle(seen, JobState.CANCELLED if seen.cancel_requested else JobState.PAUSED)
        return None
    if failures >= kind_named(seen.kind).kills:
        _settle(seen, JobState.FAILED, error=LOST)
        return None
    taken = _as_seen(seen).update(
        state=JobState.RUNNING, attempt=seen.attempt + 1, failures=failures, worker=worker,
        leased_until=now + lease, started=now, finished=None, **UNTOUCHED,
    )
    return Job.objects.get(pk=seen.pk) if taken else None


def expire_leases_of_the_dead() -> int:
    """Let jobs be claimed at once whose worker and child ran on this machine and have certainly ended."""
    expired = 0
    for job in Job.objects.filter(state=JobState.RUNNING, leased_until__gt=timezone.now()):
        if is_dead(job.worker) and has_ended(job.child):
            expired += _as_seen(job).update(leased_until=timezone.now() - timedelta(seconds=1))
    return expired


def settle_unclaimed() -> None:
    """End jobs that no worker claims any more: of a kind that is gone, or to be stopped while their kind cannot run."""
    for seen in Job.objects.claimable().exclude(kind__in=kinds.KINDS):
        _settle(seen, JobState.CANCELLED if seen.cancel_requested else JobState.FAILED, error=NO_MORE)
    for seen in Job.objects.abandoned().to_be_stopped():
        _settle(seen, JobState.CANCELLED if seen.cancel_requested else JobState.PAUSED)


@contextmanager
def record(*, job: int, attempt: int, lease: timedelta = LEASE, **changes: Any) -> Iterator[None]:
    """A transaction in which this attempt writes: all of it or, when the lease is lost, nothing. Renews the lease.

    `changes` are columns of the job. Raises LeaseLostError before anything inside is done.
    """
    if (progress := changes.get("progress")) is not None:  # who gets further than ever before has not failed in vain
        changes["furthest"] = Greatest(F("furthest"), Value(progress))
        further = When(furthest__lt=progress, then=Value(0))
        changes["failures"] = Case(further, default=F("failures"), output_field=IntegerField())
    with transaction.atomic():
        _write(job, attempt, leased_until=timezone.now() + lease, **changes)
        yield


def heartbeat(*, job: int, attempt: int, lease: timedelta = LEASE, **news: Any) -> bool:
    """Say that this attempt is alive; `news`: progress, note, seconds_left. Returns whether it should stop.

    Raises LeaseLostError.
    """
    with record(job=job, attempt=attempt, lease=lease, **columns(news)):
        return Job.objects.to_be_stopped().filter(pk=job).exists()


def columns(news: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that hold progress, note and seconds_left, in bounds; everything else is left out."""
    changes: dict[str, Any] = {}
    if isinstance(progress := news.get("progress"), int | float):
        changes["progress"] = min(max(float(progress), 0.0), 1.0)
    if isinstance(note := news.get("note"), str):
        changes["note"] = note[:200]
    if "seconds_left" in news:
        left = news["seconds_left"]
        changes["seconds_left"] = max(float(left), 0.0) if isinstance(left, int | float) else None
    return changes


def finish(*, job: int, attempt: int, result: Any = None) -> str:
    """The work is done. Returns the new state. Raises LeaseLostError when this attempt no longer counts."""
    return _end(job, attempt, JobState.DONE, progress=1.0, result=result, error="")


def fail(*, job: int, attempt: int, error: str, retry: bool = True, killed: bool = False) -> str:
    """The attempt failed; the job waits for its next one, where there is one. Returns the new state.

    One that was `killed` from outside may have done nothing wrong: there are more of those. Raises LeaseLostError.
    """
    row = Job.objects.get(pk=job)
    if row.cancel_requested:
        return release(job=job, attempt=attempt)
    failures, kind = row.failures + 1, kind_named(row.kind)
    if not retry or failures >= (kind.kills if killed else kind.attempts):
        return _end(job, attempt, JobState.FAILED, failures=failures, error=error)
    if row.pause_requested:
        return _end(job, attempt, JobState.PAUSED, failures=failures, error=error)
    later = timezone.now() + BACKOFF[min(failures, len(BACKOFF)) - 1]
    return _requeue(job, attempt, failures=failures, error=error, not_before=later)


def release(*, job: int, attempt: int) -> str:
    """Give the job back, because it was told to end or the worker goes; that is no failure. Returns the new state:
    cancelled or paused where that was asked for, else queued. Raises LeaseLostError."""
    row = Job.objects.get(pk=job)
    if row.cancel_requested:
        return _end(job, attempt, JobState.CANCELLED)
    if row.pause_requested:
        return _end(job, attempt, JobState.PAUSED)
    return _requeue(job, attempt)


def cancel(*, job: int) -> None:
    """End a job: at once when it waits; when it runs, its worker is told at its next heartbeat. Final states stay."""
    with transaction.atomic():
        if _change(job, JobState.CANCELLED, JobState.QUEUED, JobState.PAUSED, finished=timezone.now()):
            return
        Job.objects.filter(pk=job, state=JobState.RUNNING).update(cancel_requested=True)


def pause(*, job: int) -> None:
    """Let a job rest: at once when it waits; a running one saves what it has, where it can, and ends its child."""
    with transaction.atomic():
        if not _change(job, JobState.PAUSED, JobState.QUEUED):
            Job.objects.filter(pk=job, state=JobState.RUNNING).update(pause_requested=True)


def unpause(*, job: int) -> None:
    """Let a paused job wait for its turn again, in its old place."""
    with transaction.atomic():
        if not _change(job, JobState.QUEUED, JobState.PAUSED, not_before=timezone.now()):
            Job.objects.filter(pk=job, state=JobState.RUNNING).update(pause_requested=False)


def retry(*, job: int) -> None:
    """Queue a failed or cancelled job again, with all its attempts before it."""
    with transaction.atomic():
        _change(job, JobState.QUEUED, JobState.FAILED, JobState.CANCELLED, not_before=timezone.now(), failures=0,
                error="", finished=None, cancel_requested=False, **UNTOUCHED)


def move_to_front(*, job: int) -> None:
    """Make a waiting job the next of its lane."""
    waiting = Job.objects.filter(state=JobState.QUEUED)
    highest = waiting.exclude(pk=job).aggregate(highest=Max("priority"))["highest"] or 0
    waiting.filter(pk=job).update(priority=min(max(highest, 0) + 1, MOST_URGENT))


def _change(job: int, new: Any, *old: Any, **changes: Any) -> bool:
    """Move a job that no worker holds, and tell its handler."""
    changed = Job.objects.filter(pk=job, state__in=old).update(state=new, pause_requested=False, **changes)
    if changed:
        tell_about(Job.objects.get(pk=job))
    return bool(changed)


def _settle(seen: Job, state: Any, *, error: str = "") -> None:
    """End a job whose worker is gone."""
    finished = None if state == JobState.PAUSED else timezone.now()
    with transaction.atomic():
        if _as_seen(seen).update(state=state, finished=finished, leased_until=None, error=error, pause_requested=False):
            tell_about(Job.objects.get(pk=seen.pk), error=error)


def _as_seen(seen: Job) -> Any:
    return Job.objects.filter(pk=seen.pk, state=seen.state, attempt=seen.attempt, leased_until=seen.leased_until)


def _requeue(job: int, attempt: int, **changes: Any) -> str:
    _write(job, attempt, state=JobState.QUEUED, leased_until=None, worker="", child="", **changes)
    return str(JobState.QUEUED)


def _end(job: int, attempt: int, state: Any, **changes: Any) -> str:
    finished = None if state == JobState.PAUSED else timezone.now()
    left = {} if state == JobState.PAUSED else {"seconds_left": None}
    _write(job, attempt, state=state, finished=finished, leased_until=None, child="", pause_requested=False,
           **left, **changes)
    return str(state)


def _write(job: int, attempt: int, **changes: Any) -> None:
    if not Job.objects.filter(pk=job, attempt=attempt, state=JobState.RUNNING).update(**changes):
        raise LeaseLostError(f"Attempt {attempt} of job {job} no longer holds its lease")
