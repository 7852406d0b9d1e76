"""What becomes of trainings and files of vectors: the jobs' commands, events and ends."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop as _

from modeling.errors import RequestError
from webapp.datasets.models import Upload
from webapp.jobs.handlers import Event, folder_of_attempt
from webapp.jobs.models import Job
from webapp.vectors import services
from webapp.vectors.models import WordVectors

MODELING = (sys.executable, "-m", "modeling")
READ, COUNTED = 0.1, 0.2  # shares of the time that are over when the text is read, and when its pairs are counted


class VectorsHandler:
    """A training of vectors, in the attempt's folder until it is whole."""

    def __init__(self, job: Job) -> None:
        """Raises RequestError when the vectors, or the data that they are to learn from, are gone."""
        found = WordVectors.objects.select_related("version__dataset").filter(pk=job.arguments["vectors"]).first()
        if found is None:
            raise RequestError(_("The word vectors were deleted"))
        self.vectors, self._progress = found, dict[str, Any]()
        self._attempts = settings.HOME / "imports" / f"vectors-{found.pk}"
        self.out = folder_of_attempt(self._attempts, job.attempt) / "vectors"

    def command(self) -> list[str]:
        """`python -m modeling embed`."""
        version = self.vectors.version
        if version is None:
            raise RequestError(_("The dataset of these word vectors was deleted"))
        given = [f"{name}={value}" for name, value in sorted(self.vectors.settings.items())]
        return [*MODELING, "embed", str(version.folder), "--out", str(self._ready()), "--maps",
                "--set", f"method={self.vectors.method}", *given]

    def event(self, event: Event) -> None:
        """How far it is."""
        kind = event.get("event")
        if kind == "counting":
            self._progress = {"progress": READ + (COUNTED - READ) * event["share"]}
        elif kind == "step":
            share = event["step"] / max(1, event["steps"])
            self._progress = {"progress": COUNTED + (1 - COUNTED) * share, "seconds_left": event["seconds_left"]}

    def progress(self) -> dict[str, Any]:
        """As the last event said."""
        return self._progress

    def finished(self, result: Any) -> Any:
        """The folder gets its place, the row its figures."""
        place = self.vectors.folder
        if self.out.is_dir():
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.rmtree(place, ignore_errors=True)
            self.out.rename(place)
        services.take_in(vectors=self.vectors)
        transaction.on_commit(self._tidy)
        return {"vectors": str(self.vectors.pk)}

    def ended(self, *, state: str, error: str) -> None:
        """The job says why; what was left half done goes."""
        if state in ("failed", "cancelled"):
            transaction.on_commit(self._tidy)

    def _ready(self) -> Path:
        shutil.rmtree(self._attempts, ignore_errors=True)
        self.out.parent.mkdir(mode=0o700, parents=True)
        return self.out

    def _tidy(self) -> None:
        shutil.rmtree(self._attempts, ignore_errors=True)


class FileHandler(VectorsHandler):
    """A file of vectors that somebody uploaded. The child reads it; the site does not."""

    def __init__(self, job: Job) -> None:
        """Raises RequestError when the upload is gone."""
        super().__init__(job)
        upload = Upload.objects.filter(pk=job.arguments["upload"]).first()
        if upload is None:
            raise RequestError(_("The upload is gone"), remedy=_("Upload the file again"))
        self.upload, self.file = upload, upload.path

    def command(self) -> list[str]:
        """`python -m modeling vectors FILE --import`."""
        return [*MODELING, "vectors", str(self.file), "--import", str(self._ready()), "--maps"]

    def _tidy(self) -> None:
        Upload.objects.filter(pk=self.upload.pk).delete()
        self.file.unlink(missing_ok=True)
        super()._tidy()
