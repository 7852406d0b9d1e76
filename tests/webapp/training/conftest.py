"""A trainer's account, checked data, and runs that a worker in this process does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from tests.webapp.training.trainings import SMALL, make_version, person
from webapp.accounts.models import User
from webapp.datasets.models import DatasetVersion
from webapp.jobs.trainer import Trainer
from webapp.training.models import TrainingRun
from webapp.training.services import start_training


@pytest.fixture
def trainer_user(transactional_db: None) -> User:
    return person("trainer")


@pytest.fixture
def version(trainer_user: User) -> DatasetVersion:
    return make_version(trainer_user)


@pytest.fixture
def browser(trainer_user: User) -> Client:
    """Signed in as the trainer."""
    client = Client()
    client.force_login(trainer_user)
    return client


@pytest.fixture
def run(version: DatasetVersion, trainer_user: User) -> TrainingRun:
    """Queued, and small."""
    return start_training(owner=trainer_user, version=version, task="classification", model="lstm", settings=SMALL,
                          name="Spam")


@pytest.fixture
def worker(tmp_path: Path, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trainer]:
    monkeypatch.setattr("webapp.jobs.trainer.queue_due", lambda: None)  # those children look at the real database
    working = Trainer(logs=tmp_path, threads=1)
    yield working
    working.close()
