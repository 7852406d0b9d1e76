"""Writes to runs and artifacts."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from django.conf import settings as site
from django.db import transaction
from django.db.models import ProtectedError
from django.urls import reverse
from django.utils.translation import gettext as _

from modeling.artifact import Artifact as ArtifactFolder
from modeling.artifact import replace_card
from modeling.configs import TRAINABLE, model_of, read_settings
from modeling.errors import ArtifactError, ConfigError, RequestError
from modeling.runs import STOP
from modeling.tasks import TASKS
from webapp.accounts.models import User
from webapp.datasets.models import DatasetVersion, Upload, VersionState
from webapp.jobs import services as jobs
from webapp.jobs.models import Job, JobState
from webapp.training.choices import lacks_summaries
from webapp.training.models import Artifact, TrainingRun

ARTIFACTS = site.HOME / "artifacts"
CARD_CHARACTERS = 100_000


@transaction.atomic
def start_training(
    *, owner: User, version: DatasetVersion, task: str, model: str, settings: Mapping[str, Any] | None = None,
    seed: int = 0, storage: str = "int8", parent: Artifact | None = None, base: str = "", name: str = "",
    seconds: float | None = None,
) -> TrainingRun:
    """Queue a training of `model` on the version's splits. `settings` are those that differ from the defaults.

    `seconds` is what it may take. It continues from `parent`, or from the folder `base` below PARLEY_MODELS_FOLDER.
    Raises ConfigError, with the field, for what does not fit together.
    """
    given = {key: written(value) for key, value in (settings or {}).items()}
    _check(version, task, model, parent, base)
    read_settings(task, model, given)
    _check_vectors(task, model, given)
    run = TrainingRun.objects.create(
        owner=owner, version=version, task=task, model=model, settings=given, seed=seed, storage=storage,
        parent=parent, base=base, name=name or _free_name(owner, str(version)),
        facts={"parent": str(parent.pk)} if parent else {},
    )
    run.job = jobs.enqueue(kind="training", arguments={"run": str(run.pk)}, owner=owner, title=run.name,
                           url=reverse("admin:training_trainingrun_change", args=(run.pk,)), seconds=seconds)
    run.save(update_fields=("job",))
    return run


def _free_name(owner: User, name: str) -> str:
    """The name, with a number where this person has a run of that name already."""
    taken = set(TrainingRun.objects.filter(owner=owner, name__startswith=name).values_list("name", flat=True))
    candidates = (f"{name[:110]}, {number}" for number in count(2))
    return name[:120] if name not in taken else next(one for one in candidates if one not in taken)


def _check_vectors(task: str, model: str, given: Mapping[str, str]) -> None:
    if model_of(task, model).on_vectors and not given.get("vectors"):
        raise ConfigError(_("This model is made on word vectors"), remedy=_("Choose them in the form of a training"),
                          field="vectors")


def _check(version: DatasetVersion, task: str, model: str, parent: Artifact | None, base: str) -> None:
    if model not in TRAINABLE.get(task, ()):
        raise ConfigError(_("%(model)s cannot be trained for this job") % {"model": model}, field="model")
    if version.state != VersionState.READY or version.dataset.task != task:
        raise ConfigError(_("%(data)s cannot be trained on for this job") % {"data": version}, field="version")
    if parent and (parent.task, parent.model) != (task, model):
        raise ConfigError(_("%(name)s is a model of another kind") % {"name": parent}, field="parent")
    if base and not base_folder(base).is_dir():
        raise ConfigError(_("There is no folder %(name)s of weights") % {"name": base}, field="parent")
    if lacks_summaries(version, model):
        raise ConfigError(_("%(data)s has no summaries to learn from") % {"data": version}, field="version")
    if model_of(task, model).parent == "must" and not (parent or base):
        raise ConfigError(without_start(task, model), field="parent")


def without_start(task: str, model: str) -> str:
    """What is said of a model that has to start from trained weights where there are none."""
    return _("%(model)s starts from trained weights, and there are none here. Import a model, or put a Hugging Face "
             "folder below PARLEY_MODELS_FOLDER.") % {"model": _(TASKS[task].models[model].title)}


def written(value: Any) -> str:
    """A setting as `--set` reads it: 40 and not 40.0."""
    return str(value).lower() if isinstance(value, bool) else str(value).removesuffix(".0")


def base_folder(name: str) -> Path:
    """A folder of foreign weights. Raises ConfigError for a name that is no plain one, or where the site has none."""
    if not site.MODELS_FOLDER or not name or Path(name).name != name or name.startswith("."):
        raise ConfigError(_("There is no folder %(name)s of weights") % {"name": name}, field="parent")
    return Path(site.MODELS_FOLDER) / name


def stop_run(*, run: TrainingRun) -> None:
    """End a training early and keep its best weights: it evaluates and exports. Paused runs wake up for it."""
    job = _job(run)
    if job.state not in (JobState.RUNNING, JobState.PAUSED) or not job.attempt:
        raise RequestError(_("This training is not running"), remedy=_("Reload the page"))
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / STOP).touch()  # first: an attempt that begins now looks here
    job.refresh_from_db()
    attempt = run.folder / str(job.attempt)
    if attempt.is_dir():
        (attempt / STOP).touch()
    jobs.unpause(job=job.pk)  # also one that is only about to pause


def pause_run(*, run: TrainingRun) -> None:
    """Give up the machine; what was learnt since the last checkpoint is saved first."""
    jobs.pause(job=_job(run).pk)


def cancel_run(*, run: TrainingRun) -> None:
    """End a training without an artifact. Its checkpoints stay, so that it can be resumed."""
    jobs.cancel(job=_job(run).pk)
    forget_stop(run=run)


def forget_stop(*, run: TrainingRun) -> None:
    """Nobody wants it to end early any more."""
    for place in ("", "*/", "*/artifact.run/"):  # and nowhere else: its child may be moving folders there just now
        for asked in run.folder.glob(f"{place}{STOP}"):
            asked.unlink(missing_ok=True)


def resume(*, run: TrainingRun) -> None:
    """Let a paused, failed or cancelled training go on from its newest checkpoint."""
    job = _job(run)
    if job.state == JobState.PAUSED:
        jobs.unpause(job=job.pk)
    elif job.state in (JobState.FAILED, JobState.CANCELLED):
        jobs.retry(job=job.pk)
    else:
        raise RequestError(_("This training does not wait to go on"), remedy=_("Reload the page"))


def _job(run: TrainingRun) -> Job:
    if run.job is None:
        raise RequestError(_("The job of this training is gone"), remedy=_("Train again with the same options"))
    run.job.refresh_from_db()
    return run.job


def delete_run(*, run: TrainingRun) -> None:
    """Remove a run and its checkpoints. Its artifact stays. Raises RequestError while it runs."""
    with transaction.atomic():
        if run.job and run.job.state in (JobState.QUEUED, JobState.PAUSED):
            jobs.cancel(job=run.job.pk)
        if run.job and _job(run).state == JobState.RUNNING:
            raise RequestError(_("This training is running"), remedy=_("Cancel it first"))
        folders = [run.folder, *([] if run.artifact else [artifact_place(run.pk)])]
        run.delete()
        for folder in folders:
            transaction.on_commit(partial(shutil.rmtree, folder, ignore_errors=True))


def artifact_place(pk: uuid.UUID) -> Path:
    """Where the artifact with this id lies."""
    return ARTIFACTS / str(pk)


def register_artifact(
    *, path: Path, owner: User | None, origin: str, name: str = "", pk: uuid.UUID | None = None, verify: bool = True,
) -> Artifact:
    """Make or renew the row of an artifact folder. Raises ArtifactError where the folder is no whole artifact."""
    folder = ArtifactFolder.load(path, verify=verify)
    facts = {"task": folder.task, "model": folder.model, "origin": origin, "bytes": folder.bytes,
             "metrics": folder.metrics, "card": folder.card}
    new = {**facts, "owner": owner, "name": (name or folder.name)[:120], "id": pk or uuid.uuid4()}
    return Artifact.objects.update_or_create(path=str(folder.path), defaults=facts, create_defaults=new)[0]


@transaction.atomic
def evaluate_artifact(*, artifact: Artifact) -> Artifact:
    """Queue the measuring of an artifact on the test split that its training never saw; once, if asked twice."""
    job = Artifact.objects.select_for_update().select_related(None).get(pk=artifact.pk).job
    if job and job.state in (JobState.QUEUED, JobState.RUNNING):
        artifact.job = job
        return artifact
    artifact.job = jobs.enqueue(kind="evaluation", arguments={"artifact": str(artifact.pk)}, owner=artifact.owner,
                                title=artifact.name,
                                url=reverse("admin:training_artifact_change", args=(artifact.pk,)))
    artifact.save(update_fields=("job",))
    return artifact


def import_artifact(*, upload: Upload, owner: User) -> Job:
    """Queue the unpacking of an uploaded zip; the artifact's row appears when it is checked."""
    if not upload.complete:
        raise RequestError(_("%(name)s has not arrived whole") % {"name": upload.name}, remedy=_("Upload it again"))
    return jobs.enqueue(kind="artifact", arguments={"upload": str(upload.pk)}, owner=owner, title=upload.name[:200],
                        url=reverse("admin:training_artifact_changelist"), key=f"artifact:{upload.pk}")


