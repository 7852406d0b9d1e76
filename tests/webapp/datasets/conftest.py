"""A trainer, another one, and a home whose disk they use."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.test import Client

from tests.webapp.datasets.messages import TABLE
from webapp.accounts.models import Role, User
from webapp.datasets import uploads
from webapp.datasets.models import DatasetVersion, Upload, VersionState
from webapp.jobs.trainer import Trainer


@pytest.fixture(autouse=True)
def _clean_disk() -> Iterator[None]:
    yield
    for name in ("uploads", "datasets"):
        shutil.rmtree(settings.HOME / name, ignore_errors=True)


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user("owner", role=Role.TRAINER)


@pytest.fixture
def stranger(db: None) -> User:
    return User.objects.create_user("stranger", role=Role.TRAINER)


@pytest.fixture
def page(owner: User, client: Client) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def arrived(owner: User) -> Callable[..., Upload]:
    """A file that has been uploaded in full."""
    def arrive(data: bytes | str = TABLE, name: str = "messages.csv") -> Upload:
        data = data.encode() if isinstance(data, str) else data
        upload = uploads.begin(owner=owner, name=name, size=len(data))
        uploads.append(upload=upload, offset=0, piece=ContentFile(data))
        upload.refresh_from_db()
        return upload
    return arrive


@pytest.fixture
def trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trainer]:
    monkeypatch.setattr("webapp.jobs.trainer.queue_due", lambda: None)
    worker = Trainer(logs=tmp_path / "logs", threads=1)
    yield worker
    worker.close()


@pytest.fixture
def work_off(trainer: Trainer) -> Callable[[], None]:
    """Let the trainer read everything that waits to be read."""
    def work() -> None:
        until = time.monotonic() + 60
        while DatasetVersion.objects.filter(state=VersionState.BUILDING).exists() and time.monotonic() < until:
            trainer.step()
            time.sleep(0.05)
    return work
