"""The leaderboard of a dataset version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.training.trainings import make_version, person
from webapp.datasets.models import DatasetVersion
from webapp.training.models import Artifact, TrainingRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(tmp_path: Path, settings: Any) -> DatasetVersion:
    settings.HOME = tmp_path
    return make_version(person("tess"))


@pytest.fixture
def client(version: DatasetVersion) -> Client:
    browser = Client()
    browser.force_login(version.dataset.owner)
    return browser


def board(version: DatasetVersion) -> str:
    return reverse("admin:experiments_search_leaderboard", args=(version.pk,))


def measured(version: DatasetVersion, name: str, accuracy: float, **settings: str) -> None:
    report = {"metrics": {"accuracy": accuracy}, "intervals": {"accuracy": [accuracy - 0.01, accuracy + 0.01]},
              "rows_per_second": 1234.5, "latency": {"median": 0.0031}}
    artifact = Artifact.objects.create(owner=version.dataset.owner, name=name, task="classification", model="lstm",
                                       path=f"/nowhere/{name}", origin="training", bytes=2_000_000, report=report)
    TrainingRun.objects.create(owner=version.dataset.owner, name=name, version=version, task="classification",
                               model="lstm", settings=settings, artifact=artifact)


def test_the_best_stands_first_with_its_interval_size_and_speed(client: Client, version: DatasetVersion) -> None:
    measured(version, "small", 0.91, hidden="8")
    measured(version, "large", 0.95)
    page = client.get(board(version)).content.decode()
    assert page.index("95.0 % (94.0 to 96.0)") < page.index("91.0 % (90.0 to 92.0)")
    assert "LSTM (Hidden 8)" in page and "3.1 ms" in page and "1.9" in page and "1,235" in page


def test_chosen_models_are_trained_with_their_defaults(client: Client, version: DatasetVersion) -> None:
    client.post(board(version), {"model": ["lstm"]})
    run = TrainingRun.objects.get()
    assert run.settings == {} and run.job and run.job.state == "queued"
    assert run.name in client.get(board(version)).content.decode()


def test_nothing_is_trained_when_one_of_them_cannot_be(client: Client, version: DatasetVersion) -> None:
    page = client.post(board(version), {"model": ["lstm", "decoder"]}, follow=True).content.decode()
    assert "cannot be trained for" in page
    assert not TrainingRun.objects.exists()
    assert "No model is chosen" in client.post(board(version), {}, follow=True).content.decode()
