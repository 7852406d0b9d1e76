"""What becomes of trainings, evaluations and uploaded artifacts: the jobs' commands, events and ends."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_noop as _

from modeling.errors import ParleyError, RequestError
from modeling.runs import STOP, carry_over, run_folder
from webapp.datasets.models import Upload
from webapp.datasets.presentation import lacks_summaries as without_summaries
from webapp.jobs import services as jobs
from webapp.jobs.handlers import Event, folder_of_attempt
from webapp.jobs.models import Job
from webapp.training import services
from webapp.training.events import Recorder
from webapp.training.models import Artifact, TrainingRun
from webapp.vectors.models import WordVectors

MODELING = (sys.executable, "-m", "modeling")


class TrainingHandler:
    """A run. Each attempt has a folder; what an earlier one saved is carried over into it."""

    def __init__(self, job: Job) -> None:
        """Raises RequestError when the run is gone."""
        run = TrainingRun.objects.select_related("version__dataset", "parent").filter(job=job).first()
        if run is None:
            raise RequestError(_("The training was deleted"))
        self.run, self.attempt = run, job.attempt
        self.folder = folder_of_attempt(run.folder, job.attempt)
        self.out = self.folder / "artifact"
        self.recorder = Recorder(run, job.attempt)

    def command(self) -> list[str]:
        """`python -m modeling train` on the version's splits, going on where an earlier attempt was."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._carry_over()
        if (self.run.folder / STOP).exists():
            (self.folder / STOP).touch()
        run, version = self.run, self.run.version
        given = [f"{key}={self._vectors(value) if key == 'vectors' else value}"
                 for key, value in sorted(run.settings.items())]
        validation = version.split("validation")
        return [
            *MODELING, "train", "--task", run.task, "--model", run.model, "--data", str(version.split("train")),
            *(["--validation", str(validation)] if validation.is_file() and validation.stat().st_size else []),
            "--test", str(version.split("test")), "--out", str(self.out), f"--name={run.name}",  # "-x" is a name too
            "--seed", str(run.seed), "--storage", run.storage, *self._parent(), *(["--set", *given] if given else []),
        ]

    def event(self, event: Event) -> None:
        """Into the run's rows."""
        if not TrainingRun.objects.filter(pk=self.run.pk).exists():
            raise RequestError(_("The training was deleted"))
        self.recorder.record(event)

    def progress(self) -> dict[str, Any]:
        """As the last step said."""
        return self.recorder.progress

    def finished(self, result: Any) -> Any:
        """The artifact gets its place and its row, and is to be measured; the attempts go."""
        run, place = self.run, services.artifact_place(self.run.pk)
        replace_folder(self.out, place)
        artifact = services.register_artifact(path=place, owner=run.owner, origin="training", name=run.name,
                                              pk=run.pk, verify=False)  # the child did, and others wait for us
        run.artifact = artifact
        run.save(update_fields=("artifact",))
        self.recorder.log("finished")
        if not without_summaries(run.version.report):  # else there is nothing to measure by
            services.evaluate_artifact(artifact=artifact)
        transaction.on_commit(lambda: shutil.rmtree(run.folder, ignore_errors=True))
        return {"artifact": str(artifact.pk)}

    def ended(self, *, state: str, error: str) -> None:
        """The last words stay in the run's log, where there still is one."""
        if TrainingRun.objects.filter(pk=self.run.pk).exists():
            self.recorder.log("ended", state=state, text=error[-4000:])
        if state == "cancelled":  # also from the queue's page; whoever resumes it wants it to go on
            services.forget_stop(run=self.run)

    def _vectors(self, pk: str) -> Path:
        vectors = WordVectors.objects.ready().filter(pk=pk).first()
        if vectors is None:
            raise RequestError(_("The word vectors that this training starts from were deleted"),
                               remedy=_("Train again with other options"))
        return vectors.folder

    def _parent(self) -> list[str]:
        if self.run.facts.get("parent") and not self.run.parent:
            raise RequestError(_("What this training continues from was deleted"),
                               remedy=_("Train again with other options"))
        if self.run.parent:
            return ["--from", self.run.parent.path]
        return ["--from", str(services.base_folder(self.run.base))] if self.run.base else []

    def _carry_over(self) -> None:
        """From the newest attempt that has something: a whole artifact, or a checkpoint that verifies.

        An artifact in its last place without a row is one whose worker died before it could say so. With what was
        carried over here, attempts before the one that had it go: else each pause would cost two checkpoints of disk.
        """
        earlier = sorted((int(one.name) for one in self.run.folder.iterdir() if one.name.isdigit()), reverse=True)
        folders = [folder_of_attempt(self.run.folder, number) / "artifact"
                   for number in earlier if number < self.attempt]
        for whole in [services.artifact_place(self.run.pk), *folders]:
            if (whole / "manifest.json").is_file() and not self.out.exists():
                whole.rename(self.out)
                return
        for folder in folders:
            if carry_over(run_folder(folder), run_folder(self.out)) is not None:
                for old in folders:
                    if old != folder:
                        shutil.rmtree(old.parent, ignore_errors=True)
                return


