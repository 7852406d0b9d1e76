"""The queue: one leased table, the same in SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from webapp.accounts.rights import owned_by

LONGEST_WAIT = timedelta(minutes=5)  # more than any job is ever told to wait


class JobState(models.TextChoices):
    """Where a job stands. The last three are final."""

    QUEUED = "queued", _("waiting")
    PAUSED = "paused", _("paused")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class JobQuerySet(models.QuerySet["Job"]):
    """Reads of the queue."""

    def visible_to(self, user: Any) -> JobQuerySet:
        """Those whose titles, pages and logs this user may see; the same may be changed."""
        return self.filter(owned_by(user))

    editable_by = visible_to

    def unfinished(self) -> JobQuerySet:
        """Waiting or running."""
        return self.filter(state__in=(JobState.QUEUED, JobState.RUNNING))

    def to_be_stopped(self) -> JobQuerySet:
        """Running, and somebody wants that to end."""
        return self.filter(Q(cancel_requested=True) | Q(pause_requested=True), state=JobState.RUNNING)

    def abandoned(self, now: datetime | None = None) -> JobQuerySet:
        """Running by the record, but its worker has not been heard of for a whole lease."""
        return self.filter(state=JobState.RUNNING, leased_until__lt=now or timezone.now())

    def claimable(self, now: datetime | None = None) -> JobQuerySet:
        """What a worker may take now, the most urgent first."""
        now = now or timezone.now()
        due = Q(not_before__lte=now) | Q(not_before__gt=now + LONGEST_WAIT)  # or the clock was set back since
        waiting = Q(state=JobState.QUEUED) & due
        lost = Q(state=JobState.RUNNING, leased_until__lt=now)
        return self.filter(waiting | lost).order_by("-priority", "created", "pk")


class Job(models.Model):
    """A piece of long work, done by a child process of a worker.

    `attempt` counts the claims and is the fencing token: a write names the attempt it belongs to, and one that is no
    longer the current attempt changes nothing.
    """

    kind = models.CharField(_("kind"), max_length=40)
    title = models.CharField(_("title"), max_length=200, blank=True, default="")  # what people call it
    url = models.CharField(max_length=200, blank=True, default="")  # the page of what it works on
    arguments = models.JSONField(_("arguments"), default=dict, blank=True)
    key = models.CharField(
        _("key"), max_length=120, unique=True, null=True, blank=True, help_text=_("at most one job has this key")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="jobs", verbose_name=_("owner")
    )
    priority = models.SmallIntegerField(_("priority"), default=0)

    state = models.CharField(_("state"), max_length=10, choices=JobState, default=JobState.QUEUED)
    attempt = models.PositiveIntegerField(_("attempt"), default=0)
    failures = models.PositiveIntegerField(_("failures"), default=0)
    not_before = models.DateTimeField(_("not before"), default=timezone.now)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    worker = models.CharField(_("worker"), max_length=120, blank=True, default="")  # see worker.py
    child = models.CharField(max_length=40, blank=True, default="")  # process id and start of its child's leash
    heard_attempt = models.PositiveIntegerField(default=0)  # the last attempt whose child was listened to,
    heard_lines = models.PositiveIntegerField(default=0)  # and how many lines of it are recorded
    cancel_requested = models.BooleanField(_("to be cancelled"), default=False)
    pause_requested = models.BooleanField(_("to be paused"), default=False)

    progress = models.FloatField(_("progress"), default=0, help_text=_("0 to 1"))
    furthest = models.FloatField(default=0)  # the highest progress of all attempts
    note = models.CharField(_("note"), max_length=200, blank=True, default="")
    seconds_left = models.FloatField(_("time left"), null=True, blank=True)  # as the work itself estimates it
    result = models.JSONField(_("result"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True, default="")

    created = models.DateTimeField(_("created"), default=timezone.now)
    started = models.DateTimeField(_("started"), null=True, blank=True)
    finished = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        """Claims look for the state first."""

        verbose_name, verbose_name_plural = _("job"), _("jobs")
        ordering = ("-created", "-pk")
        indexes = (models.Index(fields=("state", "-priority", "created"), name="jobs_claim"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
