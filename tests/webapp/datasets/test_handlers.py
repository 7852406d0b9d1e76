"""ReportHandler: real children, also killed ones; what it writes bears being written twice."""

from __future__ import annotations

import time

import psutil
import pytest
from django.utils import timezone

from modeling.errors import DataError
from tests.webapp.datasets.messages import TABLE
from webapp.datasets import services
from webapp.datasets.handlers import ReportHandler
from webapp.datasets.models import DatasetVersion, VersionState
from webapp.jobs import services as jobs
from webapp.jobs.models import Job, JobState

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(owner):
    return services.create_dataset(owner=owner, text=TABLE, task="classification").versions.get()


def test_the_command_says_what_was_chosen(owner):
    dataset = services.create_dataset(owner=owner, text=TABLE, task="classification")
    version = services.build_version(dataset=dataset, columns={"text": "a b", "label": "-x"}, options={"seed": 3},
                                     additions_rows=[{"text": "a", "label": "b"}])
    command = ReportHandler(version.job).command()
    assert command[1:4] == ["-m", "modeling", "build"]
    assert command[4] == str(dataset.source_files[0])
    for part in ("--task", "classification", "text=a b", "label=-x", "seed=3", str(version.additions)):
        assert part in command


def test_what_is_gone_is_said(version):
    job = version.job
    DatasetVersion.objects.all().delete()
    with pytest.raises(DataError, match="not there any more"):
        ReportHandler(job)


def test_the_report_grows_by_events(version):
    ReportHandler(version.job).event({"event": "report", "report": {"seen": 7}})
    version.refresh_from_db()
    assert version.report == {"seen": 7} and version.state == VersionState.BUILDING


def test_what_a_database_cannot_hold_is_replaced(version):
    ReportHandler(version.job).event({"event": "report", "report": {"preview": [{"a\0": "b\0c"}, 1, None]}})
    version.refresh_from_db()
    assert version.report == {"preview": [{"a\ufffd": "b\ufffdc"}, 1, None]}


def test_the_end_may_be_written_twice(version):
    Job.objects.update(attempt=1)
    handler = ReportHandler(Job.objects.get())
    handler.command()
    handler.folder.mkdir()
    (handler.folder / "report.json").write_text('{"task": "classification", "splits": {"train": 1}}')
    assert handler.finished(None) == handler.finished(None) == {"train": 1}
    version.refresh_from_db()
    assert version.state == VersionState.READY and (version.folder / "report.json").exists()
    assert not handler.folder.exists()


def test_an_attempt_that_is_tried_again_leaves_the_version_open(version):
    handler = ReportHandler(version.job)
    for state, left in ((JobState.QUEUED, VersionState.BUILDING), (JobState.FAILED, VersionState.FAILED)):
        handler.ended(state=state, error="why")
        version.refresh_from_db()
        assert version.state == left
    assert version.error == "why"


def test_a_version_that_is_tried_again_is_being_read(version):
    jobs.cancel(job=version.job.pk)
    version.refresh_from_db()
    assert version.state == VersionState.FAILED
    jobs.retry(job=version.job.pk)
    version.refresh_from_db()
    assert (version.state, version.error) == (VersionState.BUILDING, "")


def test_a_killed_child_is_started_again_and_the_version_gets_ready(owner, trainer, tmp_path):
    rows = "".join(f"{'ham' if i % 2 else 'spam'},message number {i}\n" for i in range(30_000))
    version = services.create_dataset(owner=owner, text=f"label,text\n{rows}", task="classification").versions.get()
    end = time.monotonic() + 30
    while not any("build" in child.cmdline() for child in _children()) and time.monotonic() < end:
        trainer.step()
    for child in _children():
        child.kill()
    while version.state == VersionState.BUILDING and time.monotonic() < end:
        trainer.step()
        Job.objects.filter(state=JobState.QUEUED).update(not_before=timezone.now())
        version.refresh_from_db()
        time.sleep(0.02)
    assert (version.state, version.error) == (VersionState.READY, "")
    assert Job.objects.get().attempt == 2
    assert version.report["splits"] == {"train": 24_000, "validation": 3000, "test": 3000}
    assert not list((version.dataset.folder / "building").glob("*"))


def _children() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if "modeling" in child.cmdline() and "leash" not in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found
