"""What a job's handler is told, when, and that it is told in one transaction with the queue."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError
from django.utils import timezone

from modeling.errors import DataError
from webapp.accounts.models import User
from webapp.jobs.kinds import Kind
from webapp.jobs.models import Job, JobState
from webapp.jobs.services import LeaseLostError, cancel, claim, enqueue, pause, record, retry, unpause

pytestmark = pytest.mark.django_db
SAVES = """
import json, signal, sys, time
def end(*_):
    print(json.dumps({"event": "checkpoint", "step": 7}), flush=True)
    sys.exit(75)
signal.signal(signal.SIGTERM, end)
print(json.dumps({"event": "started"}), flush=True)
time.sleep(60)
"""


class Notes:
    """A handler whose rows are users, because they are at hand."""

    code = ""
    told: list[Any] = []
    faults: list[Exception] = []  # to raise, one at each event

    def __init__(self, job: Job) -> None:
        if job.arguments.get("about") == "nothing":
            User.objects.get(username="nobody")
        self.job, self.seen = job, 0

    def command(self) -> list[str]:
        return [sys.executable, "-c", self.code]

    def event(self, event: dict[str, Any]) -> None:
        User.objects.create(username=f"{event['event']} {event.get('step')}")
        if self.faults:
            raise self.faults.pop()
        self.seen += 1

    def progress(self) -> dict[str, Any]:
        return {"progress": self.seen / 10, "note": f"{self.seen} seen", "seconds_left": 3.5}

    def finished(self, result: Any) -> Any:
        self.told.append("finished")
        return {"made": result}

    def ended(self, *, state: str, error: str) -> None:
        self.told.append((state, error))


@pytest.fixture(autouse=True)
def told(having, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    having(notes=Kind(handler=f"{__name__}.Notes", arguments=frozenset({"about"}), attempts=2, grace=5.0))
    monkeypatch.setattr(Notes, "told", [])
    monkeypatch.setattr(Notes, "faults", [])
    return Notes.told


def saying(*objects: Any, then: str = "") -> str:
    return "\n".join([*(f"print({json.dumps(one)!r}, flush=True)" for one in objects), then])


def steps_written() -> list[str]:
    return list(User.objects.order_by("pk").values_list("username", flat=True))


def state_is(state: str) -> Any:
    return lambda: Job.objects.get().state == state


def test_events_arrive_in_order_and_the_end_with_the_result(worker, steps_until, told, monkeypatch):
    monkeypatch.setattr(Notes, "code", saying(*({"event": "step", "step": n} for n in range(500)), {"result": 5}))
    enqueue(kind="notes", title="My notes", url="/notes/")
    steps_until(worker, state_is(JobState.DONE))
    assert steps_written() == [f"step {n}" for n in range(500)]
    assert told == ["finished"] and Job.objects.get().result == {"made": 5}


def test_progress_follows_from_the_events(worker, steps_until, monkeypatch):
    monkeypatch.setattr(Notes, "code", saying({"event": "step"}, then="import time; time.sleep(60)"))
    enqueue(kind="notes")
    steps_until(worker, lambda: Job.objects.get().note == "1 seen")
    job = Job.objects.get()
    assert (job.progress, job.seconds_left, job.furthest) == (0.1, 3.5, 0.1)


@pytest.mark.django_db(transaction=True)
def test_a_busy_database_costs_no_event_and_doubles_none(worker, steps_until, monkeypatch):
    busy = OperationalError("database is locked")
    monkeypatch.setattr(Notes, "code", saying(*({"event": "step", "step": n} for n in range(5)), {"result": 1}))
    monkeypatch.setattr(Notes, "faults", [busy, busy])
    enqueue(kind="notes")
    steps_until(worker, state_is(JobState.DONE))
    assert steps_written() == [f"step {n}" for n in range(5)]


def test_an_attempt_that_lost_its_lease_writes_nothing(worker, steps_until, told, monkeypatch):
    monkeypatch.setattr(Notes, "code", saying({"event": "one"}, then="input() if 0 else __import__('time').sleep(60)"))
    enqueue(kind="notes")
    steps_until(worker, lambda: bool(worker.attempts) and bool(worker.attempts[0].child))
    Job.objects.update(attempt=9, worker="another")
    steps_until(worker, lambda: not worker.attempts)
    assert steps_written() == [] and told == []


def test_recording_without_the_lease_never_begins():
    enqueue(kind="notes")
    job = claim(worker="one", kinds=["notes"])
    Job.objects.update(attempt=2)
    with pytest.raises(LeaseLostError), record(job=job.pk, attempt=1):
        raise AssertionError("it began")


def test_what_is_written_inside_a_record_goes_with_it():
    enqueue(kind="notes")
    job = claim(worker="one", kinds=["notes"])
    with pytest.raises(RuntimeError), record(job=job.pk, attempt=1):
        User.objects.create(username="half")
        raise RuntimeError
    assert steps_written() == []


def test_a_job_about_something_that_is_gone_fails_for_good(worker, steps_until, told):
    enqueue(kind="notes", arguments={"about": "nothing"})
    steps_until(worker, state_is(JobState.FAILED))
    job = Job.objects.get()
    assert job.attempt == 1 and "deleted" in job.error and told == []


def test_a_fault_that_a_handler_finds_in_the_data_is_final_and_said(worker, steps_until, told, monkeypatch):
    monkeypatch.setattr(Notes, "code", saying({"event": "step"}, then="import time; time.sleep(60)"))
    monkeypatch.setattr(Notes, "faults", [DataError("The file is empty")])
    enqueue(kind="notes")
    steps_until(worker, state_is(JobState.FAILED))
    assert told == [("failed", "The file is empty")] and steps_written() == []


def test_a_fault_of_the_handler_itself_costs_one_attempt(worker, steps_until, told, monkeypatch):
    monkeypatch.setattr(Notes, "code", saying({"event": "step"}, {"result": 1}))
    monkeypatch.setattr(Notes, "faults", [KeyError("loss")])
    enqueue(kind="notes")
    steps_until(worker, lambda: Job.objects.get().failures == 1)
    Job.objects.update(not_before=timezone.now())
    steps_until(worker, state_is(JobState.DONE))
    assert told[-1] == "finished" and steps_written() == ["step None"]


def test_a_program_that_refuses_its_input_is_quoted(worker, steps_until, told, monkeypatch):
    complaint = "import sys; print('python -m modeling build: No rows. Add some.', file=sys.stderr); sys.exit(2)"
    monkeypatch.setattr(Notes, "code", "print('hello')\n" + saying({"progress": 0.1}, then=complaint))
    enqueue(kind="notes")
    steps_until(worker, state_is(JobState.FAILED))
    assert Job.objects.get().error == "No rows\nAdd some"
    assert told == [("failed", "No rows\nAdd some")]


def test_a_paused_child_saves_what_it_has_and_goes_on_later(worker, steps_until, told, monkeypatch):
    monkeypatch.setattr(Notes, "code", SAVES)
    job = enqueue(kind="notes")
    steps_until(worker, lambda: steps_written() == ["started None"])
    pause(job=job.pk)
    steps_until(worker, state_is(JobState.PAUSED))
    assert steps_written() == ["started None", "checkpoint 7"]
    assert told == [("paused", "")] and Job.objects.get().failures == 0
    assert claim(worker="two", kinds=["notes"]) is None
    unpause(job=job.pk)
    assert told[-1] == ("queued", "")
    steps_until(worker, lambda: Job.objects.get().attempt == 2)


def test_a_trainer_that_ends_lets_its_child_save(worker, steps_until, told, monkeypatch):
    monkeypatch.setattr(Notes, "code", SAVES)
    enqueue(kind="notes")
    steps_until(worker, lambda: steps_written() == ["started None"])
    worker.close()
    assert steps_written() == ["started None", "checkpoint 7"]
    assert told == [("queued", "")] and Job.objects.get().failures == 0


def test_a_child_that_somebody_else_told_to_end_is_started_again(worker, steps_until, told, monkeypatch):
    monkeypatch.setattr(Notes, "code", SAVES)
    enqueue(kind="notes")
    steps_until(worker, lambda: steps_written() == ["started None"])
    worker.attempts[0].child.terminate()
    steps_until(worker, lambda: bool(told))
    assert told == [("queued", "")] and Job.objects.get().failures == 0


def test_a_job_that_waits_is_paused_cancelled_and_queued_again_with_its_handler_told(told):
    job = enqueue(kind="notes")
    for act in (pause, unpause, pause, cancel, retry):
        act(job=job.pk)
    assert [state for state, _ in told] == ["paused", "queued", "paused", "cancelled", "queued"]
    assert Job.objects.get().state == JobState.QUEUED and Job.objects.get().finished is None


def test_a_failed_job_gets_all_its_attempts_again(worker, steps_until, monkeypatch):
    monkeypatch.setattr(Notes, "code", "raise SystemExit(2)")
    job = enqueue(kind="notes")
    steps_until(worker, state_is(JobState.FAILED))
    retry(job=job.pk)
    job.refresh_from_db()
    assert (job.state, job.failures, job.error, job.progress) == (JobState.QUEUED, 0, "", 0)


def test_a_handler_that_cannot_note_the_end_does_not_keep_the_job_from_ending(worker, steps_until, monkeypatch):
    def stumble(self, *, state: str, error: str) -> None:
        raise KeyError(state)

    monkeypatch.setattr(Notes, "code", "raise SystemExit(2)")
    monkeypatch.setattr(Notes, "ended", stumble)
    enqueue(kind="notes")
    steps_until(worker, state_is(JobState.FAILED))


@pytest.mark.django_db(transaction=True)
def test_an_end_that_breaks_its_transaction_blocks_no_lane(worker, steps_until, monkeypatch):
    def note_about_what_is_deleted(self, *, state: str, error: str) -> None:
        LogEntry.objects.create(user_id=999_999, action_flag=1, object_repr="")  # refused when the transaction ends

    monkeypatch.setattr(Notes, "code", "raise SystemExit(2)")
    monkeypatch.setattr(Notes, "ended", note_about_what_is_deleted)
    enqueue(kind="notes")
    steps_until(worker, state_is(JobState.FAILED), seconds=10)
    steps_until(worker, lambda: not worker.attempts)


def test_what_a_dead_attempt_said_waits_for_one_that_starts(worker, steps_until, monkeypatch, tmp_path):
    monkeypatch.setattr(Notes, "code", saying({"event": "two"}, {"result": 1}))
    job = enqueue(kind="notes")
    claim(worker="dead", kinds=["notes"], lease=timedelta(seconds=-1))
    (tmp_path / f"{job.pk}-1.log").write_text('{"event": "one"}\n')
    steps_until(worker, lambda: bool(worker.attempts))
    worker.close()  # before the child has been started
    assert state_is(JobState.QUEUED)() and steps_written() == []
    steps_until(worker, state_is(JobState.DONE))
    assert steps_written() == ["one None", "two None"]


def test_a_full_disk_is_said_in_words_and_tried_again(worker, steps_until, monkeypatch):
    monkeypatch.setattr(Notes, "code", "import errno, os; raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), '/x')")
    enqueue(kind="notes")
    steps_until(worker, lambda: Job.objects.get().failures == 1)
    assert "disk is full" in Job.objects.get().error and Job.objects.get().state == JobState.QUEUED