class EvaluationHandler:
    """The measuring of an artifact on rows that it has not seen."""

    def __init__(self, job: Job) -> None:
        """Raises RequestError when the artifact, or the data it was trained on, is gone."""
        found = Artifact.objects.select_related("run__version__dataset").filter(pk=job.arguments["artifact"]).first()
        if found is None or not hasattr(found, "run"):
            raise RequestError(_("The artifact or its training was deleted"))
        self.artifact = found
        self.folder = folder_of_attempt(settings.HOME / "evaluations" / f"{found.pk}-{job.pk}.attempts", job.attempt)
        self._progress: dict[str, Any] = {}

    def command(self) -> list[str]:
        """`python -m modeling evaluate --report`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return [*MODELING, "evaluate", self.artifact.path, "--data", str(self.artifact.run.version.split("test")),
                "--report", str(self.folder / "report")]

    def event(self, event: Event) -> None:
        """It says nothing but how far it is."""
        self._progress |= {key: event[key] for key in ("progress", "note", "seconds_left") if key in event}

    def progress(self) -> dict[str, Any]:
        """As it says."""
        return self._progress

    def finished(self, result: Any) -> Any:
        """The report gets its place beside the artifact and into its row."""
        Artifact.objects.select_for_update().get(pk=self.artifact.pk)
        place = self.artifact.evaluation_folder
        replace_folder(self.folder / "report", place)
        report = json.loads((place / "report.json").read_text("utf-8"))
        Artifact.objects.filter(pk=self.artifact.pk).update(report=report)
        transaction.on_commit(lambda: shutil.rmtree(self.folder.parent, ignore_errors=True))
        return {"artifact": str(self.artifact.pk)}

    def ended(self, *, state: str, error: str) -> None:
        """The job says why; what it left half done goes."""
        if state in ("failed", "cancelled"):
            transaction.on_commit(lambda: shutil.rmtree(self.folder.parent, ignore_errors=True))


class ImportHandler:
    """An artifact that comes back as a zip. The child checks every name, size and hash before it is taken in."""

    def __init__(self, job: Job) -> None:
        """Raises RequestError when the upload is gone."""
        upload = Upload.objects.select_related("owner").filter(pk=job.arguments["upload"]).first()
        if upload is None:
            raise RequestError(_("The upload is gone"), remedy=_("Upload the file again"))
        self.job, self.upload, self.zip = job, upload, upload.path
        self.folder = folder_of_attempt(settings.HOME / "imports" / str(upload.pk), job.attempt)

    def command(self) -> list[str]:
        """`python -m modeling unpack`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return [*MODELING, "unpack", str(self.zip), "--out", str(self.folder / "artifact")]

    def event(self, event: Event) -> None:
        """It says nothing."""

    def progress(self) -> dict[str, Any]:
        """It takes seconds."""
        return {}

    def finished(self, result: Any) -> Any:
        """The folder gets its place and its row; the zip goes."""
        pk, place = self.upload.pk, services.artifact_place(self.upload.pk)
        replace_folder(self.folder / "artifact", place)
        artifact = services.register_artifact(path=place, owner=self.upload.owner, origin="upload", pk=pk,
                                              verify=False)  # the child did
        jobs.lead_to(job=self.job.pk, url=reverse("admin:training_artifact_change", args=(artifact.pk,)))
        Upload.objects.filter(pk=pk).delete()
        transaction.on_commit(self._tidy)
        return {"artifact": str(artifact.pk)}

    def ended(self, *, state: str, error: str) -> None:
        """What a refused zip left goes; the job says why."""
        if state in ("failed", "cancelled"):
            Upload.objects.filter(pk=self.upload.pk).delete()
            transaction.on_commit(self._tidy)

    def _tidy(self) -> None:
        self.zip.unlink(missing_ok=True)
        shutil.rmtree(self.folder.parent, ignore_errors=True)


def replace_folder(new: Path, place: Path) -> None:
    """Move a folder to its place, where an interrupted attempt may have left one. Done again, it does nothing."""
    if not new.is_dir():
        if place.is_dir():
            return
        raise ParleyError(_("The work left no result"))
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        shutil.rmtree(place)
    new.rename(place)
