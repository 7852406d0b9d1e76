"""Writes to word vectors."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from modeling.embeddings import load_vectors, read_vector_settings
from modeling.errors import RequestError
from webapp.accounts.models import User
from webapp.datasets.models import DatasetVersion, Upload
from webapp.jobs import services as jobs
from webapp.jobs.models import JobState
from webapp.vectors.models import WordVectors


@transaction.atomic
def train_vectors(*, owner: User, version: DatasetVersion, method: str, settings: Mapping[str, str],
                  name: str = "") -> WordVectors:
    """Queue a training of vectors on the version's texts. Raises ConfigError with the field that cannot be."""
    read_vector_settings({"method": method, **settings})
    vectors = WordVectors.objects.create(owner=owner, name=(name.strip() or str(version))[:120], version=version,
                                         method=method, settings=dict(settings))
    return _queued(vectors, "vectors", {"vectors": str(vectors.pk)})


@transaction.atomic
def import_vectors(*, owner: User, upload: Upload, name: str = "") -> WordVectors:
    """Queue the reading of an uploaded file. Raises RequestError for one that is not whole."""
    if not upload.complete:
        raise RequestError(_("%(name)s has not arrived whole") % {"name": upload.name}, remedy=_("Upload it again"))
    vectors = WordVectors.objects.create(owner=owner, name=(name.strip() or Path(upload.name).stem)[:120])
    return _queued(vectors, "vectors-file", {"vectors": str(vectors.pk), "upload": str(upload.pk)})


def _queued(vectors: WordVectors, kind: str, arguments: Mapping[str, str]) -> WordVectors:
    vectors.job = jobs.enqueue(kind=kind, arguments=dict(arguments), owner=vectors.owner, title=vectors.name,
                               url=reverse("admin:vectors_wordvectors_change", args=(vectors.pk,)),
                               key=f"vectors:{vectors.pk}")
    vectors.save(update_fields=("job",))
    return vectors


def take_in(*, vectors: WordVectors) -> None:
    """Write down what lies in its folder. Raises DataError where that is not whole."""
    found = load_vectors(vectors.folder, verify=True)
    vectors.words, vectors.dimensions, vectors.facts = len(found), found.dimensions, storable(found.facts)
    vectors.bytes = sum(file.stat().st_size for file in vectors.folder.iterdir())
    vectors.save(update_fields=("words", "dimensions", "facts", "bytes"))


def storable(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts without places of this machine."""
    return {name: value for name, value in facts.items() if name != "source"}


def delete_vectors(*, vectors: WordVectors) -> None:
    """Remove them and their files. What was trained from them keeps its own copy. Raises RequestError while they are
    being made."""
    with transaction.atomic():
        if vectors.job and vectors.job.state == JobState.RUNNING:
            raise RequestError(_("These vectors are being made"), remedy=_("Cancel that first"))
        job, folder = vectors.job_id, vectors.folder
        vectors.delete()
        if job:
            jobs.cancel(job=job)
        transaction.on_commit(partial(shutil.rmtree, folder, ignore_errors=True))
