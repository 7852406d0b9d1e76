"""The trainer with real children."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import psutil
import pytest
from django.db import OperationalError
from django.utils import timezone

from webapp.jobs import news
from webapp.jobs.models import Job, JobState
from webapp.jobs.news import log_lines
from webapp.jobs.services import cancel, enqueue
from webapp.jobs.trainer import Trainer, queue_due

pytestmark = pytest.mark.django_db

FAMILY = "import subprocess, sys, time; subprocess.Popen(['sleep', '60']); print('up', flush=True); time.sleep(60)"


def state_is(state: JobState) -> Callable[[], bool]:
    return lambda: Job.objects.get().state == state


def family(worker: Trainer) -> list[psutil.Process]:
    """The leash, the command and the command's own child, once all are there."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        worker.step()
        leash = psutil.Process(worker.attempts[0].child.pid)
        members = [leash, *leash.children(recursive=True)]
        if len(members) == 3:
            return members
        time.sleep(0.02)
    raise AssertionError("the family is not complete")


def test_a_job_reports_progress_and_a_result(worker, having, tmp_path, python, steps_until):
    having(count=python(
        "import json\nfor n in range(3): print(json.dumps({'progress': n / 3, 'note': f'row {n}'}))\n"
        "print('by the way')\nprint(json.dumps({'result': {'rows': 3}}))"
    ))
    job = enqueue(kind="count")
    steps_until(worker, state_is(JobState.DONE))
    job.refresh_from_db()
    assert (job.result, job.progress, job.attempt) == ({"rows": 3}, 1.0, 1)
    assert log_lines(tmp_path / f"{job.pk}-1.log", last=9) == ["by the way"]


def test_a_failing_job_says_why_and_is_tried_again(worker, having, python, steps_until):
    having(fail=python("raise SystemExit('no such file')", attempts=2))
    enqueue(kind="fail")
    steps_until(worker, lambda: Job.objects.get().failures == 1)
    assert "no such file" in Job.objects.get().error
    Job.objects.update(not_before=timezone.now())
    steps_until(worker, state_is(JobState.FAILED))


def test_a_fault_for_people_is_not_tried_again(worker, having, python, steps_until):
    having(refuse=python("raise SystemExit(2)"))
    enqueue(kind="refuse")
    steps_until(worker, state_is(JobState.FAILED))
    assert Job.objects.get().attempt == 1


def test_a_killed_child_leads_to_another_attempt(worker, having, python, steps_until):
    having(family=python(FAMILY))
    enqueue(kind="family")
    steps_until(worker, lambda: bool(worker.attempts))
    members = family(worker)
    os.kill(members[1].pid, signal.SIGKILL)
    steps_until(worker, lambda: Job.objects.get().failures == 1)
    assert "killed from outside" in Job.objects.get().error
    assert all_end(members)
    Job.objects.update(not_before=timezone.now())
    steps_until(worker, lambda: Job.objects.get().attempt == 2)


def test_cancelling_ends_the_whole_group(worker, having, python, steps_until):
    having(family=python(FAMILY))
    job = enqueue(kind="family")
    steps_until(worker, lambda: bool(worker.attempts))
    members = family(worker)
    cancel(job=job.pk)
    steps_until(worker, state_is(JobState.CANCELLED))
    assert all_end(members)


def test_a_job_that_takes_too_long_is_ended(worker, having, python, steps_until):
    having(slow=python("import time; time.sleep(60)", seconds=1))
    enqueue(kind="slow")
    steps_until(worker, state_is(JobState.FAILED))
    assert "It took longer" in Job.objects.get().error


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS sets no such limit")
def test_a_job_that_wants_too_much_memory_fails(worker, having, python, steps_until):
    having(greedy=python("x = bytearray(2 << 30); print(len(x))", memory=1 << 30, attempts=1))
    enqueue(kind="greedy")
    steps_until(worker, state_is(JobState.FAILED))
    assert "MemoryError" in Job.objects.get().error


def test_a_trainer_that_ends_gives_its_jobs_back(worker, having, python, steps_until):
    having(family=python(FAMILY))
    enqueue(kind="family")
    steps_until(worker, lambda: bool(worker.attempts))
    members = family(worker)
    worker.close()
    job = Job.objects.get()
    assert (job.state, job.failures) == (JobState.QUEUED, 0)
    assert all_end(members)


def test_a_trainer_whose_lease_is_gone_ends_the_child_and_writes_nothing(tmp_path, having, python, steps_until):
    worker = Trainer(logs=tmp_path, threads=1, lease=timedelta(seconds=2))
    having(family=python(FAMILY))
    enqueue(kind="family")
    steps_until(worker, lambda: bool(worker.attempts))
    members = family(worker)
    Job.objects.update(attempt=7, worker="another")
    steps_until(worker, lambda: not worker.attempts)
    assert Job.objects.get().worker == "another"
    assert all_end(members)


def test_long_work_does_not_make_short_work_wait(worker, having, python, steps_until):
    having(train=python("import time; time.sleep(60)", lane="long"), read=python("pass"))
    enqueue(kind="train")
    steps_until(worker, lambda: bool(worker.attempts))
    quick = enqueue(kind="read")
    steps_until(worker, lambda: Job.objects.get(pk=quick.pk).state == JobState.DONE)


def test_children_get_their_share_of_threads_and_give_way(worker, having, python, steps_until):
    having(show=python("import json, os; print(json.dumps({'result': [os.environ['OMP_NUM_THREADS'], os.nice(0)]}))"))
    enqueue(kind="show")
    steps_until(worker, state_is(JobState.DONE))
    threads, niceness = Job.objects.get().result
    assert threads == "1" and niceness >= 10


def test_what_runs_by_itself_is_queued_once_a_period(having, python):
    having(daily=python("pass", every=24 * 3600), never=python("pass"))
    queue_due()
    queue_due()
    assert [job.kind for job in Job.objects.all()] == ["daily"]


def test_a_full_disk_is_told_once_and_not_at_each_round(worker, having, python, monkeypatch, caplog):
    def full(**_named: object) -> None:
        raise OperationalError("database or disk is full")

    having(idle=python(""))
    monkeypatch.setattr("webapp.jobs.services.claim", full)
    for _ in range(5):
        worker.step()
    assert caplog.text.count("disk is full") == 1


def all_end(members: list[psutil.Process]) -> bool:
    """Whether all are gone, or nothing but a record that nobody has fetched, in a moment."""
    deadline = time.monotonic() + 5
    while any(_lives(member) for member in members) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(_lives(member) for member in members)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_of_a_long_output_only_the_end_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(news, "END", 100)
    path = tmp_path / "1-1.log"
    path.write_text("long ago\n" + '{"event": "step"}\n' * 20 + "now\n")
    assert log_lines(path, last=9) == ["now"]
