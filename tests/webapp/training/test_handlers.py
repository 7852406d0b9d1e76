"""Trainings through the trainer: real children, small networks."""

from __future__ import annotations

import json
import os
import signal
import zipfile

import psutil
import pytest
from django.utils import timezone

from modeling.artifact import Artifact as ArtifactFolder
from tests.webapp.training.trainings import SMALL, settled, steps_until
from webapp.datasets.models import Upload
from webapp.jobs.models import Job, JobState
from webapp.training import services
from webapp.training.models import EVALUATION, SAMPLES, STEP, Artifact, RunEvent

LONG = {"epochs": "5000", "evaluations": "500", "patience": "0"}


def test_a_training_becomes_an_artifact_that_is_measured(run, worker):
    steps_until(worker, settled())
    run.refresh_from_db()
    assert run.job.state == JobState.DONE, run.job.error
    assert ArtifactFolder.load(run.artifact.path).task == "classification"
    assert run.artifact.name == "Spam" and run.artifact.origin == "training" and run.artifact.owner == run.owner
    assert run.facts["steps"] > 0 and not run.folder.exists()
    assert {event.kind for event in RunEvent.objects.filter(run=run)} >= {STEP, EVALUATION, SAMPLES}
    steps_until(worker, settled("evaluation"))
    artifact = Artifact.objects.get(pk=run.artifact.pk)
    assert artifact.job.state == JobState.DONE, artifact.job.error
    assert artifact.report["rows"] == 30 and "accuracy" in artifact.report["intervals"]
    lines = (artifact.evaluation_folder / "predictions.jsonl").read_text().splitlines()
    assert len(lines) == 30 and set(json.loads(lines[0])) >= {"index", "input", "expected", "output"}


@pytest.mark.once
def test_a_killed_training_goes_on_and_no_step_is_told_twice(version, trainer_user, worker):
    settings = SMALL | LONG | {"checkpoint_seconds": "0.2"}
    run = services.start_training(owner=trainer_user, version=version, task="classification", model="lstm",
                                  settings=settings)
    steps_until(worker, lambda: RunEvent.objects.filter(run=run, data__event="checkpoint").exists())
    _kill_child()
    steps_until(worker, lambda: training_job().failures == 1 or training_job().attempt == 2)
    Job.objects.filter(kind="training").update(not_before=timezone.now())
    steps_until(worker, lambda: RunEvent.objects.filter(run=run, data__event="resumed").exists())
    services.stop_run(run=run)
    steps_until(worker, settled())
    run.refresh_from_db()
    assert run.artifact is not None, run.job.error
    steps = list(RunEvent.objects.filter(run=run, kind=STEP).order_by("pk").values_list("step", flat=True))
    assert steps == sorted(set(steps))


@pytest.mark.once
def test_a_worker_that_died_between_file_and_row_costs_no_second_training(run, worker):
    steps_until(worker, settled())
    digest = ArtifactFolder.load(services.artifact_place(run.pk)).digest
    Artifact.objects.all().delete()  # the row alone, as if the transaction had never been committed
    Job.objects.filter(kind="training").update(state=JobState.QUEUED)
    steps_until(worker, lambda: training_job().attempt == 2 and training_job().state == JobState.DONE)
    assert ArtifactFolder.load(Artifact.objects.get().path).digest == digest
    assert not RunEvent.objects.filter(run=run, attempt=2, kind=STEP).exists()


@pytest.mark.once
def test_stopping_early_keeps_the_best(version, trainer_user, worker):
    run = services.start_training(owner=trainer_user, version=version, task="classification", model="lstm",
                                  settings=SMALL | LONG)
    steps_until(worker, lambda: {STEP, EVALUATION} <= {one.kind for one in RunEvent.objects.filter(run=run)})
    services.stop_run(run=run)
    steps_until(worker, settled())
    run.refresh_from_db()
    assert run.job.state == JobState.DONE and run.artifact is not None
    assert RunEvent.objects.filter(run=run, kind=STEP).last().step < run.facts["steps"]


