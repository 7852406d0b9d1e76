"""The queue: claims, leases, fencing, cancelling."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from modeling.errors import ConfigError
from webapp.jobs import kinds, services
from webapp.jobs.kinds import KINDS, Kind
from webapp.jobs.models import Job, JobState
from webapp.jobs.services import LeaseLostError, cancel, claim, enqueue, fail, finish, heartbeat, release

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sleeper(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Kind(command=("sleep",), arguments=frozenset({"seconds"}), attempts=2, kills=3)
    monkeypatch.setattr(kinds, "KINDS", {"sleeper": kind})


def take(worker: str = "one", **options: timedelta) -> Job | None:
    return claim(worker=worker, kinds=["sleeper"], **options)


def test_work_on_files_that_people_sent_has_a_limit_of_memory():
    assert not [name for name, kind in KINDS.items() if {"upload", "files"} & kind.arguments and not kind.memory]


def test_a_job_is_claimed_once():
    job = enqueue(kind="sleeper")
    taken = take()
    assert taken and (taken.pk, taken.state, taken.attempt) == (job.pk, JobState.RUNNING, 1)
    assert take("two") is None


def test_the_most_urgent_job_goes_first_then_the_oldest():
    first, urgent, last = enqueue(kind="sleeper"), enqueue(kind="sleeper", priority=5), enqueue(kind="sleeper")
    assert [take().pk for _ in range(3)] == [urgent.pk, first.pk, last.pk]


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_claim_the_same_job():
    for _ in range(40):
        enqueue(kind="sleeper")
    taken: Counter[int] = Counter()

    def work(worker: str) -> None:
        while job := take(worker):
            taken[job.pk] += 1
        connection.close()

    workers = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(taken) == 40 and set(taken.values()) == {1}


def test_a_lost_claim_leaves_the_job_to_the_other_worker():
    enqueue(kind="sleeper")
    seen = Job.objects.get()
    assert take("quick")
    assert services._claim(seen, worker="slow", now=timezone.now(), lease=services.LEASE) is None
    assert Job.objects.get().worker == "quick"


def test_a_job_whose_worker_is_silent_goes_to_another():
    enqueue(kind="sleeper")
    take("dead", lease=timedelta(seconds=-1))
    again = take("alive")
    assert again and (again.attempt, again.failures, again.worker) == (2, 1, "alive")


def test_a_worker_back_from_the_dead_cannot_write():
    enqueue(kind="sleeper")
    stale = take("dead", lease=timedelta(seconds=-1))
    current = take("alive")
    assert stale and current
    for write in (heartbeat, finish, release):
        with pytest.raises(LeaseLostError, match="Attempt 1"):
            write(job=stale.pk, attempt=stale.attempt)
    with pytest.raises(LeaseLostError):
        fail(job=stale.pk, attempt=stale.attempt, error="late")
    finish(job=current.pk, attempt=current.attempt, result={"rows": 3})
    assert Job.objects.get().result == {"rows": 3}


def test_a_heartbeat_keeps_the_lease_and_tells_the_progress():
    enqueue(kind="sleeper")
    job = take("one", lease=timedelta(seconds=-1))
    assert heartbeat(job=job.pk, attempt=job.attempt, progress=1.7, note="n" * 300) is False
    assert take("two") is None
    job.refresh_from_db()
    assert (job.progress, len(job.note)) == (1.0, 200)


def test_a_failed_attempt_is_tried_again_later_and_not_for_ever():
    enqueue(kind="sleeper")
    first = take()
    fail(job=first.pk, attempt=first.attempt, error="no luck")
    assert take() is None
    Job.objects.update(not_before=timezone.now())
    second = take()
    fail(job=second.pk, attempt=second.attempt, error="no luck again")
    job = Job.objects.get()
    assert (job.state, job.error, job.failures) == (JobState.FAILED, "no luck again", 2)
    assert job.finished


def test_being_killed_is_borne_longer_than_a_fault():
    job = enqueue(kind="sleeper")
    for attempt in (1, 2):
        Job.objects.update(not_before=timezone.now())
        take()
        assert fail(job=job.pk, attempt=attempt, error="killed", killed=True) == JobState.QUEUED
    Job.objects.update(not_before=timezone.now())
    take()
    assert fail(job=job.pk, attempt=3, error="no such file") == JobState.FAILED


def test_a_job_that_kills_its_workers_fails_in_the_end():
    enqueue(kind="sleeper")
    for _ in range(3):
        take(lease=timedelta(seconds=-1))
    assert take() is None
    assert Job.objects.get().state == JobState.FAILED


def test_a_failure_that_only_a_person_can_mend_is_final():
    enqueue(kind="sleeper")
    job = take()
    fail(job=job.pk, attempt=job.attempt, error="The file is empty.", retry=False)
    assert Job.objects.get().state == JobState.FAILED


def test_a_job_given_back_has_not_failed():
    enqueue(kind="sleeper")
    job = take()
    release(job=job.pk, attempt=job.attempt)
    again = take()
    assert again and (again.attempt, again.failures) == (2, 0)


def test_a_waiting_job_is_cancelled_at_once():
    job = enqueue(kind="sleeper")
    cancel(job=job.pk)
    assert Job.objects.get().state == JobState.CANCELLED
    assert take() is None


def test_a_running_job_hears_of_its_cancelling_at_the_next_heartbeat():
    enqueue(kind="sleeper")
    job = take()
    cancel(job=job.pk)
    assert heartbeat(job=job.pk, attempt=job.attempt) is True
    assert release(job=job.pk, attempt=job.attempt) == "cancelled"
    assert Job.objects.get().state == JobState.CANCELLED


def test_a_cancelled_job_whose_worker_died_is_not_tried_again():
    enqueue(kind="sleeper")
    job = take(lease=timedelta(seconds=-1))
    cancel(job=job.pk)
    assert take() is None
    assert Job.objects.get().state == JobState.CANCELLED


def test_a_job_whose_kind_is_gone_is_not_left_waiting_for_ever(monkeypatch):
    enqueue(kind="sleeper")
    take(lease=timedelta(seconds=-1))
    waiting, cancelled = enqueue(kind="sleeper"), enqueue(kind="sleeper")
    Job.objects.filter(pk=cancelled.pk).update(cancel_requested=True)
    monkeypatch.setattr(kinds, "KINDS", {})
    services.settle_unclaimed()
    states = dict(Job.objects.values_list("pk", "state"))
    assert states.pop(cancelled.pk) == JobState.CANCELLED and set(states.values()) == {JobState.FAILED}
    assert Job.objects.get(pk=waiting.pk).error == services.NO_MORE


def test_a_job_to_be_stopped_ends_even_while_its_kind_cannot_run():
    for act, state in ((cancel, JobState.CANCELLED), (services.pause, JobState.PAUSED)):
        job = enqueue(kind="sleeper")
        take(lease=timedelta(seconds=-1))
        act(job=job.pk)
        services.settle_unclaimed()
        assert Job.objects.get(pk=job.pk).state == state


def test_what_is_over_stays_as_it_is():
    enqueue(kind="sleeper")
    job = take()
    finish(job=job.pk, attempt=job.attempt)
    cancel(job=job.pk)
    assert Job.objects.get().state == JobState.DONE


def test_a_key_is_queued_once():
    assert enqueue(kind="sleeper", key="today").pk == enqueue(kind="sleeper", key="today").pk


def test_an_unknown_kind_or_argument_is_refused_with_what_is_allowed():
    with pytest.raises(ConfigError, match="Known kinds: sleeper"):
        enqueue(kind="dreamer")
    with pytest.raises(ConfigError, match="Allowed: seconds"):
        enqueue(kind="sleeper", arguments={"shell": "; rm"})


def test_a_job_does_not_wait_for_a_clock_that_was_set_back():
    later = timezone.now() + timedelta(hours=1)
    Job.objects.filter(pk=enqueue(kind="sleeper").pk).update(not_before=later, created=later)
    assert take()
