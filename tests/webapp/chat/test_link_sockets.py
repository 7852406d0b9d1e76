"""Sockets of share links: asking, counting, and how it ends."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.db import InterfaceError
from django.test import Client
from django.utils import timezone
from linked import LinkPage, answered, closed, way
from scripted import ScriptedEngine

from webapp.chat import link_consumers
from webapp.chat.models import Conversation, Feedback, Message
from webapp.chat.services import forget
from webapp.sharing import services
from webapp.sharing.models import ShareLink
from webapp.sharing.services import Terms

# Talking


async def test_an_answer_comes_is_counted_and_is_there_after_a_reload(link: ShareLink, enter: Any) -> None:
    page = await enter()
    answer = await answered(page)
    assert answer.text == "hello there"
    await link.arefresh_from_db()
    assert (link.requests, link.tokens, await link.visitors.acount()) == (1, 5, 1)
    conversation = await Conversation.objects.aget()
    assert (conversation.link_id, conversation.owner_id) == (link.pk, None)
    again = await sync_to_async(page.client.get)(way(link, f"c/{page.id}/"))
    assert again.status_code == 200 and "hello there" in again.content.decode()
    assert any(f'data-url="{way(link, f"c/{page.id}/")}"' in html for html in page.fragments)


async def test_a_reload_in_the_middle_goes_on(link: ShareLink, enter: Any, engine: ScriptedEngine) -> None:
    engine.pace = 0.05
    page = await enter()
    await page.ask("one two three four five six seven eight")
    await page.until("-tail")
    await page.close()
    again = await enter(client=page.client, conversation_id=page.id)
    assert "seven eight" in await again.until('data-state="done"')


async def test_how_it_came_about_is_shown_to_its_visitor_only(link: ShareLink, enter: Any) -> None:
    page = await enter()
    answer = await answered(page)
    inside = way(link, f"messages/{answer.pk}/inside/")

    def look() -> list[int]:
        stranger, passer = Client(), Client()
        stranger.get(way(link))
        return [client.get(inside).status_code for client in (page.client, stranger, passer)] + [
            page.client.get(f"/messages/{answer.pk}/inside/").status_code]

    assert await sync_to_async(look)() == [200, 404, 404, 404]


async def test_the_owners_documents_are_searched_and_none_can_be_added(
    link_to: Callable[..., ShareLink], enter: Any, engine: ScriptedEngine,
) -> None:
    link = await database_sync_to_async(link_to)("question-answering")
    page = await enter(link)
    await page.ask("who?", assistant="question-answering")
    await page.until('data-state="done"')

    def add() -> tuple[int, bytes]:
        body = page.client.get(way(link)).content
        return page.client.post(f"/c/{page.id}/documents/", {"assistant": "question-answering"}).status_code, body

    status, body = await sync_to_async(add)()
    assert status in (200, 404) and b"add-document" not in body and b'type="file"' not in body
    assert engine.requests[0].documents == () and not await page_documents(page)


async def page_documents(page: LinkPage) -> int:
    return await (await Conversation.objects.aget(pk=page.id)).documents.acount()


async def test_limits_are_said_in_the_chat_and_the_text_comes_back(
    link_to: Callable[..., ShareLink], enter: Any,
) -> None:
    page = await enter(await database_sync_to_async(link_to)(visitor_limit=1))
    await answered(page)
    await page.ask("one more")
    notice = await page.until('class="notice"')
    assert "allows you 1 question" in notice and "Ask the person" in notice and "data-restore" in notice
    assert await Message.objects.filter(conversation_id=page.id).acount() == 2


async def test_a_visitor_of_a_link_can_rate_its_answers(enter: Any) -> None:
    page = await enter()
    answer = await answered(page)
    await page.send(action="rate", message=answer.pk, good="false", correction="It should have said this")
    await page.next()
    given = await Feedback.objects.aget()
    assert (given.message_id, given.good, given.correction) == (answer.pk, False, "It should have said this")


async def test_what_is_refused_for_another_reason_is_not_counted(link: ShareLink, enter: Any) -> None:
    page = await enter()
    await page.ask("   ")
    assert "The message is empty" in await page.until('class="notice"')
    await link.arefresh_from_db()
    assert link.requests == 0


async def test_fifty_sockets_at_once_stay_within_the_limit(link_to: Callable[..., ShareLink], enter: Any) -> None:
    link = await database_sync_to_async(link_to)(total_limit=5)
    pages = [await enter(link) for _ in range(50)]
    await asyncio.gather(*(page.ask("hello") for page in pages))
    ends = await asyncio.gather(*(end(page) for page in pages))
    assert ends.count("answered") == 5 and ends.count("refused") == 45
    await link.arefresh_from_db()
    assert link.requests == 5 == await Conversation.objects.acount()


async def end(page: LinkPage) -> str:
    """Whether the question was answered."""
    while True:
        html = await page.next(20)
        if 'data-state="done"' in html or 'class="notice"' in html:
            return "answered" if 'data-state="done"' in html else "refused"


# The end


@pytest.mark.parametrize(("act", "words"), [
    (services.revoke, "has been closed"), (services.pause, "paused"),
    (lambda link: services.change_link(link=link, terms=Terms(), password="a new one"),
     "password of this link was changed"),
])
async def test_open_pages_close_at_once_and_say_why(link: ShareLink, enter: Any, monkeypatch: Any, act: Any, words: str,
                                                    ) -> None:
    monkeypatch.setattr(link_consumers, "LOOK_SECONDS", 60)
    pages = [await enter(), await enter()]
    await answered(pages[0])
    await database_sync_to_async(act)(link=link)
    for page in pages:
        assert words in await closed(page)


async def test_what_another_process_closes_is_seen_soon(link: ShareLink, enter: Any) -> None:
    page = await enter()
    await ShareLink.objects.filter(pk=link.pk).aupdate(revoked=timezone.now())
    assert "has been closed" in await closed(page)


async def test_a_connection_that_was_lost_does_not_end_the_watch(link: ShareLink, enter: Any, monkeypatch: Any) -> None:
    standing, faults = link_consumers._standing, [InterfaceError("connection already closed"), OSError("gone")]

    def falter(link_ids: Any) -> Any:
        if faults:
            raise faults.pop()
        return standing(link_ids)

    monkeypatch.setattr(link_consumers, "_standing", falter)
    page = await enter()
    await asyncio.sleep(0.7)  # three looks
    await ShareLink.objects.filter(pk=link.pk).aupdate(revoked=timezone.now())
    assert "has been closed" in await closed(page)


async def test_a_link_that_runs_out_closes_its_pages(link: ShareLink, enter: Any) -> None:
    page = await enter()
    await ShareLink.objects.filter(pk=link.pk).aupdate(expires=timezone.now() + timedelta(seconds=0.5))
    assert "limited time" in await closed(page)


async def test_a_message_to_a_closed_link_is_not_answered(link: ShareLink, enter: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(link_consumers, "LOOK_SECONDS", 60)
    page = await enter()
    await ShareLink.objects.filter(pk=link.pk).aupdate(paused=True)
    await page.ask("hello?")
    assert "paused" in await closed(page)
    assert not await Message.objects.aexists()


async def test_a_page_that_comes_back_to_a_closed_link_is_told(link: ShareLink, enter: Any) -> None:
    page = await enter()
    await page.close()
    await ShareLink.objects.filter(pk=link.pk).aupdate(paused=True)
    back = LinkPage(page.client, link, page.id)
    assert await back.open(attach=False)
    assert "paused" in await closed(back)


async def test_a_password_given_before_it_changed_opens_no_socket(
    link_to: Callable[..., ShareLink],
) -> None:
    link = await database_sync_to_async(link_to)(password="open sesame")
    client = Client()
    await sync_to_async(client.post)(way(link), {"password": "open sesame"})
    await sync_to_async(client.get)(way(link))
    first = LinkPage(client, link, uuid.uuid4())
    assert await first.open()
    await first.close()
    await database_sync_to_async(services.change_link)(link=link, terms=Terms(), password="another one")
    assert not await LinkPage(client, link, uuid.uuid4()).open()


async def test_nothing_watches_when_no_page_is_open(link: ShareLink, enter: Any) -> None:
    page = await enter()
    task = link_consumers.watch._task
    await page.close()
    await asyncio.wait_for(task, 2)


def test_conversations_are_kept_for_the_days_that_were_promised(link_to: Callable[..., ShareLink]) -> None:
    short, long = link_to(keep_days=7), link_to(keep_days=365)
    for link in (short, long):
        Conversation.objects.create(assistant=link.assistant, link=link, session="x")
    Conversation.objects.update(updated=timezone.now() - timedelta(days=8))
    assert forget(before=timezone.now() - timedelta(days=1)) == 1
    assert Conversation.objects.get().link_id == long.pk
