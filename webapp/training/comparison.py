"""Runs laid over one another: curves on the same axes, what differs in their settings, their figures side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext

from modeling.configs import label_of, options
from modeling.errors import ConfigError
from webapp.charts import Series, line_chart
from webapp.training.choices import size_of
from webapp.training.figures import figure_text, flat, is_figure, name_of
from webapp.training.models import EVALUATION, STEP, RunEvent, TrainingRun
from webapp.training.presentation import LAST, VALIDATION, points
from webapp.training.services import written
from webapp.vectors.models import WordVectors

MOST = 8  # more curves on one axis than that cannot be told apart


def compare(runs: Sequence[TrainingRun]) -> dict[str, Any]:
    """Context of the comparison page."""
    names = [run.name for run in runs]
    for place, run in enumerate(runs, 1):  # curves of the same name could not be told apart
        run.name = f"{run.name} ({place})" if names.count(run.name) > 1 else run.name
    return {"runs": runs, "charts": _charts(runs), "differences": _differences(runs), "figures": _figures(runs)}


def _charts(runs: Sequence[TrainingRun]) -> list[str]:
    curves = [points(list(RunEvent.objects.filter(run=run, kind__in=(STEP, EVALUATION)))) for run in runs]
    figures = dict.fromkeys(name for found in curves for name in found)
    order = sorted(figures, key=lambda name: (name in LAST, not name.endswith("loss")))
    return [line_chart([Series(run.name, found[figure]) for run, found in zip(runs, curves, strict=True)
                        if found.get(figure)], x_label=gettext("step"), y_label=_chart_name(figure))
            for figure in order]


def _chart_name(figure: str) -> str:
    name = name_of(figure.removeprefix(VALIDATION))
    if figure == "loss":
        return gettext("%(figure)s in training") % {"figure": name}
    return gettext("%(figure)s in validation") % {"figure": name} if figure.startswith(VALIDATION) else name


def _differences(runs: Sequence[TrainingRun]) -> list[tuple[str, list[str]]]:
    """Settings that are not the same in all runs, with their values."""
    settings = [whole_settings(run) for run in runs]
    names = dict.fromkeys(name for found in settings for name in found)
    rows = [(name, [found.get(name, "–") for found in settings]) for name in names]
    return [(label(name), values) for name, values in rows if len(set(values)) > 1]


def whole_settings(run: TrainingRun) -> dict[str, str]:
    """What a run was made of, defaults included: for people."""
    rows, characters = size_of(run.version)
    continued = bool(run.parent_id or run.base)
    try:
        known = options(run.task, run.model, rows=rows, characters=characters, continued=continued)
    except ConfigError:
        known = []
    values = {option.name: option.default for option in known if option.group != "preprocessing"}
    values |= run.settings | run.facts.get("config", {})
    if values.get("vectors"):
        values["vectors"] = str(WordVectors.objects.filter(pk=values["vectors"]).first() or "–")
    shown = {name: _shown(value) for name, value in values.items() if value not in (None, "")}
    return {"model": run.model, "data": str(run.version), "seed": str(run.seed), "storage": run.storage,
            "parent": str(run.parent or run.base or gettext("new weights")), **shown}


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    text = written(value)
    return {"true": gettext("yes"), "false": gettext("no")}.get(text, text)


def label(name: str) -> str:
    """A setting's name in words."""
    known = {"model": gettext("Model"), "data": gettext("Data"), "seed": gettext("Seed"),
             "storage": gettext("Weights kept as"), "parent": gettext("Continue from")}
    return known.get(name) or gettext(label_of(name))


def _figures(runs: Sequence[TrainingRun]) -> list[tuple[str, list[str]]]:
    """Figures of the artifacts, measured on each run's own test split."""
    reports = [(run.artifact.report or {"metrics": run.artifact.metrics}) if run.artifact else {} for run in runs]
    found = [dict(flat(report.get("metrics", {}))) for report in reports]
    names = [name for name in dict.fromkeys(name for figures in found for name in figures)
             if is_figure(name)]
    return [(name_of(name), [figure_text(name, figures[name], report.get("intervals", {}).get(name))
                             if name in figures else "–" for figures, report in zip(found, reports, strict=True)])
            for name in names]
