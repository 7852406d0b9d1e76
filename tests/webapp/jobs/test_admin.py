"""The queue in the admin."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from webapp.jobs import packages, services
from webapp.jobs.models import Job, JobState
from webapp.jobs.packages import FAILED, INSTALLING, Packages
from webapp.jobs.services import claim, enqueue, fail, finish, heartbeat

pytestmark = pytest.mark.django_db
QUEUE = "admin:jobs_job_changelist"


@pytest.fixture
def people(django_user_model):
    make = django_user_model.objects.create_user
    return {name: make(name, role=role) for name, role in
            (("ann", "admin"), ("wei", "trainer"), ("tom", "trainer"), ("eve", "member"))}


def training(owner=None, title="Spam", **options) -> Job:
    return enqueue(kind="training", arguments={"run": "1"}, owner=owner, title=title, url="/somewhere/", **options)


def running(job: Job) -> Job:
    services.move_to_front(job=job.pk)
    taken = claim(worker="one", kinds=[job.kind])
    assert taken and taken.pk == job.pk
    return taken


def queue(client, user=None, **headers) -> str:
    if user:
        client.force_login(user)
    answer = client.get(reverse(QUEUE), headers=headers)
    assert answer.status_code == 200
    return answer.text


def act(client, job: Job, action: str, **headers) -> int:
    return client.post(reverse("admin:jobs_job_act", args=[job.pk]), {"action": action}, headers=headers).status_code


def test_what_runs_comes_first_then_what_waits_in_its_order(client, people):
    first, second, over = training(title="First"), training(title="Second"), training(title="Finished")
    rests = training(title="Resting")
    services.pause(job=rests.pk)
    finish(job=running(over).pk, attempt=1)
    heartbeat(job=running(training(title="At work")).pk, attempt=1, progress=0.5, note="step 5", seconds_left=240)
    services.move_to_front(job=second.pk)
    page = queue(client, people["ann"])
    order = re.findall(r"At work|First|Second|Finished|Resting", page)
    assert order == ["At work", "Second", "First", "Resting", "Finished"]
    assert first.pk < second.pk
    for text in ("50 %", "step 5", "about 4 min left", "waiting, place 2", "Starts in about 4 min"):
        assert text in page


def test_the_time_until_a_turn_is_told_only_where_all_before_it_tell_theirs(client, people):
    training(title="Known", seconds=600)
    training(title="Unknown")
    training(title="Last")
    page = queue(client, people["ann"])
    assert page.count("Starts in about") == 1 and "Starts in about 10 min" in page


def test_a_trainer_sees_the_order_of_all_and_the_names_of_the_own_only(client, people):
    training(people["tom"], "Tom's secret")
    mine = training(people["wei"], "Wei's spam")
    failed = training(people["tom"], "Tom's failure")
    fail(job=running(failed).pk, attempt=1, error="Secret reason", retry=False)
    page = queue(client, people["wei"])
    assert "Wei&#x27;s spam" in page and "waiting, place 2" in page and "Somebody else’s" in page
    assert not [word for word in ("secret", ">tom", "Secret reason") if word in page]
    buttons = re.findall(r'id="(pause|cancel|front|retry)-(\d+)"', page)
    assert buttons == [("pause", str(mine.pk)), ("cancel", str(mine.pk))]


@pytest.mark.parametrize(("name", "action", "state"), [
    ("wei", "pause", JobState.PAUSED), ("wei", "cancel", JobState.CANCELLED), ("ann", "cancel", JobState.CANCELLED),
])
def test_its_owner_and_an_admin_may_press_the_buttons(client, people, name, action, state):
    job = training(people["wei"])
    client.force_login(people[name])
    assert act(client, job, action) == 302
    assert Job.objects.get().state == state


def test_a_paused_job_goes_on_and_a_failed_one_is_tried_again(client, people):
    rests, failed = training(people["wei"]), training(people["wei"])
    services.pause(job=rests.pk)
    fail(job=running(failed).pk, attempt=1, error="No luck", retry=False)
    assert "No luck" in queue(client, people["wei"])
    assert (act(client, rests, "unpause"), act(client, failed, "retry")) == (302, 302)
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.QUEUED}


def test_what_belongs_to_others_is_not_there(client, people):
    job = training(people["tom"])
    client.force_login(people["wei"])
    assert act(client, job, "cancel") == 404
    assert client.get(reverse("admin:jobs_job_change", args=[job.pk])).status_code == 404
    assert Job.objects.get().state == JobState.QUEUED


def test_only_an_admin_may_change_the_order(client, people):
    job = training(people["wei"])
    client.force_login(people["wei"])
    assert act(client, job, "front") == 403
    assert Job.objects.get().priority == 0


@pytest.mark.parametrize("action", ["", "delete"])
def test_an_action_that_is_none_does_nothing(client, people, action):
    client.force_login(people["ann"])
    assert act(client, training(), action) == 404


def test_a_button_answers_htmx_with_the_queue_alone(client, people):
    client.force_login(people["ann"])
    job = training()
    address = reverse("admin:jobs_job_act", args=[job.pk])
    answer = client.post(address, {"action": "pause"}, headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith('<div id="queue"') and "Go on" in answer.text


def test_the_queue_is_for_those_who_train(client, people):
    for user in (None, people["eve"]):
        if user:
            client.force_login(user)
        assert client.get(reverse(QUEUE)).status_code in (302, 403)


def test_the_record_is_shown_with_its_log_and_cannot_be_rewritten(client, people, settings):
    job = running(training(people["wei"]))
    folder = settings.HOME / "logs" / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{job.pk}-1.log").write_text('{"event": "step"}\nA <b>warning</b>\n')
    client.force_login(people["wei"])
    page = reverse("admin:jobs_job_change", args=[job.pk])
    shown = client.get(page).text
    assert "A &lt;b&gt;warning&lt;/b&gt;" in shown and "&quot;step&quot;" not in shown
    client.post(page, {"kind": "another"})
    assert Job.objects.get().kind == "training"
    assert client.get(reverse("admin:jobs_job_add")).status_code == 403


@pytest.mark.parametrize("wrong", ["nine", "0", "²", "9" * 20, "9" * 5000])
def test_an_address_that_is_no_job_is_not_there(client, people, wrong):
    client.force_login(people["ann"])
    assert client.get(reverse("admin:jobs_job_change", args=[wrong])).status_code == 404


@pytest.mark.parametrize(("state", "text"), [(INSTALLING, "is being installed"), (FAILED, "could not be installed")])
def test_trainings_that_wait_for_pytorch_say_so(client, people, monkeypatch, state, text):
    for module in ("admin", "queue"):
        monkeypatch.setattr(f"webapp.jobs.{module}.training_packages", lambda: Packages(state=state, detail="pip: no"))
    training(people["wei"])
    page = queue(client, people["wei"])
    assert page.count(text) == 2 and "pip: no" in page


def test_a_job_that_will_be_tried_again_says_when(client, people):
    training(people["wei"])
    Job.objects.update(not_before=timezone.now() + timedelta(seconds=30))
    assert "Tries again in" in queue(client, people["wei"])


def test_reasons_are_told_in_the_readers_language(client, people):
    fail(job=running(training(people["wei"])).pk, attempt=1, error=services.LOST, retry=False)
    with translation.override("zh-hans"):
        assert translation.gettext(services.LOST) in queue(client, people["wei"], **{"Accept-Language": "zh-hans"})
    assert packages.NOTICES[FAILED]


@pytest.mark.parametrize("wrong", ["²", "9" * 5000, "-1"])
def test_a_log_of_no_attempt_is_that_of_the_newest(client, people, wrong):
    job = training(people["wei"])
    client.force_login(people["wei"])
    assert client.get(reverse("admin:jobs_job_change", args=[job.pk]), {"attempt": wrong}).status_code == 200
