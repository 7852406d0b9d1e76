"""Files of texts that a classifier labels: what starts it, the job's command and end, and where the files lie."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from modeling.errors import RequestError
from webapp.accounts.models import User
from webapp.datasets.models import Upload
from webapp.datasets.sources import safe_name
from webapp.jobs import services as jobs
from webapp.jobs.handlers import Event, folder_of_attempt
from webapp.jobs.models import Job, JobState
from webapp.training.models import Artifact
from webapp.wording import spoken

KIND = "label"
COLUMN_CHARACTERS = 200
LISTED = 5  # labels of a file, the commonest ones


def label_file(*, artifact: Artifact, upload: Upload, owner: User, column: str = "") -> Job:
    """Queue the labelling of an uploaded file. Raises RequestError for one that is not whole, or for no classifier."""
    if artifact.task != "classification":
        raise RequestError(_("%(name)s is no classifier") % {"name": artifact.name})
    if not upload.complete:
        raise RequestError(_("%(name)s has not arrived whole") % {"name": upload.name}, remedy=_("Upload it again"))
    arguments = {"artifact": str(artifact.pk), "upload": str(upload.pk), "column": column[:COLUMN_CHARACTERS]}
    return jobs.enqueue(kind=KIND, arguments=arguments, owner=owner, title=upload.name[:200], key=f"label:{upload.pk}",
                        url=reverse("admin:training_artifact_label", args=(artifact.pk,)))


def labelled(artifact: Artifact, user: Any) -> QuerySet[Job]:
    """The files that this user had this artifact label, the newest first."""
    return Job.objects.visible_to(user).filter(kind=KIND, arguments__artifact=str(artifact.pk))


def file_of(job: Job) -> Path:
    """The labelled file of a job that is done."""
    return settings.HOME / "labelled" / str(job.pk) / "labelled.csv"


def presented(job: Job) -> dict[str, Any]:
    """A file as the page lists it; `labels` are the commonest ones."""
    result = job.result or {}
    labels = list(result.get("labels", {}).items())
    return {"job": job, "working": job.state in (JobState.QUEUED, JobState.RUNNING), "percent": f"{job.progress:.0%}",
            "there": job.state == JobState.DONE and file_of(job).is_file(), "result": result, "labels": labels[:LISTED],
            "more": len(labels) - LISTED, "error": spoken(job.error) if job.error else ""}


class LabelHandler:
    """The labelling of a file. The child reads it; the site does not."""

    def __init__(self, job: Job) -> None:
        """Raises RequestError when the artifact or the upload is gone."""
        artifact = Artifact.objects.filter(pk=job.arguments["artifact"]).first()
        upload = Upload.objects.filter(pk=job.arguments["upload"]).first()
        if artifact is None or upload is None:
            raise RequestError(gettext_noop("The file or the artifact was deleted"),
                               remedy=gettext_noop("Upload the file again"))
        self.job, self.artifact, self.upload = job, artifact, upload
        self._attempts = settings.HOME / "imports" / f"label-{job.pk}"
        self.folder = folder_of_attempt(self._attempts, job.attempt)
        self._progress: dict[str, Any] = {}

    def command(self) -> list[str]:
        """`python -m modeling label`. The file gets its name back: its suffix says what it is."""
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "out").mkdir(parents=True)
        (self.folder / "in").mkdir()
        file = self.folder / "in" / safe_name(self.upload.name, 0)
        os.link(self.upload.path, file)
        column = self.job.arguments.get("column")
        return [sys.executable, "-m", "modeling", "label", self.artifact.path, str(file),
                "--out", str(self.folder / "out" / "labelled.csv"),
                *([f"--column={column}"] if column else [])]

    def event(self, event: Event) -> None:
        """It says nothing but how far it is."""
        self._progress |= {key: event[key] for key in ("progress", "note", "seconds_left") if key in event}

    def progress(self) -> dict[str, Any]:
        """As it says."""
        return self._progress

    def finished(self, result: Any) -> Any:
        """The file gets its place; what was uploaded goes."""
        place, made = file_of(self.job), self.folder / "out" / "labelled.csv"
        if made.is_file():
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            made.replace(place)
        transaction.on_commit(self._tidy)
        return {**result, "name": f"{Path(self.upload.name).stem}.labelled.csv"}

    def ended(self, *, state: str, error: str) -> None:
        """The job says why; what it left goes."""
        if state in ("failed", "cancelled"):
            transaction.on_commit(self._tidy)

    def _tidy(self) -> None:
        Upload.objects.filter(pk=self.upload.pk).delete()
        self.upload.path.unlink(missing_ok=True)
        shutil.rmtree(self._attempts, ignore_errors=True)
