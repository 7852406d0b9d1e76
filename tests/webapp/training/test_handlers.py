"""Trainings through the trainer: real children, small networks."""

from __future__ import annotations

import argparse
import json
import os
import signal
import zipfile

import psutil
import pytest
from django.db import transaction
from django.utils import timezone

from modeling.artifact import Artifact as ArtifactFolder
from modeling.cli import train
from modeling.errors import RequestError
from modeling.runs import file_hash
from tests.webapp.training.trainings import SMALL, settled, steps_until
from webapp.accounts.models import User
from webapp.datasets.models import Upload
from webapp.jobs import services as queue
from webapp.jobs.models import Job, JobState
from webapp.training import services
from webapp.training.handlers import EvaluationHandler, TrainingHandler
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
@pytest.mark.parametrize("name", ["--help", "-x", "--out=/tmp/elsewhere", "a b"])
def test_a_name_is_no_option_of_the_command(run, name):
    run.name = name
    run.save()
    command = TrainingHandler(Job.objects.get(pk=run.job.pk)).command()
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    assert parser.parse_args(command[command.index("train") + 1 :]).name == name


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
    run.settings |= LONG  # it must not be over before the lease is
    run.save()
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


def test_what_a_training_continues_from_is_kept_and_never_replaced_by_nothing(run, version, trainer_user, worker):
    parent = _artifact(trainer_user)
    again = services.start_training(owner=trainer_user, version=version, task="classification", model="lstm",
                                    settings=SMALL, parent=parent)
    with pytest.raises(RequestError, match="is used by"):
        services.delete_artifact(artifact=parent)
    services.cancel_run(run=again)
    services.delete_artifact(artifact=parent)
    services.resume(run=again)
    services.cancel_run(run=run)
    steps_until(worker, lambda: Job.objects.get(pk=again.job_id).state == JobState.FAILED)
    assert "continues from was deleted" in Job.objects.get(pk=again.job_id).error


def test_stopping_wakes_what_is_about_to_pause(run):
    Job.objects.filter(pk=run.job_id).update(state=JobState.RUNNING, attempt=1)
    services.pause_run(run=run)
    services.stop_run(run=run)
    assert not training_job().pause_requested and (run.folder / "stop").exists()


def test_cancelling_minds_no_folder_that_moves_away(run, monkeypatch):
    Job.objects.filter(pk=run.job_id).update(state=JobState.RUNNING, attempt=1)
    moving = run.folder / "1" / "artifact.run" / "checkpoint"
    moving.mkdir(parents=True)
    for asked in (run.folder, moving.parent, moving.parent.parent):
        (asked / "stop").touch()
    look = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: look(path if "checkpoint" not in str(path) else "/gone"))
    services.cancel_run(run=run)
    monkeypatch.undo()
    assert not list(run.folder.rglob("stop"))


def test_an_artifact_is_measured_once_however_often_it_is_asked(trainer_user):
    artifact = _artifact(trainer_user)
    first = services.evaluate_artifact(artifact=artifact).job
    assert services.evaluate_artifact(artifact=Artifact.objects.get()).job == first
    Job.objects.update(state=JobState.DONE)
    assert services.evaluate_artifact(artifact=Artifact.objects.get()).job != first


def test_measurings_of_an_artifact_do_not_share_a_folder(run, trainer_user):
    run.artifact = _artifact(trainer_user)
    run.save()
    jobs = [services.evaluate_artifact(artifact=run.artifact).job]
    Job.objects.filter(kind="evaluation").update(state=JobState.FAILED)
    jobs.append(services.evaluate_artifact(artifact=run.artifact).job)
    first, second = (EvaluationHandler(job) for job in jobs)
    first.command()
    second.command()
    with transaction.atomic():
        second.ended(state="cancelled", error="")
    assert first.folder.exists() and not second.folder.exists()


def test_an_artifact_that_was_deleted_while_it_was_measured_leaves_nothing(run, trainer_user):
    run.artifact = _artifact(trainer_user)
    run.save()
    job = services.evaluate_artifact(artifact=run.artifact).job
    handler = EvaluationHandler(job)
    handler.command()
    (handler.folder / "report").mkdir()
    (handler.folder / "report" / "report.json").write_text("{}")
    place = run.artifact.evaluation_folder
    services.delete_artifact(artifact=run.artifact)
    with pytest.raises(Artifact.DoesNotExist), transaction.atomic():
        handler.finished(None)
    assert not place.exists() and Job.objects.get(pk=job.pk).state == JobState.CANCELLED


def test_old_attempts_give_their_disk_back(run):
    for attempt in (1, 2, 3):
        folder = run.folder / str(attempt) / "artifact.run" / "checkpoint" / f"step-0000000{attempt}"
        folder.mkdir(parents=True)
        (folder / "state.json").write_text("{}")
        hashes = {"state.json": file_hash(folder / "state.json")}
        (folder / "manifest.json").write_text(json.dumps({"sha256": hashes}))
    job = training_job()
    job.attempt = 4
    TrainingHandler(job).command()
    assert sorted(one.name for one in run.folder.iterdir()) == ["3", "4"]
    assert (run.folder / "4/artifact.run/checkpoint/step-00000003").is_dir()


def test_a_training_that_was_deleted_ends_and_writes_nothing(version, trainer_user, worker):
    run = services.start_training(owner=trainer_user, version=version, task="classification", model="lstm",
                                  settings=SMALL | LONG)
    steps_until(worker, lambda: RunEvent.objects.filter(run=run).exists())
    run.delete()  # the row alone, under its worker's hands
    steps_until(worker, settled(), seconds=30)
    assert "deleted" in training_job().error and not RunEvent.objects.exists()
    steps_until(worker, lambda: not worker.attempts)


def _artifact(owner: User) -> Artifact:
    return Artifact.objects.create(owner=owner, name="Old", task="classification", model="lstm", origin="training",
                                   path="/nowhere")


def test_a_stop_does_not_outlive_a_cancelling_from_the_queue(run):
    Job.objects.filter(pk=run.job_id).update(state=JobState.PAUSED, attempt=1)
    run.folder.mkdir(parents=True)
    (run.folder / "stop").touch()
    queue.cancel(job=run.job_id)
    assert not (run.folder / "stop").exists()
