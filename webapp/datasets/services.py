"""Writes to datasets: files become a dataset with its first version, versions are built, rows are added."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max, ProtectedError
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from modeling.errors import DataError
from modeling.tasks import TASKS
from webapp.accounts.models import User
from webapp.datasets import sources
from webapp.datasets.models import Dataset, DatasetVersion, Upload, VersionState
from webapp.datasets.sources import Source
from webapp.jobs import services as jobs
from webapp.jobs.models import JobState

CANCELLED = gettext_noop("Reading it was cancelled.")

def create_dataset(
    *,
    owner: User,
    name: str = "",
    task: str = "",
    uploads: Sequence[Upload] = (),
    text: str = "",
    files: Sequence[str] = (),
    sample: str = "",
) -> Dataset:
    """A dataset from finished uploads, pasted text, files of the server's folder or the sample of a job.

    Its first version is queued. Without a name or a task they are guessed. Raises DataError when a file cannot be had;
    then nothing is left behind.
    """
    given = [*map(sources.of_upload, uploads), *([sources.of_text(text)] if text.strip() else []),
             *sources.of_server(files), *(sources.of_sample(sample) if sample else [])]
    dataset = _create(owner=owner, name=name, task=task or sample, given=given, uploads=uploads)
    for upload in uploads:
        upload.path.unlink(missing_ok=True)
    return dataset


def _create(*, owner: User, name: str, task: str, given: Sequence[Source], uploads: Sequence[Upload] = ()) -> Dataset:
    """Files first, rows last: a kill in between leaves a folder that nothing knows, which is swept."""
    if not given:
        raise DataError(_("There is nothing to read yet. Add a file, paste text, or choose a sample."))
    dataset = Dataset(owner=owner, name=(name.strip() or _name_of(given[0]))[:120], task=task)
    try:
        dataset.sources = sources.store(given, dataset.folder / "source")
        with transaction.atomic():
            _use_up(uploads)
            dataset.save(force_insert=True)
            build_version(dataset=dataset)
    except BaseException:
        shutil.rmtree(dataset.folder, ignore_errors=True)
        raise
    return dataset


def _use_up(uploads: Sequence[Upload]) -> None:
    gone, _each = Upload.objects.filter(pk__in=[upload.pk for upload in uploads]).delete()
    if gone != len(uploads):
        raise DataError(_("These uploads have become a dataset already."))


def _name_of(source: Source) -> str:
    return Path(source.name).stem.replace("_", " ").strip() or source.name


@transaction.atomic
def build_version(
    *,
    dataset: Dataset,
    columns: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    note: str = "",
    additions_rows: Iterable[Mapping[str, Any]] = (),
) -> DatasetVersion:
    """Queue the next version: the same files, read with these columns and options, and all rows added so far."""
    Dataset.objects.select_for_update().get(pk=dataset.pk)  # one number at a time
    last = dataset.versions.aggregate(Max("number"))["number__max"] or 0
    version = DatasetVersion(dataset=dataset, number=last + 1, columns=dict(columns or {}), options=dict(options or {}),
                             note=note[:200])
    version.added_rows = _write_additions(version, list(additions_rows))
    version.save(force_insert=True)
    version.job = jobs.enqueue(
        kind="report", arguments={"version": str(version.pk)}, owner=dataset.owner, title=str(version),
        url=reverse("admin:datasets_version_report", args=[version.pk]), key=f"report:{version.pk}")
    version.save(update_fields=["job"])
    return version


def _write_additions(version: DatasetVersion, rows: Sequence[Mapping[str, Any]]) -> int:
    """The rows added up to the version before, then `rows`, as the file of this version. Returns how many."""
    before = version.dataset.versions.filter(added_rows__gt=0).order_by("-number").first()
    if before is None and not rows:
        return 0
    version.additions.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = version.additions.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as out:
        if before:
            out.write(before.additions.read_text(encoding="utf-8"))
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(version.additions)
    return (before.added_rows if before else 0) + len(rows)


def add_rows(*, version: DatasetVersion, rows: Sequence[Mapping[str, Any]], note: str = "", owner: User,
             ) -> DatasetVersion:
    """A new version with `rows` of the task's schema added to its training rows. Raises DataError."""
    if not Dataset.objects.editable_by(owner).filter(pk=version.dataset_id).exists():
        raise DataError(_("This dataset is not yours to change."))
    task = TASKS.get(version.dataset.task)
    for row in rows:
        missing = [role for role in (task.roles if task else ()) if role not in row]
        if task is None or missing:
            raise DataError(_("The rows do not fit the dataset's job."))
    return build_version(dataset=version.dataset, columns=version.columns, options=version.options, note=note,
                         additions_rows=rows)


def read_for_task(*, dataset: Dataset, task: str) -> DatasetVersion:
    """Read the same files for another job: in place while no version is ready, else as a dataset of its own."""
    if dataset.versions.ready().exists():
        name = f"{dataset.name[:90]} ({TASKS[task].title})"
        return _create(owner=dataset.owner, name=name, task=task, given=sources.of_dataset(dataset)).versions.get()
    Dataset.objects.filter(pk=dataset.pk).update(task=task)
    dataset.task = task
    return build_version(dataset=dataset)


def rename(*, dataset: Dataset, name: str) -> None:
    """Call it otherwise."""
    Dataset.objects.filter(pk=dataset.pk).update(name=name)


def settle(*, version: DatasetVersion) -> DatasetVersion:
    """A version whose job ended without a word (cancelled while it waited, its worker dead) is not being read."""
    job = version.job
    if version.state == VersionState.BUILDING and (job is None or job.state in (JobState.FAILED, JobState.CANCELLED)):
        error = job.error if job and job.error else CANCELLED
        DatasetVersion.objects.filter(pk=version.pk, state=VersionState.BUILDING).update(
            state=VersionState.FAILED, error=error)
        version.refresh_from_db()
    return version


def delete_version(*, version: DatasetVersion) -> None:
    """Remove one version. Raises DataError when a training uses it, or when it is the only one."""
    if version.dataset.versions.count() == 1:
        raise DataError(_("It is the only version. Delete the dataset instead."))
    folder, additions = version.folder, version.additions
    try:
        version.delete()
    except ProtectedError as fault:
        raise DataError(_("Trainings use this version: %(names)s. Delete them first.") % {
            "names": _names(fault.protected_objects)}) from None
    _cancel([version])
    additions.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def delete_dataset(*, dataset: Dataset) -> None:
    """Remove a dataset, its versions and files. Raises DataError when a training uses one of its versions."""
    folder, versions = dataset.folder, list(dataset.versions.all())
    try:
        dataset.delete()
    except ProtectedError as fault:
        raise DataError(_("Trainings use this dataset: %(names)s. Delete them first.") % {
            "names": _names(fault.protected_objects)}) from None
    _cancel(versions)
    shutil.rmtree(folder, ignore_errors=True)


def _cancel(versions: Iterable[DatasetVersion]) -> None:
    for version in versions:
        if version.job_id:
            jobs.cancel(job=version.job_id)


def _names(protected: Iterable[Any]) -> str:
    names = sorted(str(one) for one in protected)
    return ", ".join(names[:3]) + ("…" if len(names) > 3 else "")


def move_into_place(built: Path, place: Path) -> None:
    """Give a built version its final name. What stands there came from an attempt whose end was not recorded."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    built.rename(place)
