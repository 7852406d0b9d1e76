"""A search as its page shows it: what was tried, how good it was, what each setting does."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext

from modeling.experiments import read_space
from modeling.tasks import TASKS
from webapp.charts import Series, line_chart, scatter
from webapp.experiments.models import Search, Trial
from webapp.jobs.models import JobState
from webapp.training.comparison import label

ACTIVE = (JobState.QUEUED, JobState.RUNNING, JobState.PAUSED)


def overview(search: Search) -> dict[str, Any]:
    """Context of the page."""
    trials = list(search.trials.all())
    told = [trial for trial in trials if trial.value is not None]
    best = search.result.get("number")
    return {
        "trials": [_line(trial, search, best) for trial in sorted(trials, key=lambda one: -one.number)],
        "model": gettext(TASKS[search.task].models[search.model].title),
        "settings": [label(name) for name in search.space],
        "active": bool(search.job and search.job.state in ACTIVE),
        "course": _course(told) if told else "", "pictures": [_slice(search, name, told) for name in search.space],
        "best": [(label(name), value) for name, value in search.result.get("settings", {}).items()],
        "value": search.result.get("value"),
    }


def _line(trial: Trial, search: Search, best: int | None) -> dict[str, Any]:
    names = {"running": gettext("running"), "complete": gettext("complete"), "pruned": gettext("given up"),
             "failed": gettext("failed")}
    return {"trial": trial, "state": names.get(trial.state, trial.state), "best": trial.number == best,
            "values": [trial.settings.get(name, "–") for name in search.space]}


def _course(told: list[Trial]) -> Any:
    """The figure of each trial over its evaluations."""
    curves = [Series(f"{gettext('Trial')} {trial.number}", [(step, value) for step, value in trial.curve])
              for trial in told[-6:]]
    return line_chart(curves, x_label=gettext("step"), y_label=gettext("figure in validation"))


def _slice(search: Search, name: str, told: list[Trial]) -> dict[str, Any]:
    """Each trial's figure over one setting."""
    one = read_space(search.task, search.model, {name: search.space[name]})[name]
    if one.kind == "choice":
        points = [(float(one.choices.index(trial.settings[name])), float(trial.value or 0)) for trial in told
                  if trial.settings.get(name) in one.choices]
    else:
        points = [(float(trial.settings[name]), float(trial.value or 0)) for trial in told if name in trial.settings]
    return {"name": label(name), "picture": scatter(
        points, x_label=label(name), y_label=gettext("figure in validation"), log_x=one.log, names=one.choices)}