def change_card(*, artifact: Artifact, text: str, name: str) -> Artifact:
    """Give an artifact another card and name. Raises ArtifactError for a starter, whose files are the release's."""
    if artifact.origin == "starter":
        raise ArtifactError(_("%(name)s came with Parley") % {"name": artifact.name},
                            remedy=_("Train your own to write about it"))
    replace_card(artifact.folder, text)
    artifact.card, artifact.name = text, name
    artifact.save(update_fields=("card", "name"))
    return artifact


def delete_artifact(*, artifact: Artifact) -> None:
    """Remove an artifact and its files. Raises RequestError while an assistant has a version of it, or a training that
    is not over continues from it."""
    folders = (artifact.folder, artifact.evaluation_folder)
    if artifact.origin == "starter":
        raise RequestError(_("%(name)s came with Parley") % {"name": artifact.name},
                           remedy=_("Hide its assistant instead"))
    waiting = TrainingRun.objects.filter(parent=artifact, job__state__in=(
        JobState.QUEUED, JobState.RUNNING, JobState.PAUSED)).values_list("name", flat=True)
    if waiting:
        raise RequestError(_("%(name)s is used by: %(users)s") % {"name": artifact.name, "users": ", ".join(waiting)},
                           remedy=_("Cancel that first"))
    try:
        with transaction.atomic():
            job = artifact.job_id
            artifact.delete()
            if job:
                jobs.cancel(job=job)
            for folder in folders:
                transaction.on_commit(partial(shutil.rmtree, folder, ignore_errors=True))
    except ProtectedError as fault:
        users = ", ".join(sorted({str(row) for row in fault.protected_objects}))
        raise RequestError(_("%(name)s is used by: %(users)s") % {"name": artifact.name, "users": users},
                           remedy=_("Delete that first")) from fault
