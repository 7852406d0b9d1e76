"""Writes to searches, and the trainings that a leaderboard asks for."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from functools import partial

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from modeling.configs import model_of
from modeling.errors import ConfigError, RequestError
from modeling.experiments import read_space
from webapp.accounts.models import User
from webapp.datasets.models import DatasetVersion, VersionState
from webapp.experiments.models import Search
from webapp.jobs import services as jobs
from webapp.jobs.models import JobState
from webapp.training.choices import starts_for
from webapp.training.models import Artifact, TrainingRun
from webapp.training.services import start_training

MOST_TRIALS = 500


@transaction.atomic
def start_search(
    *, owner: User, version: DatasetVersion, model: str, space: Mapping[str, str], trials: int, seed: int = 0,
    parent: Artifact | None = None, base: str = "", name: str = "",
) -> Search:
    """Queue a search. Raises ConfigError, with its field, for ranges that cannot be and data that cannot judge."""
    task = version.dataset.task
    if version.state != VersionState.READY or not version.report.get("splits", {}).get("validation"):
        raise ConfigError(_("These data have no validation rows, and they judge the trials"), field="version",
                          remedy=_("Build a version with a share for validation"))
    if not 1 <= trials <= MOST_TRIALS:
        raise ConfigError(_("%(n)s trials cannot be") % {"n": trials}, field="trials",
                          allowed=_("From 1 to %(n)s") % {"n": MOST_TRIALS})
    if model_of(task, model).parent == "must" and not (parent or base):
        raise ConfigError(_("This model starts from trained weights, and there are none here"), field="model")
    read_space(task, model, space)
    search = Search.objects.create(owner=owner, version=version, task=task, model=model, space=dict(space),
                                   trials_wanted=trials, seed=seed, parent=parent, base=base,
                                   name=(name or str(version))[:120])
    search.job = jobs.enqueue(kind="search", arguments={"search": str(search.pk)}, owner=owner, title=search.name,
                              url=reverse("admin:experiments_search_change", args=(search.pk,)))
    search.save(update_fields=("job",))
    return search


def delete_search(*, search: Search) -> None:
    """Remove a search and its trials. Raises RequestError while it runs."""
    with transaction.atomic():
        if search.job and search.job.state in (JobState.QUEUED, JobState.PAUSED):
            jobs.cancel(job=search.job.pk)
        if search.job and search.job.state == JobState.RUNNING:
            raise RequestError(_("This search is running"), remedy=_("Cancel it first"))
        folder = search.folder
        search.delete()
        transaction.on_commit(partial(shutil.rmtree, folder, ignore_errors=True))


@transaction.atomic
def train_all(*, owner: User, version: DatasetVersion, models: Sequence[str]) -> list[TrainingRun]:
    """Queue a training with its defaults for each model, from the default start where it needs one.

    Raises ConfigError for one that cannot be trained, and then queues none.
    """
    task = version.dataset.task
    runs = []
    for model in models:
        starts = starts_for(owner, task, model)
        kind, _mark, which = (starts[0][0] if starts else "").partition(":")
        runs.append(start_training(
            owner=owner, version=version, task=task, model=model, name=f"{version}: {model}"[:120],
            parent=Artifact.objects.get(pk=which) if kind == "artifact" else None,
            base=which if kind == "folder" else "",
        ))
    return runs
