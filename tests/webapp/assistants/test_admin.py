"""The pages with which people publish and look after assistants."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from webapp.assistants import services
from webapp.assistants.models import Assistant
from webapp.datasets.models import Dataset
from webapp.training.models import TrainingRun

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
ADD = reverse("admin:assistants_assistant_add")
ROWS = {"examples-TOTAL_FORMS": 0, "examples-INITIAL_FORMS": 0}
FILLED = {"name_en": "Spam", "visibility": "members", "position": 100, "published": "on", **ROWS}


def at(client: Client, user: Any) -> Client:
    client.force_login(user)
    return client


@pytest.fixture
def page(client: Client, trainer: Any) -> Client:
    """A trainer's browser."""
    return at(client, trainer)


def url(assistant: Assistant, name: str = "change") -> str:
    return reverse(f"admin:assistants_assistant_{name}", args=[assistant.pk])


def test_publishing_is_two_clicks(page: Client, artifact: Make, trainer: Any) -> None:
    made = artifact("sms spam", labels='["ham", "spam"]')
    assert f"?artifact={made.pk}" in page.get(ADD).text
    form = page.get(f"{ADD}?artifact={made.pk}")
    assert 'value="sms spam"' in form.text and "one of these: ham, spam." in form.text
    sent = {field.html_name: field.value() or "" for field in form.context["form"]} | ROWS
    answer = page.post(f"{ADD}?artifact={made.pk}", sent)
    assistant = Assistant.objects.get()
    assert answer.status_code == 302 and answer["Location"] == url(assistant)
    assert (assistant.name_en, assistant.owner, assistant.artifact) == ("sms spam", trainer, made.path)
    assert assistant.welcome_zh.startswith("粘贴")


def test_examples_come_from_the_test_split_of_the_run(page: Client, artifact: Make, trainer: Any) -> None:
    made = artifact("sms")
    dataset = Dataset.objects.create(owner=trainer, name="sms", task="classification")
    version = dataset.versions.create(number=1, state="ready")
    version.folder.mkdir(parents=True)
    rows = [("a rather long message that nobody reads", "ham"), ("see you at one", "ham"), ("free prize", "spam"),
            ("call now", "spam"), ("ok", "ham")]
    version.split("test").write_text("".join(json.dumps({"text": t, "label": label}) + "\n" for t, label in rows))
    TrainingRun.objects.create(owner=trainer, version=version, task="classification", model="lstm", artifact=made)
    examples = page.get(f"{ADD}?artifact={made.pk}").context["examples"]
    assert [row["text"].value() for row in examples] == ["call now", "see you at one", "free prize", None]


def test_what_is_written_is_what_visitors_read(page: Client, artifact: Make, trainer: Any) -> None:
    made = services.publish(owner=trainer, artifact=artifact("fr", task="translation",
                                                             config={"directions": ["en-fr", "fr-en"]}))
    page.post(url(made), FILLED | {
        "name_en": "French", "name_zh": "法语", "welcome_en": "Hello", "beam": 2, "max_tokens": "",
        "examples-TOTAL_FORMS": 3, "examples-0-text": "Bonjour", "examples-0-direction": "fr-en",
        "examples-1-text": "Tea", "examples-1-text_zh": "茶", "examples-1-direction": "en-fr", "examples-2-text": "",
    })
    made.refresh_from_db()
    assert (made.name_en, made.name_zh, made.welcome_en, made.defaults) == ("French", "法语", "Hello", {"beam": 2})
    assert made.examples == [
        {"text": "Bonjour", "options": {"direction": "fr-en"}},
        {"text": "Tea", "text_zh": "茶", "options": {"direction": "en-fr"}},
    ]


def test_sampling_defaults_are_fields_and_others_stay(page: Client, artifact: Make, trainer: Any) -> None:
    made = services.publish(owner=trainer, artifact=artifact("poet", task="generation"), defaults={"seed": 3})
    page.post(url(made), FILLED | {"temperature": "0.5", "top_k": "20", "stop": "THE END\r\n\\n\\n", "top_p": ""})
    made.refresh_from_db()
    assert made.defaults == {"seed": 3, "temperature": 0.5, "top_k": 20, "stop": ["THE END", "\n\n"]}
    assert "THE END\n\\n\\n" in page.get(url(made)).text


