"""The queue as a page shows it: what runs, what waits in which place and why, what rests, what is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from webapp.accounts.rights import is_admin
from webapp.jobs.kinds import KINDS, Kind
from webapp.jobs.models import Job, JobState
from webapp.jobs.packages import training_packages
from webapp.wording import duration, spoken

FINISHED = 20  # of those that are over, the newest
TONES = {JobState.RUNNING: "busy", JobState.DONE: "good", JobState.FAILED: "fault"}
LABELS: Mapping[str, Any] = {
    "front": _("Move to the front"), "pause": _("Pause"), "unpause": _("Go on"), "cancel": _("Cancel"),
    "retry": _("Try again"),
}
NOTES: Mapping[str, Any] = {  # what our programs say of themselves; other notes are shown as they are
    "reading": _("reading the rows"), "sorted": _("writing the splits"), "measuring": _("measuring on the test data"),
    "exporting": _("writing the artifact"),
}
OTHER = Kind()  # of a kind that is no more


@dataclass(slots=True, kw_only=True)
class Line:
    """A job as one person sees it."""

    job: Job
    mine: bool  # title, link, owner, error and buttons are for its owner and for admins
    place: int | None = None  # of a waiting one in its lane, from 1
    wait: float | None = None  # seconds until its turn, where that is known
    actions: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What sort of work it is."""
        return str(KINDS.get(self.job.kind, OTHER).title or self.job.kind)

    @property
    def name(self) -> str:
        """What it is called, where that is this person's business."""
        return self.job.title or self.kind if self.mine else gettext("Somebody else’s")

    @property
    def tone(self) -> str:
        """The class of its state."""
        return TONES.get(self.job.state, "")

    @property
    def state(self) -> str:
        """Its state, and what is about to become of it."""
        if self.job.state == JobState.RUNNING and self.job.cancel_requested:
            return gettext("being cancelled")
        if self.job.state == JobState.RUNNING and self.job.pause_requested:
            return gettext("about to pause")
        if self.place:
            return gettext("waiting, place %(n)s") % {"n": self.place}
        return str(self.job.get_state_display())

    @property
    def remark(self) -> str:
        """What it does now, why it waits, or why it failed."""
        job, now = self.job, timezone.now()
        if job.state == JobState.FAILED:
            return spoken(job.error) if self.mine else ""
        if job.state == JobState.QUEUED:
            return self._reason(now)
        works = self.mine and job.state in (JobState.RUNNING, JobState.PAUSED)
        return str(NOTES.get(job.note, job.note)) if works else ""

    def _reason(self, now: datetime) -> str:
        if KINDS.get(self.job.kind, OTHER).trains and (notice := training_packages().notice):
            return notice
        if self.job.not_before > now:
            return gettext("Tries again in %(time)s.") % {"time": duration((self.job.not_before - now).total_seconds())}
        return gettext("Starts in about %(time)s.") % {"time": duration(self.wait)} if self.wait else ""

    @property
    def percent(self) -> str:
        """How far it is."""
        return f"{self.job.progress:.0%}".replace("%", " %")

    @property
    def age(self) -> str:
        """How long ago it ended."""
        seconds = (timezone.now() - self.job.finished).total_seconds() if self.job.finished else 0
        return gettext("%(time)s ago") % {"time": duration(seconds)} if self.job.finished else ""

    @property
    def times(self) -> list[str]:
        """Time spent, and time left."""
        job, found = self.job, []
        if job.started and job.state not in (JobState.QUEUED, JobState.PAUSED):
            found.append(duration(((job.finished or timezone.now()) - job.started).total_seconds()))
        if job.state == JobState.RUNNING and job.seconds_left is not None:
            found.append(gettext("about %(time)s left") % {"time": duration(job.seconds_left)})
        return found

    @property
    def buttons(self) -> list[tuple[str, Any]]:
        """Names and labels of what can be done."""
        return [(name, LABELS[name]) for name in self.actions]


def sections(user: Any) -> list[tuple[Any, list[Line]]]:
    """Titles and lines: running, waiting, paused, the newest that are over. Empty ones are left out."""
    rows = Job.objects.select_related("owner")
    running = list(rows.filter(state=JobState.RUNNING).order_by("started", "pk"))
    waiting = list(rows.filter(state=JobState.QUEUED).order_by("-priority", "created", "pk"))
    over = rows.filter(state__in=(JobState.DONE, JobState.FAILED, JobState.CANCELLED)).order_by("-finished", "-pk")
    over = over.exclude(state=JobState.DONE, kind__in=[name for name, kind in KINDS.items() if kind.every])
    if not is_admin(user):
        over = over.filter(pk__in=Job.objects.visible_to(user).values("pk"))
    parts = (
        (_("Running"), _lines(running, user)),
        (_("Waiting for their turn"), _placed(_lines(waiting, user), running)),
        (_("Paused"), _lines(rows.filter(state=JobState.PAUSED).order_by("created"), user)),
        (_("Over"), _lines(over[:FINISHED], user)),
    )
    return [(title, lines) for title, lines in parts if lines]


def line_of(job: Job, user: Any) -> Line:
    """One job."""
    return _lines([job], user)[0]


def _lines(jobs: Iterable[Job], user: Any) -> list[Line]:
    admin = is_admin(user)
    lines = [Line(job=job, mine=admin or (job.owner_id is not None and job.owner_id == user.pk)) for job in jobs]
    for line in lines:
        line.actions = _actions(line.job, admin) if line.mine else ()
    return lines


def _actions(job: Job, admin: bool) -> tuple[str, ...]:
    rests = ("pause",) if KINDS.get(job.kind, OTHER).lane == "long" else ()
    if job.state == JobState.QUEUED:
        return (*(("front",) if admin else ()), *rests, "cancel")
    if job.state == JobState.RUNNING:
        return () if job.cancel_requested else (*(("unpause",) if job.pause_requested else rests), "cancel")
    if job.state == JobState.PAUSED:
        return ("unpause", "cancel")
    return () if job.state == JobState.DONE else ("retry",)


def _placed(lines: list[Line], running: list[Job]) -> list[Line]:
    """With their places in their lanes, and with the time that those before them will take, as far as all tell it."""
    before: dict[str, float | None] = defaultdict(float)
    places: dict[str, int] = defaultdict(int)
    for job in running:
        _add(before, job)
    for line in lines:
        lane = KINDS.get(line.job.kind, OTHER).lane
        places[lane] += 1
        line.place, line.wait = places[lane], before[lane]
        _add(before, line.job)
        if line.place == 1:
            line.actions = tuple(action for action in line.actions if action != "front")
    return lines


def _add(before: dict[str, float | None], job: Job) -> None:
    lane = KINDS.get(job.kind, OTHER).lane
    so_far, more = before[lane], job.seconds_left
    before[lane] = None if so_far is None or more is None else so_far + more
