"""The leaderboard of a dataset version: every model that was trained on it, measured on its frozen test split."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext

from modeling.configs import TRAINABLE, model_of
from modeling.experiments import Standing, ranked
from modeling.tasks import TASKS
from webapp.charts import bars
from webapp.datasets.models import DatasetVersion
from webapp.training.choices import starts_for
from webapp.training.comparison import label
from webapp.training.figures import figure_text, name_of
from webapp.training.models import TrainingRun


def leaderboard(version: DatasetVersion, user: Any) -> dict[str, Any]:
    """Context of the page: lines, the best first; trainings still on their way; models that can join."""
    task = version.dataset.task
    runs = TrainingRun.objects.visible_to(user).filter(version=version).select_related("artifact__job", "job")
    by_id = {str(run.pk): run for run in runs}
    standings = ranked(task, [_standing(run) for run in by_id.values() if run.artifact and run.artifact.report])
    figures = [name for name in TASKS[task].metrics if any(name in one.metrics for one in standings)]
    waiting = [run for run in by_id.values() if _on_its_way(run)]
    return {
        "version": version, "figures": [name_of(name) for name in figures], "waiting": waiting,
        "lines": [_line(place, one, by_id[one.name], figures) for place, one in enumerate(standings, 1)],
        "picture": _picture(task, standings, by_id), "models": _models(task, user),
    }


def _standing(run: TrainingRun) -> Standing:
    job = run.job
    seconds = (job.finished - job.started).total_seconds() if job and job.started and job.finished else None
    assert run.artifact is not None
    return Standing.of(str(run.pk), run.artifact.report, seconds=seconds, size=run.artifact.bytes)


def _on_its_way(run: TrainingRun) -> bool:
    """Trained or measured just now, or going to be."""
    jobs = [job for job in (run.job, run.artifact.job if run.artifact else None) if job]
    return any(job.state in ("queued", "running", "paused") for job in jobs)


def _line(place: int, one: Standing, run: TrainingRun, figures: list[str]) -> dict[str, Any]:
    return {
        "place": place, "run": run, "model": title_of(run), "standing": one,
        "latency": None if one.latency is None else f"{1000 * one.latency:.2g}",
        "figures": [figure_text(name, one.metrics[name], one.intervals.get(name)) if name in one.metrics else "–"
                    for name in figures],
    }


def title_of(run: TrainingRun) -> str:
    """What the field calls the run's model, with the settings that differ from the defaults."""
    known = TASKS[run.task].models.get(run.model)
    changed = ", ".join(f"{label(name)} {value}" for name, value in run.settings.items())
    return (gettext(known.title) if known else run.model) + (f" ({changed})" if changed else "")


def _picture(task: str, standings: list[Standing], runs: dict[str, TrainingRun]) -> Any:
    deciding = TASKS[task].metrics[0]
    rows = [(title_of(runs[one.name]), one.metrics[deciding], figure_text(deciding, one.metrics[deciding]))
            for one in standings if deciding in one.metrics]
    return bars(rows) if len(rows) > 1 else ""


def _models(task: str, user: Any) -> list[dict[str, Any]]:
    """Every model of the task that asks nothing more, and whether it can be trained with what there is."""
    return [{"name": model, "title": gettext(TASKS[task].models[model].title),
             "about": gettext(TASKS[task].models[model].about), "possible": bool(starts_for(user, task, model))}
            for model in TRAINABLE[task] if not model_of(task, model).on_vectors]
