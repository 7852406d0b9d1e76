"""Corrections are looked at, edited, and become rows of the next dataset version."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from webapp.assistants.models import Assistant
from webapp.chat.models import Conversation, Feedback
from webapp.chat.review import row_of
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.training.models import Artifact, TrainingRun

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:chat_feedback_changelist")
LABELS = {"labels": [{"label": "spam", "probability": 0.9}, {"label": "ham", "probability": 0.1}]}
PASSAGES = {"passages": [{"document": "a", "title": "Tea", "text": "Tea is a drink.", "score": 1.0},
                         {"document": "b", "title": "Bees", "text": "Bees make honey.", "score": 0.5}],
            "answers": [{"text": "honey", "passage": 1, "start": 10, "end": 15, "score": 0.5}]}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str, dict[str, Any]]] = {
    "classification": (LABELS, {}, "ham", {"text": "Q", "label": "ham"}),
    "translation": ({}, {"direction": "en-fr"}, "Bonjour", {
        "source": "Q", "target": "Bonjour", "source_language": "en", "target_language": "fr"}),
    "summarisation": ({}, {}, "Short", {"text": "Q", "summary": "Short"}),
    "question-answering": (PASSAGES, {}, "a drink", {
        "title": "Tea", "context": "Tea is a drink.", "question": "Q", "answers": [{"text": "a drink", "start": 7}]}),
    "generation": ({}, {}, " and more", {"text": "Q and more"}),
}
Make = Callable[..., Any]


@pytest.fixture
def owner() -> Any:
    return get_user_model().objects.create_user("tess", role="trainer")


@pytest.fixture
def page(client: Client, owner: Any) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def dataset(owner: Any) -> Make:
    """Makes datasets with a version that is ready."""

    def make(task: str = "classification", *, name: str = "mine", of: Any = None, state: str = "ready") -> Dataset:
        made = Dataset.objects.create(owner=of or owner, name=name, task=task)
        made.versions.create(number=1, state=state)
        return made

    return make


@pytest.fixture
def feedback(owner: Any) -> Make:
    """Makes feedback to an assistant; `data` is what its model was trained on."""

    def make(task: str = "classification", *, correction: str | None = None, data: Dataset | None = None,
             of: Any = None, good: bool = False) -> Feedback:
        result, options, should, _row = CASES[task]
        artifact = Artifact.objects.create(name="model", task=task, model="m", path=f"/a/{Artifact.objects.count()}",
                                           origin="training", owner=of or owner)
        if data:
            TrainingRun.objects.create(owner=data.owner, version=data.versions.get(), task=task, model="m",
                                       artifact=artifact)
        assistant = Assistant.objects.create(slug=f"a{Assistant.objects.count()}", name_en="Tester", task=task,
                                             artifact=artifact.path, owner=of or owner)
        version = assistant.versions.create(artifact=artifact, number=1)
        talk = Conversation.objects.create(assistant=assistant, session="s", title="Q")
        talk.messages.create(role="user", text="Q")
        answer = talk.messages.create(role="assistant", text="A", result=result, options=options, version=version)
        said = should if correction is None else correction
        return Feedback.objects.create(message=answer, good=good, correction=said)

    return make


def accept(page: Client, *chosen: Feedback, **more: Any) -> Any:
    return page.post(PAGE, {"accept": "chosen", "chosen": [one.pk for one in chosen]} | more)


def added(version: DatasetVersion) -> list[dict[str, Any]]:
    return [json.loads(line) for line in version.additions.read_text().splitlines()]


@pytest.mark.parametrize("task", CASES)
def test_an_accepted_correction_is_a_row_of_the_dataset_its_model_learnt_from(
    page: Client, dataset: Make, feedback: Make, owner: Any, task: str,
) -> None:
    data = dataset(task)
    one = feedback(task, data=data)
    assert "Its model was trained on “mine”." in page.get(PAGE).text
    answer = accept(page, one)
    assert answer.status_code == 302
    version = data.versions.get(number=2)
    row = CASES[task][3] | ({"id": f"feedback-{one.pk}"} if task == "question-answering" else {})
    assert added(version) == [row] and version.added_rows == 1
    one.refresh_from_db()
    assert (one.state, one.version, one.reviewed_by) == ("accepted", version, owner)
    accepted = page.get(PAGE, {"list": "accepted"}).text
    assert reverse("admin:datasets_version_report", args=[version.pk]) in accepted


def test_several_at_once_make_one_version_with_corrections_as_edited(
    page: Client, dataset: Make, feedback: Make,
) -> None:
    data = dataset()
    one, two, left = feedback(), feedback(), feedback()
    answer = accept(page, one, two, dataset=str(data.pk), **{f"correction-{one.pk}": "spam", "correction-999": "x"})
    assert answer.status_code == 302
    assert [row["label"] for row in added(data.versions.get(number=2))] == ["spam", "ham"]
    assert data.versions.count() == 2
    left.refresh_from_db()
    assert left.state == "waiting"
    accept(page, one, two, dataset=str(data.pk))
    assert data.versions.count() == 2


def test_the_button_of_one_accepts_that_one(page: Client, dataset: Make, feedback: Make) -> None:
    data = dataset()
    one, ticked = feedback(data=data), feedback()
    page.post(PAGE, {"accept": str(one.pk), "chosen": [ticked.pk]})
    one.refresh_from_db()
    ticked.refresh_from_db()
    assert (one.state, ticked.state) == ("accepted", "waiting")


@pytest.mark.parametrize(("how", "fault"), [
    ("none", "not trained here"), ("task", "is for another job"), ("building", "still being read"),
    ("foreign", "is not here any more"), ("label", "not one of the classes"), ("empty", "does not say what"),
    ("long", "At most 4,000"),
])
def test_what_cannot_be_accepted_says_why_and_nothing_is_written(
    page: Client, dataset: Make, feedback: Make, django_user_model: Any, how: str, fault: str,
) -> None:
    other = django_user_model.objects.create_user("theo", role="trainer")
    good, one = feedback(data=dataset(name="good")), feedback()
    more: dict[str, Any] = {
        "task": lambda: {"dataset": dataset("generation").pk}, "none": dict,
        "building": lambda: {"dataset": dataset(state="building").pk},
        "foreign": lambda: {"dataset": dataset(of=other).pk},
        "label": lambda: {"dataset": dataset().pk, f"correction-{one.pk}": "eggs"},
        "empty": lambda: {"dataset": dataset().pk, f"correction-{one.pk}": " "},
        "long": lambda: {"dataset": dataset().pk, f"correction-{one.pk}": "x" * 4001},
    }[how]()
    answer = accept(page, good, one, **more)
    assert answer.status_code == 200 and fault in answer.text
    assert DatasetVersion.objects.filter(number=2).count() == 0
    assert set(Feedback.objects.values_list("state", flat=True)) == {"waiting"}


def test_an_answer_that_no_passage_says_is_refused(page: Client, dataset: Make, feedback: Make) -> None:
    one = feedback("question-answering", correction="coffee", data=dataset("question-answering"))
    assert "None of the passages that were found says this" in accept(page, one).text


@pytest.mark.parametrize(("prompt", "correction", "text"), [
    ("Once", "upon a time", "Once upon a time"), ("春江", "花月夜", "春江花月夜"), ("Once", "Once more", "Once more"),
    ("Well,", "then", "Well, then"), ("One\n", "two", "One\ntwo"), ("Once", ", long ago", "Once, long ago"),
])
def test_prompt_and_correction_are_one_text(feedback: Make, prompt: str, correction: str, text: str) -> None:
    one = feedback("generation", correction=correction)
    one.question = prompt
    assert row_of(one) == {"text": text}


@pytest.mark.parametrize("sent", [{}, {"chosen": ["x", "9" * 30, "-1"]}, {"accept": "0"}])
def test_choosing_nothing_says_so(page: Client, feedback: Make, sent: dict[str, Any]) -> None:
    feedback()
    assert "Choose at least one." in page.post(PAGE, {"accept": "chosen"} | sent).text


def test_what_is_set_aside_leaves_the_list(page: Client, feedback: Make) -> None:
    one = feedback()
    page.post(PAGE, {"reject": str(one.pk)})
    one.refresh_from_db()
    assert one.state == "rejected"
    assert "No correction waits for you." in page.get(PAGE).text
    assert 'data-testid="feedback"' in page.get(PAGE, {"list": "rejected"}).text


def test_a_reviewer_can_say_what_a_bad_answer_should_have_been(page: Client, dataset: Make, feedback: Make) -> None:
    data = dataset()
    one = feedback(correction="", data=data)
    assert 'data-testid="feedback"' not in page.get(PAGE).text
    assert 'data-testid="feedback"' in page.get(PAGE, {"list": "bad"}).text
    accept(page, one, **{f"correction-{one.pk}": "ham"})
    assert added(data.versions.get(number=2)) == [{"text": "Q", "label": "ham"}]


def test_only_the_owner_and_admins_see_it(
    page: Client, feedback: Make, dataset: Make, django_user_model: Any, admin_client: Client,
) -> None:
    other = django_user_model.objects.create_user("theo", role="trainer")
    theirs = feedback(of=other)
    assert 'data-testid="feedback"' not in page.get(PAGE).text
    page.post(PAGE, {"reject": str(theirs.pk)})
    accept(page, theirs, dataset=str(dataset().pk))
    theirs.refresh_from_db()
    assert theirs.state == "waiting"
    assert 'data-testid="feedback"' in admin_client.get(PAGE).text
    member = Client()
    member.force_login(django_user_model.objects.create_user("mo", role="member"))
    assert member.get(PAGE).status_code in (302, 403)


@pytest.mark.parametrize("page_name", ["change", "history", "delete"])
def test_there_is_no_page_of_a_single_one(admin_client: Client, feedback: Make, page_name: str) -> None:
    assert admin_client.get(reverse(f"admin:chat_feedback_{page_name}", args=[feedback().pk])).status_code == 403


def test_thumbs_are_counted_by_assistant_and_version(page: Client, feedback: Make) -> None:
    feedback(good=True, correction="")
    feedback()
    text = page.get(PAGE).text
    assert "Tester, version 1" in text and "1 of 1 good" in text and "0 of 1 good" in text


def test_over_several_days_there_is_a_curve(page: Client, feedback: Make) -> None:
    old = feedback(good=True, correction="")
    assert 'class="p-plot"' not in page.get(PAGE).text
    Feedback.objects.filter(pk=old.pk).update(created=timezone.now() - timedelta(days=3))
    talk = Conversation.objects.create(assistant=old.message.conversation.assistant, session="s")
    answer = talk.messages.create(role="assistant", text="A", version=old.message.version)
    Feedback.objects.create(message=answer, good=False)
    text = page.get(PAGE).text
    assert 'class="p-plot"' in text and "1 of 2 good" in text and "<b>50</b>" in text


def test_a_question_that_is_gone_cannot_be_learnt(page: Client, feedback: Make, dataset: Make) -> None:
    one = feedback(data=dataset())
    one.message.conversation.messages.filter(role="user").delete()
    assert "Its question is gone" in accept(page, one).text


def test_hostile_text_stays_text(page: Client, feedback: Make) -> None:
    feedback("generation", correction="</textarea><script>alert(1)</script>")
    assert "<script>alert" not in page.get(PAGE).text
