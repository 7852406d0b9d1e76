"""Thumbs and corrections: given, changed, taken back, shown again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from modeling.tasks import TASKS
from webapp.chat import consumers, feedback
from webapp.chat.limits import RateLimit
from webapp.chat.models import Conversation, Feedback, FeedbackState, Message

OpenPage = Callable[..., Any]


async def answered(open_page: OpenPage, task: str = "generation", text: str = "hello there") -> tuple[Any, Message]:
    """A page with a finished answer."""
    page = await open_page()
    await page.ask(text, task)
    await page.until('data-state="done"')
    return page, await Message.objects.aget(conversation_id=page.id, role="assistant")


async def rate(page: Any, answer: Message, good: Any, **more: Any) -> str:
    await page.send(action="rate", message=answer.pk, good=good, **more)
    return await page.next()


@pytest.mark.parametrize("task", TASKS)
async def test_every_finished_answer_can_be_rated(open_page: OpenPage, task: str) -> None:
    page, answer = await answered(open_page, task)
    assert f'id="m{answer.pk}-up"' in page.fragments[-1]
    shown = await rate(page, answer, "false")
    assert "What should it have said?" in shown and shown.count('aria-pressed="true"') == 1
    assert (await Feedback.objects.aget()).good is False


async def test_a_second_click_takes_it_back_and_another_thumb_changes_it(open_page: OpenPage) -> None:
    page, answer = await answered(open_page)
    await rate(page, answer, True)
    assert (await Feedback.objects.aget()).good is True
    await rate(page, answer, False)
    assert (await Feedback.objects.aget()).good is False
    shown = await rate(page, answer, "null")
    assert 'aria-pressed="true"' not in shown and not await Feedback.objects.aexists()


async def test_a_correction_is_kept_and_shown_after_a_reload(open_page: OpenPage) -> None:
    page, answer = await answered(open_page, "translation")
    shown = await rate(page, answer, False, correction=" Bonjour <b>à tous</b> ")
    assert "Thank you for the correction" in shown and "&lt;b&gt;" in shown
    assert (await Feedback.objects.aget()).correction == "Bonjour <b>à tous</b>"
    body = (await sync_to_async(page.client.get)(f"/c/{page.id}/")).content.decode()
    assert "Bonjour &lt;b&gt;à tous&lt;/b&gt;</textarea>" in body and body.count('aria-pressed="true"') == 1


async def test_a_class_is_chosen_from_the_list_and_nothing_else_is_taken(open_page: OpenPage) -> None:
    page, answer = await answered(open_page, "classification")
    shown = await rate(page, answer, False, correction="eggs")
    assert "is not one of the classes" in shown and not await Feedback.objects.aexists()
    shown = await rate(page, answer, False, correction="ham")
    assert "<option selected>ham</option>" in shown


@pytest.mark.parametrize(("message", "said"), [
    ({"correction": "x" * (feedback.CORRECTION_CHARACTERS + 1)}, "At most 4,000 are allowed"),
    ({"message": 0}, "not here any more"), ({"message": "x"}, "not here any more"),
])
async def test_what_cannot_be_kept_says_why(open_page: OpenPage, message: dict[str, Any], said: str) -> None:
    page, answer = await answered(open_page)
    await page.send(**{"action": "rate", "message": answer.pk, "good": False} | message)
    assert said in await page.next() and not await Feedback.objects.aexists()


@pytest.mark.parametrize("odd", [{"a": 1}, ["x"], 7, None])
async def test_a_correction_that_is_no_text_counts_as_none(open_page: OpenPage, odd: Any) -> None:
    page, answer = await answered(open_page)
    await rate(page, answer, False, correction=odd)
    assert (await Feedback.objects.aget()).correction == ""


async def test_ratings_are_limited_in_number(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "rating", RateLimit(1, 60))
    page, answer = await answered(open_page)
    await rate(page, answer, True)
    assert "a lot of messages" in await rate(page, answer, False)
    assert (await Feedback.objects.aget()).good is True


async def test_nobody_rates_answers_of_another_conversation(open_page: OpenPage) -> None:
    _page, answer = await answered(open_page)
    stranger, _answer = await answered(open_page)
    assert "not here any more" in await rate(stranger, answer, True)
    assert not await Feedback.objects.aexists()


async def test_every_open_page_of_the_conversation_shows_it(open_page: OpenPage) -> None:
    page, answer = await answered(open_page)
    watching = await open_page(page.client, page.id, last=answer.pk, state="done")
    await rate(page, answer, True)
    assert 'aria-pressed="true"' in await watching.next()


async def test_an_answer_written_anew_has_no_thumb_yet(open_page: OpenPage) -> None:
    page, answer = await answered(open_page)
    await rate(page, answer, False, correction="better")
    await page.send(action="regenerate", message=answer.pk)
    assert 'aria-pressed="true"' not in await page.until('data-state="done"')
    assert not await Feedback.objects.aexists()


async def test_only_another_correction_is_reviewed_anew(open_page: OpenPage) -> None:
    page, answer = await answered(open_page)
    await rate(page, answer, False, correction="better")
    await Feedback.objects.aupdate(state=FeedbackState.REJECTED)
    await rate(page, answer, False, correction="better")
    assert (await Feedback.objects.aget()).state == "rejected"
    await rate(page, answer, False, correction="best")
    assert (await Feedback.objects.aget()).state == "waiting"


async def test_the_export_holds_ones_own_feedback(open_page: OpenPage) -> None:
    page, answer = await answered(open_page)
    await rate(page, answer, False, correction="better")
    exported = (await sync_to_async(page.client.get)(f"/c/{page.id}/export.json")).json()
    assert exported["messages"][1]["feedback"] == {"good": False, "correction": "better"}


@pytest.fixture
def private(assistants: None, django_user_model: Any) -> Callable[[], None]:
    """Makes every assistant somebody else's own."""
    from webapp.assistants.models import Assistant

    def hide() -> None:
        owner = django_user_model.objects.create_user("owner", role="trainer")
        Assistant.objects.update(visibility="private", owner=owner)

    return hide


async def test_a_conversation_with_an_assistant_that_is_closed_can_be_read_and_not_continued(
    open_page: OpenPage, private: Callable[[], None],
) -> None:
    page, answer = await answered(open_page)
    await sync_to_async(private)()
    await page.ask("and?")
    assert "This assistant is not here any more" in await page.next()
    await page.send(action="regenerate", message=answer.pk)
    assert "This assistant is not here any more" in await page.next()
    body = (await sync_to_async(page.client.get)(f"/c/{page.id}/")).content.decode()
    assert "You can read this conversation, but not continue it." in body and "hello there" in body
    assert await Message.objects.filter(conversation_id=page.id).acount() == 2


async def test_a_private_assistant_of_another_looks_as_if_it_were_not_there(
    open_page: OpenPage, private: Callable[[], None],
) -> None:
    page = await open_page()
    await sync_to_async(private)()
    await page.ask("hello")
    assert "This assistant is not here any more" in await page.next()
    assert not await Conversation.objects.aexists()
    front = (await sync_to_async(Client().get)("/?assistant=generation")).content.decode()
    assert "No assistant yet" in front and "Generation" not in front
