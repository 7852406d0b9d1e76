"""ReportHandler: a dataset version is read by a child process, and its report grows while that goes on."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from modeling.errors import DataError
from webapp.datasets import services
from webapp.datasets.models import Dataset, DatasetVersion, VersionState
from webapp.datasets.services import CANCELLED
from webapp.jobs.handlers import Event, folder_of_attempt
from webapp.jobs.models import Job, JobState

FINAL = (str(JobState.FAILED), str(JobState.CANCELLED))


class ReportHandler:
    """Builds a version in the attempt's folder and moves it to its place."""

    def __init__(self, job: Job) -> None:
        """See Handler."""
        version = DatasetVersion.objects.select_related("dataset").filter(pk=job.arguments["version"]).first()
        if version is None:
            raise DataError("The dataset version is not there any more")
        self.job, self.version = job, version

    @property
    def folder(self) -> Path:
        """Where this attempt writes."""
        return folder_of_attempt(self._attempts, self.job.attempt)

    @property
    def _attempts(self) -> Path:
        return self.version.dataset.folder / "building" / str(self.version.number)

    def command(self) -> list[str]:
        """`python -m modeling build`, with what was chosen on the page."""
        shutil.rmtree(self._attempts, ignore_errors=True)  # what earlier attempts left
        self._attempts.mkdir(mode=0o700, parents=True)
        version, dataset = self.version, self.version.dataset
        line = [sys.executable, "-m", "modeling", "build", *map(str, dataset.source_files), "--out", str(self.folder)]
        if dataset.task:
            line += ["--task", dataset.task]
        if version.columns:
            line += ["--columns", *(f"{role}={column}" for role, column in version.columns.items())]
        if version.options:
            line += ["--set", *(f"{name}={value}" for name, value in version.options.items())]
        return line + (["--additions", str(version.additions)] if version.added_rows else [])

    def event(self, event: Event) -> None:
        """Keep the growing report."""
        if event.get("event") == "report":
            DatasetVersion.objects.filter(pk=self.version.pk).update(report=storable(event["report"]))

    def progress(self) -> Event:
        """The child itself says how far it is."""
        return {}

    def finished(self, result: Any) -> Any:
        """The version is ready: its folder at its place, its report in the table."""
        if self.folder.exists():  # else this is the second try at a transaction that failed
            services.move_into_place(self.folder, self.version.folder)
        report = json.loads((self.version.folder / "report.json").read_text(encoding="utf-8"))
        shutil.rmtree(self._attempts, ignore_errors=True)
        DatasetVersion.objects.filter(pk=self.version.pk).update(
            state=VersionState.READY, report=storable(report), error="")
        Dataset.objects.filter(pk=self.version.dataset_id, task="").update(task=report["task"])
        return report["splits"]

    def ended(self, *, state: str, error: str) -> None:
        """Not usable, and why; or once more, when the attempt was only cut short."""
        shutil.rmtree(self._attempts, ignore_errors=True)
        if state in FINAL:
            DatasetVersion.objects.filter(pk=self.version.pk).update(
                state=VersionState.FAILED, error=error or CANCELLED)
        else:  # also one that had failed and is to be tried again
            DatasetVersion.objects.filter(pk=self.version.pk).update(state=VersionState.BUILDING, error="")


def storable(value: Any) -> Any:
    """JSON without NUL characters, which PostgreSQL does not take."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    return [storable(item) for item in value] if isinstance(value, list) else value
