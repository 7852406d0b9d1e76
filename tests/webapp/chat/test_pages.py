"""Pages: what they show, in both languages, and what can be done with conversations."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from webapp.chat.models import Conversation, Message
from webapp.chat.visitors import KEY, PASSING

Visitor = Callable[[], Client]


@pytest.fixture
def conversation(assistants: None, visitor: Visitor) -> tuple[Client, Conversation]:
    """A visitor with a translation that is done."""
    from webapp.assistants.models import Assistant

    client = visitor()
    made = Conversation.objects.create(
        assistant=Assistant.objects.get(slug="translation"), session=client.session[KEY], title="Good morning")
    made.messages.create(role="user", text="Good morning", options={"direction": "en-fr"})
    made.messages.create(role="assistant", text="Bonjour", options={"direction": "en-fr"}, seconds=0.4,
                         result={"segments": [{"source": "Good morning", "target": "Bonjour"}]})
    return client, made


def test_the_front_page_welcomes_with_examples(assistants: None) -> None:
    body = Client().get("/?assistant=summarisation").content.decode()
    assert "<h1>Summarisation</h1>" in body and "Try this" in body
    for hook in ("assistant-select", "prompt", "send"):
        assert f'data-testid="{hook}"' in body
    assert 'id="sentences"' in body and "Text to summarise" in body


def test_a_site_without_assistants_says_so(transactional_db: None) -> None:
    assert "No assistant yet" in Client().get("/").content.decode()


def test_pages_come_in_chinese(assistants: None) -> None:
    body = Client(headers={"accept-language": "zh-CN,zh;q=0.9"}).get("/?assistant=translation").content.decode()
    assert '<html lang="zh-Hans"' in body and "<h1>助手1</h1>" in body
    assert "英语 → 法语" in body and "language=zh-hans" in body


def test_the_language_can_be_switched(assistants: None) -> None:
    client = Client()
    client.post("/language/setlang/", {"language": "zh-hans", "next": "/"})
    assert "新对话" in client.get("/").content.decode()


@pytest.mark.parametrize(("cookie", "shown"), [("dark", ' data-theme="dark"'), ("light", ' data-theme="light"'),
                                               ('"><script>', ""), ("system", "")])
def test_the_theme_comes_from_a_cookie_that_is_not_trusted(assistants: None, cookie: str, shown: str) -> None:
    client = Client()
    client.cookies["parley_theme"] = cookie
    assert f'<html lang="en"{shown}>' in client.get("/").content.decode()


def test_a_translation_shows_both_languages_and_is_in_the_sidebar(conversation: tuple[Client, Conversation]) -> None:
    client, made = conversation
    body = client.get(made.get_absolute_url()).content.decode()
    assert 'lang="en">Good morning</div>' in body and 'lang="fr">Bonjour</div>' in body
    assert 'data-testid="conversation" title="Good morning" aria-current="page"' in body and 'data-state="done"' in body


def test_how_an_answer_came_about_can_be_opened(conversation: tuple[Client, Conversation]) -> None:
    client, made = conversation
    answer = made.messages.get(role="assistant")
    assert f'hx-get="/messages/{answer.pk}/inside/"' in client.get(made.get_absolute_url()).content.decode()
    assert "Bonjour</td>" in client.get(f"/messages/{answer.pk}/inside/").content.decode()


def test_tokens_show_their_probability_and_what_else_there_was(conversation: tuple[Client, Conversation]) -> None:
    client, made = conversation
    made.assistant.task = "generation"
    made.assistant.save()
    trace = [{"logprob": -0.2231, "text": "a", "candidates": [["a", -0.2231], [" b", -1.609]]}]
    answer = made.messages.create(role="assistant", text="a", trace=trace)
    body = client.get(f"/messages/{answer.pk}/inside/").content.decode()
    assert "80.0\u202f%" in body and "␣b" in body and "20.0\u202f%" in body


def test_a_title_can_be_changed_and_is_never_empty(conversation: tuple[Client, Conversation]) -> None:
    client, made = conversation
    assert "Greetings" in client.post(f"/c/{made.pk}/rename/", {"title": "  Greetings "}).content.decode()
    client.post(f"/c/{made.pk}/rename/", {"title": "   "})
    made.refresh_from_db()
    assert made.title == "Greetings"


def test_deleting_takes_all_of_it_and_leads_to_the_front_page(conversation: tuple[Client, Conversation]) -> None:
    client, made = conversation
    response = client.post(f"/c/{made.pk}/delete/", {"current": str(made.pk)})
    assert response["HX-Redirect"] == "/"
    assert not Conversation.objects.exists() and not Message.objects.exists()


def test_a_conversation_can_be_taken_home(conversation: tuple[Client, Conversation]) -> None:
    client, made = conversation
    markdown = client.get(f"/c/{made.pk}/export.md")
    assert markdown.content.decode() == (
        "# Good morning\n\n## You\n\nGood morning\n\n## Translation\n\nBonjour\n")
    assert markdown["Content-Disposition"].startswith("attachment;") and markdown["X-Content-Type-Options"] == "nosniff"
    data = json.loads(client.get(f"/c/{made.pk}/export.json").content)
    assert [message["text"] for message in data["messages"]] == ["Good morning", "Bonjour"]
    assert client.get(f"/c/{made.pk}/export.exe").status_code == 404


@pytest.mark.parametrize("title", ["..", "?", '"; filename="evil.exe', "早上好\r\nX: y", "/etc/passwd"])
def test_no_title_makes_a_dangerous_file_name(conversation: tuple[Client, Conversation], title: str) -> None:
    client, made = conversation
    Conversation.objects.update(title=title)
    disposition = client.get(f"/c/{made.pk}/export.md")["Content-Disposition"]
    assert re.fullmatch(r"""attachment; filename="conversation.md"; filename\*=UTF-8''[\w%-]+\.md""", disposition)


def test_what_is_not_there_says_so_in_plain_words(assistants: None) -> None:
    response = Client().get(f"/c/{uuid.uuid4()}/")
    assert response.status_code == 404 and "This is not here" in response.content.decode()


def test_only_those_who_said_something_are_remembered_for_long(conversation: tuple[Client, Conversation]) -> None:
    client, _made = conversation
    assert client.get("/").client.session.get_expiry_age() == settings.SESSION_COOKIE_AGE
    passing = Client()
    passing.get("/")
    assert passing.session.get_expiry_age() == PASSING


def test_changes_need_a_token(conversation: tuple[Client, Conversation]) -> None:
    client, made = conversation
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(f"/c/{made.pk}/delete/").status_code == 403


def test_the_page_weighs_little(assistants: None) -> None:
    from django.contrib.staticfiles import finders

    body = Client().get("/").content
    scripts = ["django_htmx/htmx-2.min.js", "django_htmx/ext/hx-ws-2.min.js", "parley/chat.js", "parley/parley.css"]
    assert len(body) + sum(Path(finders.find(name)).stat().st_size for name in scripts) < 150_000
