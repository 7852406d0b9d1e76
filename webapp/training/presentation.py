"""A run as its page shows it: where it stands, its curves, samples and log. Page and websocket show the same parts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext

from modeling.runs import STOP
from webapp.charts import Series, line_chart
from webapp.jobs.kinds import KINDS
from webapp.jobs.models import Job, JobState
from webapp.jobs.packages import training_packages
from webapp.training.figures import flat, name_of
from webapp.training.models import EVALUATION, LOG, SAMPLES, STEP, RunEvent, TrainingRun
from webapp.wording import duration, spoken

PARTS = ("state", "samples", "curves", "log")
LINES, SAMPLED = 200, 6  # of the log, of the steps whose samples are shown
VALIDATION = "validation/"  # before the names of figures of that split
LAST = ("learning_rate", "tokens_per_second")  # less telling than what is learnt
LONG = [name for name, kind in KINDS.items() if kind.lane == "long"]
TONES = {"done": "good", "running": "busy", "failed": "fault"}  # state of the job -> how it looks


def parts(run: TrainingRun, *, language: str) -> dict[str, str]:
    """Each part of the page as HTML with its id, ready to be put in its place."""
    events = shown(run)
    with translation.override(language):
        contexts = {"state": state(run), "curves": {"charts": curves(events)}, "samples": samples(events),
                    "log": {"lines": lines(events)}}
        return {name: render_to_string(f"training/run/{name}.html", {"run": run, **contexts[name]})
                for name in PARTS}


@lru_cache(maxsize=32)
def parts_at(run_id: uuid.UUID, language: str, at: tuple[Any, ...]) -> dict[str, str]:
    """`parts` once for all pages that watch a run. It is looked up after the `mark` that `at` is, so that no change
    which the mark tells of is missed. Raises TrainingRun.DoesNotExist."""
    run = TrainingRun.objects.select_related("job", "artifact__job", "version__dataset").get(pk=run_id)
    return parts(run, language=language)


def shown(run: TrainingRun) -> list[RunEvent]:
    """Of all that a run said what its page shows, in order: the end of the log and of the samples, whole curves."""
    events = RunEvent.objects.filter(run=run)
    newest = (events.filter(kind=kind).order_by("-pk")[:most] for kind, most in ((LOG, LINES), (SAMPLES, SAMPLED)))
    found = chain(events.filter(kind__in=(STEP, EVALUATION)).defer("created"), *newest)
    return sorted(found, key=lambda one: one.pk)


def mark(run: TrainingRun) -> tuple[Any, ...]:
    """Changes whenever anything on the page does; cheap enough to ask each second."""
    job = Job.objects.filter(pk=run.job_id).values_list(
        "state", "attempt", "progress", "note", "seconds_left", "cancel_requested", "pause_requested", "error").first()
    newest = RunEvent.objects.filter(run=run).order_by("-pk").values_list("pk", flat=True).first()
    evaluated = TrainingRun.objects.filter(pk=run.pk).values_list("artifact", "artifact__job__state").first()
    place = place_in_queue(run.job)
    packages = training_packages() if place is not None else None
    return job, newest, evaluated, place, packages, (run.folder / STOP).exists()


def state(run: TrainingRun) -> dict[str, Any]:
    """Where the run stands, and what can be done about it."""
    job = run.job
    value = str(job.state) if job else ""
    running = job is not None and value == "running"
    return {
        "job": job, "value": value, "tone": TONES.get(value, ""), "place": place_in_queue(job),
        "packages": training_packages() if value == "queued" else None,
        "left": duration(job.seconds_left) if job and running and job.seconds_left is not None else "",
        "error": spoken(job.error) if job and job.error and value in ("failed", "queued") else "",
        "ending": bool(job and running and (job.cancel_requested or job.pause_requested)),
        "stopping": (run.folder / STOP).exists(), "artifact": run.artifact,
        "phase": {"measuring": gettext("measuring on the test data"), "exporting": gettext("writing the artifact")}.get(
            job.note if job else "", ""),
    }


def deeds() -> list[dict[str, Any]]:
    """Buttons, and the states in which each is there."""
    return [
        {"name": "stop", "label": gettext("Stop and keep the best"), "when": "when-running when-paused",
         "title": gettext("Ends the training early; the best weights so far become the artifact.")},
        {"name": "pause", "label": gettext("Pause"), "when": "when-running when-queued",
         "title": gettext("Saves where it stands and makes room for others.")},
        {"name": "resume", "label": gettext("Go on"), "when": "when-paused when-failed when-cancelled",
         "title": gettext("From the newest checkpoint.")},
        {"name": "cancel", "label": gettext("Cancel"), "when": "when-running when-queued when-paused", "danger": True,
         "title": gettext("Ends the training without an artifact.")},
    ]


def place_in_queue(job: Job | None) -> int | None:
    """How many long jobs come before a waiting one; None when it does not wait."""
    if job is None or job.state != JobState.QUEUED:
        return None
    waiting = list(Job.objects.filter(kind__in=LONG, state=JobState.QUEUED).order_by(
        "-priority", "created", "pk").values_list("pk", flat=True))
    running = Job.objects.filter(kind__in=LONG, state=JobState.RUNNING).count()
    return running + (waiting.index(job.pk) if job.pk in waiting else 0)


def curves(events: list[RunEvent]) -> list[str]:
    """Pictures of what was measured at each step: the losses on one, everything else on its own."""
    series = points(events)
    losses = [Series(label, series.pop(key)) for key, label in (
        ("loss", gettext("training")), (f"{VALIDATION}loss", gettext("validation"))) if series.get(key)]
    order = sorted(series, key=lambda key: (key in LAST, key))
    return [*([_chart(losses, "loss")] if losses else []),
            *(_chart([Series(name_of(key.removeprefix(VALIDATION)), series[key])], key) for key in order)]


def points(events: list[RunEvent]) -> dict[str, list[tuple[float, float]]]:
    """Figure -> its (step, value) points; those of the validation split have a prefix."""
    found: dict[str, list[tuple[float, float]]] = {}
    for event in sorted((one for one in events if one.kind in (STEP, EVALUATION)), key=lambda one: one.step):
        for name, value in _figures(event):
            found.setdefault(name, []).append((event.step, value))
    return found


def _figures(event: RunEvent) -> list[tuple[str, float]]:
    if event.kind == STEP:
        return [(name, event.data[name]) for name in ("loss", "learning_rate", "tokens_per_second")
                if isinstance(event.data.get(name), int | float)]
    return [(f"{VALIDATION}{name}", value) for name, value in flat(event.data) if name not in ("step", "seconds")]


def _chart(series: list[Series], figure: str) -> str:
    return line_chart(series, x_label=gettext("step"), y_label=name_of(figure.removeprefix(VALIDATION)))


def samples(events: list[RunEvent]) -> dict[str, Any]:
    """What the model made of some validation rows, newest first, so that one sees it learn."""
    found = sorted((one for one in events if one.kind == SAMPLES), key=lambda one: -one.step)
    shown = [{"step": one.step, "items": one.data.get("items", [])} for one in found[:SAMPLED]]
    return {"newest": shown[0] if shown else None, "earlier": shown[1:]}


def lines(events: list[RunEvent]) -> list[dict[str, Any]]:
    """The log, newest first."""
    found = [one for one in events if one.kind == LOG][-LINES:]
    return [{"when": one.created, "text": sentence(one.data)} for one in reversed(found)]


def sentence(data: Mapping[str, Any]) -> str:
    """A line of the log in the reader's language. What the child itself wrote stays as it is."""
    kind = str(data.get("event", ""))
    known = {
        "started": gettext("Started: %(parameters)s parameters, %(examples)s examples, %(steps)s steps, %(precision)s"),
        "resumed": gettext("Went on from step %(step)s"), "checkpoint": gettext("Saved at step %(step)s"),
        "measuring": gettext("Measuring on the test data"), "measured": gettext("Measured"),
        "exporting": gettext("Writing the artifact, and proving that it answers as the trained model does"),
        "finished": gettext("Finished"), "stopped": gettext("Stopped early; the best weights are kept"),
    }
    if kind == "ended":
        return _end(data)
    if kind not in known:
        return spoken(str(data.get("text", kind)))
    values = {key: f"{value:,}" if isinstance(value, int) else str(value) for key, value in data.items()}
    return known[kind] % {"parameters": "?", "examples": "?", "steps": "?", "precision": "?", "step": "?", **values}


def _end(data: Mapping[str, Any]) -> str:
    reason = str(data.get("text", "")).strip()
    words = {"failed": gettext("Failed"), "cancelled": gettext("Cancelled"), "paused": gettext("Paused"),
             "queued": gettext("Interrupted; it waits to go on") if reason else gettext("Waits for its turn")}
    text = words.get(str(data.get("state")), str(data.get("state")))
    return f"{text}: {reason}" if reason else text
