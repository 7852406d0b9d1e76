"""A search for settings, from the form to the training that it proposes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.webapp.training.trainings import make_version, person, settled, steps_until
from webapp.experiments import services
from webapp.experiments.handlers import SearchHandler
from webapp.experiments.models import Search, Trial
from webapp.jobs.models import Job
from webapp.jobs.trainer import Trainer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> None:
    settings.HOME = tmp_path


@pytest.fixture
def client() -> Client:
    browser = Client()
    browser.force_login(person("tess"))
    return browser


def started(client: Client, **changed: str) -> Any:
    version = make_version(person("tom"), name="theirs") if changed.pop("foreign", "") else None
    mine = version or make_version(Search.objects.first().owner if Search.objects.exists() else _tess())
    sent = {"version": str(mine.pk), "model": "lstm", "trials": "2", "vary_hidden": "4..8", "vary_epochs": "1|2"}
    return client.post(reverse("admin:experiments_search_add"), sent | changed)


def _tess() -> Any:
    from webapp.accounts.models import User  # noqa: PLC0415

    return User.objects.get(username="tess")


@pytest.mark.django_db(transaction=True)
@pytest.mark.once
def test_a_search_tries_ranks_and_proposes_a_training(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.jobs.trainer.queue_due", lambda: None)  # those children look at the real database
    answer = started(client)
    search = Search.objects.get()
    assert answer.status_code == 302 and answer["Location"].endswith(f"{search.pk}/change/")
    worker = Trainer(logs=tmp_path, threads=1)
    try:
        steps_until(worker, settled("search"))
    finally:
        worker.close()
    search.refresh_from_db()
    assert search.job and search.job.state == "done", search.job and search.job.error
    trials = list(search.trials.all())
    assert [trial.state for trial in trials] == ["complete", "complete"]
    assert search.result["value"] == max(trial.value for trial in trials)
    assert not search.folder.exists()
    page = client.get(answer["Location"]).content.decode()
    assert f"set_hidden={search.result['settings']['hidden']}" in page and "★" in page


def test_ranges_that_cannot_be_are_told_beside_their_field(client: Client) -> None:
    page = started(client, vary_hidden="8..4").content.decode()
    place = page.index('name="vary_hidden"')
    assert "LOW..HIGH" in page[place : place + 900]
    assert not Search.objects.exists() and not Job.objects.exists()


def test_foreign_data_are_not_offered(client: Client) -> None:
    assert started(client, foreign="yes").status_code == 200
    assert not Search.objects.exists()


def test_another_attempt_goes_on_with_the_trials_of_the_one_before(client: Client) -> None:
    started(client)
    search = Search.objects.get()
    job = search.job
    assert job is not None
    job.attempt = 1
    first = SearchHandler(job)
    first.command()
    (first.folder / "journal.log").write_text("kept")
    told = {"event": "trial", "number": 0, "settings": {"hidden": "4"}, "state": "running", "value": None, "curve": []}
    first.event(told)
    first.event(told | {"value": 0.5, "curve": [[3, 0.5]]})
    first.ended(state="queued", error="killed")
    job.attempt = 2
    second = SearchHandler(job)
    assert "--space" in second.command()
    assert (second.folder / "journal.log").read_text() == "kept"
    assert [(trial.number, trial.state, trial.value) for trial in Trial.objects.all()] == [(0, "failed", 0.5)]
    shutil.rmtree(search.folder)


def test_a_search_is_removed_with_its_trials(client: Client) -> None:
    started(client)
    search = Search.objects.get()
    Trial.objects.create(search=search, number=0, settings={}, state="complete", value=1.0)
    services.delete_search(search=search)
    assert not Search.objects.exists() and not Trial.objects.exists()
    assert Job.objects.get().state == "cancelled"


def test_the_command_takes_what_the_form_gave(client: Client) -> None:
    started(client)
    search = Search.objects.get()
    assert search.job is not None
    command = SearchHandler(search.job).command()
    assert command[command.index("--trials") + 1] == "2"
    assert {"hidden=4..8", "epochs=1|2"} <= set(command)
