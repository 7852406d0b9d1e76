"""Forgetting what nobody comes back for."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from webapp.accounts.models import User
from webapp.assistants.models import Assistant
from webapp.chat.models import Conversation, Document
from webapp.datasets.models import Dataset, DatasetVersion, Upload
from webapp.jobs.models import Job
from webapp.operations.retention import DAY, forget_all
from webapp.sharing.models import ShareLink
from webapp.training.models import Artifact, TrainingRun

pytestmark = pytest.mark.django_db


def conversation(*, days: int, owner=None) -> Conversation:
    assistant, _ = Assistant.objects.get_or_create(slug="reader", task="question-answering", artifact="/a/reader")
    made = Conversation.objects.create(assistant=assistant, session="s", owner=owner)
    Conversation.objects.filter(pk=made.pk).update(updated=timezone.now() - timedelta(days=days))
    return made


def test_only_old_conversations_of_no_account_go_and_their_documents_with_them(
    django_user_model, django_capture_on_commit_callbacks,
):
    old, recent = conversation(days=200), conversation(days=10)
    owned = conversation(days=200, owner=django_user_model.objects.create_user("ada"))
    document = Document.objects.create(conversation=old, name="plan.md", bytes=4)
    document.folder.mkdir(parents=True)
    document.source.write_text("plan")
    said = StringIO()
    with django_capture_on_commit_callbacks(execute=True):
        call_command("forget", stdout=said)
    assert json.loads(said.getvalue())["result"]["conversations"] == 1
    assert set(Conversation.objects.all()) == {recent, owned}
    assert not document.folder.exists()


def test_conversations_of_a_link_go_after_the_days_that_the_link_says(django_user_model):
    ada = django_user_model.objects.create_user("ada", role="trainer")
    kept = []
    for number, days in enumerate((3, 30)):
        talk = conversation(days=10)
        link = ShareLink.objects.create(assistant=talk.assistant, owner=ada, token_hash=str(number), keep_days=days)
        Conversation.objects.filter(pk=talk.pk).update(link=link)
        kept += [talk] if days == 30 else []
    assert forget_all(days=180)["conversations"] == 1
    assert list(Conversation.objects.all()) == kept


@pytest.fixture
def home(tmp_path: Path, settings) -> Path:
    settings.HOME = tmp_path
    return tmp_path


def lie(path: Path, *, days: float) -> Path:
    """A file that was last touched so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    for touched in (path, *path.parents[:2]):
        os.utime(touched, (time.time() - days * DAY,) * 2)
    return path


@pytest.fixture
def run(home) -> TrainingRun:
    ada = User.objects.create_user("ada", role="trainer")
    version = DatasetVersion.objects.create(dataset=Dataset.objects.create(owner=ada, name="tickets"), number=1)
    return TrainingRun.objects.create(owner=ada, name="spam", version=version, task="classification", model="lstm",
                                      job=Job.objects.create(kind="training", owner=ada))


@pytest.mark.parametrize(("state", "days", "kept"), [
    ("failed", 30, False), ("done", 30, False), ("failed", 2, True), ("paused", 300, True), ("running", 300, True),
])
def test_checkpoints_of_a_training_go_when_it_is_over_and_nobody_resumes_it(run, state, days, kept):
    Job.objects.update(state=state)
    checkpoint = lie(run.folder / "1" / "weights", days=days)
    forget_all(days=180)
    assert checkpoint.exists() is kept


def test_what_a_kill_left_half_done_goes(home, run):
    gone = [lie(home / path, days=40) for path in (
        "imports/a/x", "evaluations/b.attempts/1/x", "artifacts/nobodys/manifest.json", ".backup-1/home/x",
        f"datasets/{run.version.dataset_id}/building/1/x", "logs/jobs/7-1.log")]
    artifact = Artifact.objects.create(name="spam", task="classification", model="lstm", origin="training",
                                       path=str(home / "artifacts" / "mine"))
    kept = [lie(home / path, days=400) for path in ("artifacts/mine/manifest.json", "evaluations/b/report.json",
                                                    f"datasets/{run.version.dataset_id}/versions/1/train.jsonl")]
    kept += [lie(home / path, days=0.1) for path in ("artifacts/fresh/x", ".backup-2/x", "logs/jobs/8-1.log")]
    forget_all(days=180)
    assert not [path for path in gone if path.exists()]
    assert not [path for path in kept if not path.exists()]
    assert artifact.folder.exists()


def test_an_upload_that_nobody_went_on_with_goes(run):
    upload = Upload.objects.create(owner=run.owner, name="a.csv", bytes=9)
    Upload.objects.update(created="2020-01-01T00:00Z")
    lie(upload.path, days=40)
    assert forget_all(days=180)["uploads"] == 1
    assert not upload.path.exists() and not Upload.objects.exists()