@pytest.mark.parametrize(("field", "value", "fault"), [
    ("name_en", "", "required"), ("name_en", "x" * 81, "at most 80"), ("name_en", "a\x00b", "Null characters"),
    ("temperature", "9", "less than or equal to 1.5"), ("temperature", "nan", "Enter a number"),
    ("top_p", "0", "greater than or equal to"), ("top_k", "2.5", "whole number"), ("max_tokens", "x", "whole number"),
    ("repetition_penalty", "0.5", "greater than or equal to 1"), ("stop", "\n".join("abcdefghi"), "At most 8 texts"),
    ("visibility", "everybody", "Select a valid choice"), ("position", "-1", "greater than or equal to 0"),
    ("position", "99999999999999999999", "less than or equal to"), ("welcome_en", "x" * 2001, "at most 2000"),
    ("examples-0-text_zh", "茶", "for all other readers"), ("examples-0-text", "x" * 5001, "at most 5000"),
    ("examples-TOTAL_FORMS", "999", "at most 6"), ("examples-TOTAL_FORMS", "x", "ManagementForm data"),
])
def test_a_fault_stands_beside_its_field_and_nothing_is_written(
    page: Client, artifact: Make, trainer: Any, field: str, value: str, fault: str,
) -> None:
    made = services.publish(owner=trainer, artifact=artifact("poet", task="generation"))
    answer = page.post(url(made), FILLED | {"examples-TOTAL_FORMS": 1} | {field: value})
    assert answer.status_code == 200 and fault in answer.text.replace("\xa0", " ")
    made.refresh_from_db()
    assert made.name_en == "poet"


def test_versions_are_promoted_and_rolled_back(page: Client, artifact: Make, trainer: Any) -> None:
    first, second = artifact("first"), artifact("second")
    made = services.publish(owner=trainer, artifact=first)
    assert "second" in page.get(url(made)).text
    page.post(url(made, "promote"), {"artifact": str(second.pk)})
    made.refresh_from_db()
    assert made.artifact == second.path
    assert page.get(url(made)).text.count('data-testid="version"') == 2
    page.post(url(made, "roll_back"))
    made.refresh_from_db()
    assert made.artifact == first.path


@pytest.mark.parametrize("sent", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_promoting_nothing_says_so(page: Client, artifact: Make, trainer: Any, sent: str) -> None:
    made = services.publish(owner=trainer, artifact=artifact("first"))
    answer = page.post(url(made, "promote"), {"artifact": sent}, follow=True)
    assert "Choose an artifact." in answer.text and made.versions.count() == 1


def test_documents_are_added_and_faults_stand_beside_the_field(page: Client, artifact: Make, trainer: Any) -> None:
    made = services.publish(owner=trainer, artifact=artifact("reader", task="question-answering"))
    answer = page.post(url(made, "documents"), {"file": [
        SimpleUploadedFile("tea.md", b"Tea is a drink made of leaves.\n"), SimpleUploadedFile("x.exe", b"MZ")]})
    assert "is no document and no list of questions" in answer.text and "tea.md" in answer.text
    made.refresh_from_db()
    assert len(made.documents) == 1
    page.post(url(made, "remove_document"), {"index": made.documents[0]})
    made.refresh_from_db()
    assert made.documents == []
    assert "Choose a file." in page.post(url(made, "documents")).text


def test_another_trainers_assistants_and_artifacts_are_not_there(
    client: Client, artifact: Make, trainer: Any, other: Any,
) -> None:
    made = services.publish(owner=trainer, artifact=artifact("mine"), name_en="Mine alone")
    stranger = at(client, other)
    assert "Mine alone" not in stranger.get(reverse("admin:assistants_assistant_changelist")).text
    assert stranger.get(url(made)).status_code == 404
    assert stranger.get(url(made, "delete")).status_code in (302, 404)
    for name in ("promote", "roll_back", "documents", "remove_document"):
        assert stranger.post(url(made, name)).status_code == 404
    assert "mine" not in stranger.get(f"{ADD}?artifact={made.current.artifact.pk}").text
    assert Assistant.objects.filter(pk=made.pk).exists()


def test_members_do_not_enter(client: Client, artifact: Make, trainer: Any, django_user_model: Any) -> None:
    made = services.publish(owner=trainer, artifact=artifact("mine"))
    member = at(client, django_user_model.objects.create_user("mo", role="member"))
    for place in (ADD, url(made), reverse("admin:assistants_assistant_changelist")):
        assert member.get(place).status_code in (302, 403)


def test_an_admin_sees_all_and_deletes_without_reading_conversations(
    admin_client: Client, artifact: Make, trainer: Any,
) -> None:
    made = services.publish(owner=trainer, artifact=artifact("mine"), name_en="Mine")
    made.conversations.create(session="s", title="My secret plan")
    assert "Mine" in admin_client.get(reverse("admin:assistants_assistant_changelist")).text
    asked = admin_client.get(url(made, "delete"))
    assert "secret plan" not in asked.text
    admin_client.post(url(made, "delete"), {"post": "yes"})
    assert not Assistant.objects.exists()


def test_what_one_cannot_pick_oneself_has_no_way_to_the_chat(
    page: Client, admin_client: Client, artifact: Make, trainer: Any,
) -> None:
    made = services.publish(owner=trainer, artifact=artifact("mine"), visibility="private")
    assert 'data-testid="open"' in page.get(url(made)).text
    assert 'data-testid="open"' not in admin_client.get(url(made)).text


def test_hostile_names_stay_text(page: Client, artifact: Make, trainer: Any) -> None:
    made = services.publish(owner=trainer, artifact=artifact("x"), name_en="<script>alert(1)</script>")
    for place in (url(made), reverse("admin:assistants_assistant_changelist"), url(made, "delete")):
        assert "<script>alert" not in page.get(place).text
