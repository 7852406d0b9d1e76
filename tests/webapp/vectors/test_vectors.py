"""Word vectors in the admin: trained and taken in by real children, asked, drawn, downloaded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.urls import reverse

from modeling.embeddings import read_vectors
from modeling.errors import RequestError
from tests.modeling.embeddings.conftest import sentences
from tests.webapp.training.conftest import trainer_user, worker  # noqa: F401 - fixtures
from tests.webapp.training.trainings import make_version, settled, steps_until
from tests.webapp.world import small_vectors
from webapp.datasets.models import Upload
from webapp.jobs.kinds import KINDS
from webapp.jobs.models import Job, JobState
from webapp.training.handlers import TrainingHandler
from webapp.training.models import TrainingRun
from webapp.vectors import services
from webapp.vectors.models import WordVectors


@pytest.fixture
def browser(trainer_user) -> Client:  # noqa: F811
    client = Client()
    client.force_login(trainer_user)
    return client


@pytest.fixture(autouse=True)
def awake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children that do not give way: on a busy machine the tests would wait for minutes."""
    for name in ("vectors", "vectors-file"):
        monkeypatch.setitem(KINDS, name, replace(KINDS[name], niceness=0))


@pytest.fixture
def small(trainer_user) -> WordVectors:  # noqa: F811
    return small_vectors(trainer_user, "Small")


async def whole(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def page(name: str, *args: object) -> str:
    return reverse(f"admin:vectors_wordvectors_{name}", args=args)


def uploaded(owner, content: bytes) -> Upload:
    upload = Upload.objects.create(owner=owner, name="v.txt", bytes=len(content), received=len(content))
    upload.path.parent.mkdir(parents=True, exist_ok=True)
    upload.path.write_bytes(content)
    return upload


@pytest.mark.once
def test_a_dataset_becomes_vectors_that_answer(browser, trainer_user, worker):  # noqa: F811
    rows = [{"text": line} for line in sentences(400)]
    version = make_version(trainer_user, task="generation", splits={"train": rows, "validation": [], "test": []})
    (version.folder / "report.json").write_text("{}")
    sent = browser.post(page("add"), {"version": str(version.pk), "method": "cbow", "set_dimensions": "16",
                                      "set_epochs": "30", "name": "Farm", "set_lowercase": "on"})
    made = WordVectors.objects.get()
    assert sent["Location"] == page("change", made.pk) and made.settings == {"dimensions": "16", "epochs": "30"}
    assert "being made" in browser.get(page("change", made.pk)).text
    steps_until(worker, settled("vectors"))
    made.refresh_from_db()
    assert made.words > 20 and made.dimensions == 16, made.job.error
    assert browser.get(page("change", made.pk), headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    shown = browser.get(page("change", made.pk) + "?map=pca").text
    assert shown.count("<circle") > 5 and "Farm" in shown
    assert "barn" in browser.get(page("ask", made.pk, "nearest"), {"word": "cow"}).text


@pytest.mark.once
def test_a_file_is_taken_in_and_a_damaged_one_refused_with_its_line(browser, trainer_user, worker):  # noqa: F811
    good = uploaded(trainer_user, b"cat 1 0 0\ndog 0.9 0.1 0\nstone 0 1 0\n")
    sent = browser.post(page("upload"), {"uploads": [str(good.pk)]})
    made = WordVectors.objects.get()
    assert sent["Location"] == page("change", made.pk)
    steps_until(worker, settled("vectors-file"))
    made.refresh_from_db()
    assert (made.words, made.dimensions, made.name) == (3, 3, "v"), made.job.error
    assert not good.path.exists() and not Upload.objects.exists()
    bad = services.import_vectors(owner=trainer_user, upload=uploaded(trainer_user, b"cat 1 0 0\ndog 1 0\n"))
    steps_until(worker, lambda: Job.objects.get(pk=bad.job.pk).state == JobState.FAILED)
    assert "line 2" in browser.get(page("change", bad.pk)).text


def test_questions_are_answered_or_said_to_be_unknown(browser, small):
    near = browser.get(page("ask", small.pk, "nearest"), {"word": " King "}).text
    assert near.index("queen") < near.index("man") and "0.800" in near
    assert "zebra" in browser.get(page("ask", small.pk, "nearest"), {"word": "zebra"}).text
    assert browser.get(page("ask", small.pk, "nearest"), {"word": ""}).text.strip() == ""
    analogy = browser.get(page("ask", small.pk, "analogy"), {"a": "man", "b": "king", "c": "woman"}).text
    assert analogy.index("queen") < analogy.index("apples")
    assert browser.get(page("ask", small.pk, "other")).status_code == 404


def test_what_is_asked_is_data(browser, small):
    shown = browser.get(page("ask", small.pk, "nearest"), {"word": "<script>alert(1)</script>"}).text
    assert "<script>" not in shown and "&lt;script&gt;" in shown


@pytest.mark.parametrize("kind", ["word2vec", "word2vec-binary", "glove"])
def test_each_format_can_be_downloaded(browser, small, tmp_path: Path, kind):
    answer = browser.get(page("download", small.pk, kind))
    (tmp_path / "v").write_bytes(async_to_sync(whole)(answer.streaming_content))
    assert read_vectors(tmp_path / "v").words == ["king", "queen", "man", "woman", "apples"]
    assert "attachment" in answer["Content-Disposition"] and answer["X-Content-Type-Options"] == "nosniff"


def test_a_training_can_start_from_vectors_and_says_when_they_are_gone(browser, small):
    version, add = make_version(small.owner), reverse("admin:training_trainingrun_add")
    shown = browser.get(add, {"task": "classification", "model": "cnn"}).text
    assert "Small (3)" in shown and "set_freeze_vectors" in shown
    sent = {"task": "classification", "version": str(version.pk), "model": "cnn", "name": "From words"}
    wrong = browser.post(add, sent | {"set_vectors": str(version.pk)})
    assert wrong.status_code == 200 and "not one of the available choices" in wrong.text
    browser.post(add, sent | {"set_vectors": str(small.pk), "set_freeze_vectors": "on", "set_lowercase": "on"})
    run = TrainingRun.objects.get()
    assert run.settings == {"vectors": str(small.pk), "freeze_vectors": "true"}
    command = TrainingHandler(run.job).command()
    assert f"vectors={small.folder}" in command and "freeze_vectors=true" in command
    services.delete_vectors(vectors=small)
    with pytest.raises(RequestError, match="deleted"):
        TrainingHandler(run.job).command()


def test_the_form_follows_the_method(browser):
    shown = browser.get(page("add"), {"method": "glove"}, headers={"HX-Request": "true"}).text
    assert "set_x_max" in shown and "set_negatives" not in shown and "<html" not in shown


def test_vectors_are_deleted_with_their_files_but_not_while_they_are_made(browser, small):
    small.job = Job.objects.create(kind="vectors", owner=small.owner, state="running", attempt=1)
    with pytest.raises(RequestError, match="being made"):
        services.delete_vectors(vectors=small)
    Job.objects.update(state="done")
    small.job.refresh_from_db()
    small.save()
    browser.post(page("delete", small.pk), {"post": "yes"})
    assert not WordVectors.objects.exists() and not small.folder.exists()


def test_files_that_are_gone_are_said_to_be(browser, small):
    (small.folder / "vectors.json").unlink()
    assert "gone" in browser.get(page("change", small.pk)).text
    assert "gone" in browser.get(page("ask", small.pk, "nearest"), {"word": "king"}).text