@pytest.mark.once
def test_pausing_and_going_on(version, trainer_user, worker):
    run = services.start_training(owner=trainer_user, version=version, task="classification", model="lstm",
                                  settings=SMALL | LONG)
    steps_until(worker, lambda: RunEvent.objects.filter(run=run, kind=STEP).exists())
    services.pause_run(run=run)
    steps_until(worker, lambda: training_job().state == JobState.PAUSED)
    services.resume(run=run)
    steps_until(worker, lambda: RunEvent.objects.filter(run=run, data__event="resumed").exists())
    services.cancel_run(run=run)
    steps_until(worker, lambda: training_job().state == JobState.CANCELLED)
    services.resume(run=run)
    assert training_job().state == JobState.QUEUED
    services.delete_run(run=run)
    assert not run.folder.exists()


def test_a_worker_that_lost_its_lease_leaves_no_artifact(run, worker):
    steps_until(worker, lambda: RunEvent.objects.filter(run=run).exists())
    Job.objects.filter(kind="training").update(attempt=9, worker="another")
    steps_until(worker, lambda: not worker.attempts)
    assert not Artifact.objects.exists() and not services.artifact_place(run.pk).exists()
    assert not RunEvent.objects.filter(attempt=9).exists()


@pytest.mark.once
def test_an_artifact_goes_out_as_a_zip_and_comes_back(run, worker, browser, trainer_user):
    steps_until(worker, settled())
    artifact = Artifact.objects.get()
    response = browser.get(f"/admin/training/artifact/{artifact.pk}/download/")
    assert response["Content-Disposition"] == 'attachment; filename="Spam.zip"'
    assert response["X-Content-Type-Options"] == "nosniff"
    upload = Upload.objects.create(owner=trainer_user, name="mine.zip", bytes=int(response["Content-Length"]))
    upload.path.parent.mkdir(parents=True, exist_ok=True)
    upload.path.write_bytes(b"".join(response.streaming_content) if not response.is_async else _read(response))
    Upload.objects.filter(pk=upload.pk).update(received=upload.bytes)
    browser.post("/admin/training/artifact/add/", {"uploads": [str(upload.pk)]})
    steps_until(worker, settled("artifact"))
    came = Artifact.objects.get(origin="upload")
    assert ArtifactFolder.load(came.path).digest == ArtifactFolder.load(artifact.path).digest
    assert came.owner == trainer_user and not Upload.objects.exists() and not upload.path.exists()


@pytest.mark.parametrize("content", ["no zip", "../out"])
def test_a_hostile_zip_leaves_nothing(trainer_user, worker, tmp_path, content):
    path = tmp_path / "bad.zip"
    if content == "no zip":
        path.write_bytes(b"x" * 100)
    else:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("../../out.txt", "x")
            file.writestr("manifest.json", "{}")
    upload = Upload.objects.create(owner=trainer_user, name="bad.zip", bytes=path.stat().st_size,
                                   received=path.stat().st_size)
    upload.path.parent.mkdir(parents=True, exist_ok=True)
    upload.path.write_bytes(path.read_bytes())
    services.import_artifact(upload=upload, owner=trainer_user)
    steps_until(worker, settled("artifact"))
    assert Job.objects.get(kind="artifact").state == JobState.FAILED and not Artifact.objects.exists()
    assert not upload.path.exists() and not Upload.objects.exists()


def _kill_child() -> None:
    me = psutil.Process()
    child = next(one for one in me.children(recursive=True) if "train" in one.cmdline() and "--out" in one.cmdline()
                 and "leash" not in " ".join(one.cmdline()))
    os.kill(child.pid, signal.SIGKILL)


def _read(response: object) -> bytes:
    import asyncio

    async def whole() -> bytes:
        return b"".join([piece async for piece in response.streaming_content])

    return asyncio.run(whole())


def training_job() -> Job:
    return Job.objects.get(kind="training")
