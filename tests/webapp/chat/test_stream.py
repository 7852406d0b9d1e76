"""Answers on their way: streamed, followed, stopped, found again."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable
from typing import Any

from scripted import POEM, ScriptedEngine

from webapp.chat import followers, generations, services
from webapp.chat.models import Conversation, Message
from webapp.chat.rooms import _rooms

OpenPage = Callable[..., Any]
LONG = " ".join(f"word{n}" for n in range(100))


async def the_answer(page: Any) -> Message:
    return await Message.objects.aget(conversation_id=page.id, role="assistant")


async def test_an_answer_arrives_in_several_messages_and_is_stored_as_it_was_streamed(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask(LONG)
    await page.until('data-state="done"')
    answer = await the_answer(page)
    assert answer.state == "done"
    assert answer.text == LONG
    assert len(page.fragments) > 5
    assert page.streamed and page.streamed in LONG


async def test_spaces_newlines_and_text_that_looks_like_json_survive(open_page: OpenPage) -> None:
    text = '7\n\n  {"a": 1} <b>&amp;</b>\n7'
    page = await open_page()
    await page.ask(text)
    await page.until('data-state="done"')
    assert (await the_answer(page)).text == text


async def test_messages_of_a_stream_are_numbered_one_by_one(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask(LONG)
    await page.until('data-state="done"')
    numbers = [int(re.findall(r'data-sequence="(\d+)"', html)[0]) for html in page.fragments]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_generation_goes_on_without_a_page_and_a_new_page_finds_it(open_page: OpenPage) -> None:
    first = await open_page()
    await first.ask(LONG)
    await first.until("beforeend:#m")
    await first.close()
    again = await open_page(first.client, first.id)
    snapshot = await again.next()
    assert LONG[:10] in snapshot and 'data-state="streaming"' in snapshot
    await again.until('data-state="done"')
    assert (await the_answer(again)).text == LONG


async def test_a_page_that_shows_all_there_is_gets_no_snapshot(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask("short")
    await page.until('data-state="done"')
    answer = await the_answer(page)
    again = await open_page(page.client, page.id, last=answer.pk, state="done")
    assert await again.socket.receive_nothing(timeout=0.3)


async def test_two_pages_of_one_conversation_see_the_same(open_page: OpenPage) -> None:
    one = await open_page()
    other = await open_page(one.client, one.id)
    await one.ask("hello there")
    assert "hello there" in await one.until('data-state="done"')
    assert "hello there" in await other.until('data-state="done"')


async def test_stop_ends_it_and_keeps_what_there_was(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask(LONG)
    await page.until("beforeend:#m")
    await page.send(action="stop")
    await page.until('data-state="stopped"')
    answer = await the_answer(page)
    assert answer.state == "stopped"
    assert answer.text and LONG.startswith(answer.text) and len(answer.text) < len(LONG)


async def test_an_engine_that_goes_away_leaves_the_text_and_a_way_to_try_again(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask("some words #gone away")
    ended = await page.until('data-state="error"')
    assert "some words" in ended and "The engine went away" in ended and "Try again" in ended
    assert (await the_answer(page)).text.startswith("some words")


async def test_a_busy_engine_says_when_to_come_back(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask("#busy")
    assert "Try again in 7 seconds." in await page.until('data-state="error"')


async def test_an_answer_can_be_written_anew(open_page: OpenPage, engine: ScriptedEngine) -> None:
    page = await open_page()
    await page.ask("明月")
    await page.until('data-state="done"')
    await page.send(action="regenerate", message=(await the_answer(page)).pk)
    await page.until('data-state="done"')
    assert (await the_answer(page)).text == POEM
    assert len(engine.requests) == 2
    assert await Message.objects.filter(conversation_id=page.id).acount() == 2


async def test_a_page_that_does_not_acknowledge_is_sent_no_more_than_a_window(open_page: OpenPage) -> None:
    page = await open_page(acknowledge=False)
    watching = await open_page(page.client, page.id)
    await page.ask(" ".join(LONG for _ in range(3)), max_tokens=512)
    await watching.until('data-state="done"', timeout=10)
    received = 0
    while not await page.socket.receive_nothing(timeout=0.05):
        await page.socket.receive_from()
        received += 1
    assert received <= followers.WINDOW
    await page.send(action="ack", sequence=received)
    assert 'data-state="done"' in await page.next()


async def test_markdown_is_rendered_block_by_block_and_at_the_end(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask("**one** two\n\nthree " + "four " * 30)
    await page.until("-blocks")
    await page.until("<strong>one</strong>")
    assert "<strong>one</strong>" in await page.until('data-state="done"')


async def test_questions_are_answered_in_honest_stages(
    open_page: OpenPage, engine: ScriptedEngine, tmp_path: Any,
) -> None:
    from modeling.retrieval import PassageIndex
    from webapp.assistants.models import Assistant

    engine.pace = 0.15
    PassageIndex.build([("a", "Tea", "Tea is a drink made from leaves.")]).save(tmp_path / "index")
    await Assistant.objects.filter(task="question-answering").aupdate(documents=[str(tmp_path / "index")])
    page = await open_page()
    await page.ask("What is tea?", "question-answering")
    await page.until("Searching the documents")
    reading = await page.until("Reading the passages")
    assert 'data-testid="passage"' in reading and "<mark>" not in reading
    assert "<mark>a drink made from leaves</mark>" in await page.until('data-state="done"')


async def test_options_reach_the_engine_within_their_ranges(open_page: OpenPage, engine: ScriptedEngine) -> None:
    page = await open_page()
    await page.ask("x", temperature="99", max_tokens="lots")
    await page.until('data-state="done"')
    assert (engine.requests[-1].sampling.temperature, engine.requests[-1].sampling.max_tokens) == (1.5, 400)
    page = await open_page()
    await page.ask("bonjour", "translation", direction="fr-en")
    await page.until('data-state="done"')
    assert (engine.requests[-1].source_language, engine.requests[-1].target_language) == ("fr", "en")


async def test_a_second_question_waits_for_the_first_answer(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask(LONG)
    await page.until("beforeend:#m")
    await page.ask("and?")
    notice = await page.until('class="notice"')
    assert "still being written" in notice and "data-restore" in notice
    await page.send(action="stop")
    await page.until('data-state="stopped"')


async def test_no_room_is_kept_when_nobody_is_there_and_nothing_is_written(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask("short")
    await page.until('data-state="done"')
    await page.close()
    await asyncio.sleep(0.05)
    assert page.id not in _rooms


async def test_after_a_restart_unfinished_answers_say_so_and_keep_their_text(open_page: OpenPage) -> None:
    page = await open_page()
    await page.ask("short")
    await page.until('data-state="done"')
    await Message.objects.filter(conversation_id=page.id, role="assistant").aupdate(state="streaming", text="half a")
    from asgiref.sync import sync_to_async

    assert await sync_to_async(services.interrupt_streaming)() == 1
    answer = await the_answer(page)
    assert (answer.state, answer.text) == ("error", "half a") and "restarted" in answer.error


async def test_a_conversation_begins_with_its_first_message_and_not_before(open_page: OpenPage) -> None:
    page = await open_page(conversation_id=uuid.uuid4())
    assert not await Conversation.objects.aexists()
    await page.ask("  A first\nmessage  ")
    await page.until(f'data-url="/c/{page.id}/"')
    assert (await Conversation.objects.aget()).title == "A first message"
    await page.until('data-state="done"')


async def test_who_has_to_wait_is_told_the_place_in_line(
    open_page: OpenPage, engine: ScriptedEngine, monkeypatch: Any,
) -> None:
    monkeypatch.setattr(generations, "PERSIST_SECONDS", 0.1)
    engine.pace = 0.6
    first, second = await open_page(), await open_page()
    await first.ask("one")
    await first.until("Waiting")
    await second.ask("two")
    await second.until("Waiting in line: place 2")
    await second.until('data-state="done"')
    assert generations._lines == {}
