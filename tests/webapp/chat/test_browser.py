"""The chat in a real browser, on a desk and on a phone, in both languages."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: apt install chromium, or put google-chrome on PATH")
LONG = " ".join(f"word{n}" for n in range(80))
Browse = Callable[..., Any]


@pytest.fixture
async def browse(site: str) -> AsyncIterator[Browse]:
    """Opens the page of an assistant in a browser of its own; fails when the page reports an error."""
    complaints: list[str] = []
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        stack.push_async_callback(browser.close)

        async def opening(assistant: str, **context: Any) -> Page:
            page = await (await browser.new_context(**context)).new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            await page.goto(f"{site}/?assistant={assistant}")
            await expect(page.locator("#app")).to_have_attribute("data-online", "yes")
            return page

        yield opening
    assert complaints == []


async def ask(page: Page, text: str) -> None:
    await page.get_by_test_id("prompt").fill(text)
    await page.get_by_test_id("prompt").press("Enter")


def answer(page: Page) -> Any:
    return page.get_by_test_id("message-assistant").last


async def test_an_answer_streams_survives_a_reload_and_is_stored_whole(browse: Browse) -> None:
    page = await browse("generation")
    await ask(page, LONG)
    await expect(answer(page)).to_have_attribute("data-state", "streaming")
    await expect(page.get_by_test_id("stop")).to_be_visible()
    await expect(answer(page)).to_contain_text("word5 word6")
    assert re.search(r"/c/[0-9a-f-]{36}/$", page.url)
    await page.reload()
    await expect(answer(page)).to_contain_text("word5 word6")
    await expect(answer(page)).to_have_attribute("data-state", "done", timeout=15_000)
    streamed = await answer(page).locator("[data-text]").inner_text()
    assert streamed == LONG
    await page.reload()
    assert await answer(page).locator("[data-text]").inner_text() == streamed
    await expect(page.get_by_test_id("conversation")).to_have_count(1)


async def test_escape_stops_and_the_answer_can_be_written_anew(browse: Browse) -> None:
    page = await browse("generation")
    await ask(page, LONG)
    await expect(answer(page)).to_contain_text("word3")
    await page.keyboard.press("Escape")
    await expect(answer(page)).to_have_attribute("data-state", "stopped")
    await expect(page.get_by_test_id("send")).to_be_visible()
    await page.get_by_test_id("regenerate").click()
    await expect(answer(page)).to_have_attribute("data-state", "done", timeout=15_000)
    await expect(page.get_by_test_id("message-user")).to_have_count(1)


async def test_a_document_is_added_and_answered_from_with_the_place_marked(browse: Browse, tmp_path: Path) -> None:
    page = await browse("question-answering")
    (tmp_path / "heron.md").write_text("# The heron\n\nThe grey heron is a long-legged bird.\n")
    await page.set_input_files("#file", tmp_path / "heron.md")
    await expect(page.get_by_test_id("document")).to_have_attribute("data-state", "ready", timeout=15_000)
    await ask(page, "What is the grey heron?")
    await expect(page.get_by_test_id("passage").locator("mark")).to_have_text("a long-legged bird")


async def test_each_task_answers_in_its_own_manner(browse: Browse) -> None:
    page = await browse("translation")
    await page.locator("#swap").click()
    await ask(page, "bonjour")
    await expect(answer(page).locator("[lang=en]")).to_have_text("« bonjour » in en")
    page = await browse("classification")
    await ask(page, "win a prize")
    await expect(answer(page).locator(".bars tr").first).to_contain_text("94.1")
    await answer(page).get_by_test_id("telling").locator("summary").click()
    await expect(answer(page).locator("mark")).to_have_text("prize")
    page = await browse("summarisation")
    await page.locator("#sentences").fill("1")
    await ask(page, "One is here. Two is there. Three is gone.")
    await expect(answer(page).locator("[data-text]")).to_have_text("One is here.")
    await answer(page).locator(".source summary").click()
    await expect(answer(page).locator("mark")).to_have_text("One is here.")
    await answer(page).locator(".inside summary").click()
    await expect(answer(page).locator(".figures")).to_contain_text("0.200")


async def test_it_fits_a_phone_and_speaks_chinese(browse: Browse) -> None:
    page = await browse("generation", viewport={"width": 320, "height": 640}, locale="zh-CN", has_touch=True)
    await expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    await ask(page, "明月")
    await expect(answer(page)).to_contain_text("吹度玉门关。")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    await page.locator(".topbar [popovertarget=sidebar]").click()
    await expect(page.get_by_test_id("conversation")).to_be_visible()
    small = await page.locator("button:visible, a:visible, select:visible").evaluate_all(
        "all => all.filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML)")
    assert small == []


async def test_a_lost_connection_comes_back_and_lacks_nothing(browse: Browse) -> None:
    page = await browse("generation")
    await ask(page, LONG)
    await expect(answer(page)).to_contain_text("word3")
    await page.context.set_offline(True)
    await page.evaluate("htmx.findAll('#app')[0]['htmx-internal-data'].webSocket.socket.close(3001)")
    await page.context.set_offline(False)
    await expect(answer(page)).to_have_attribute("data-state", "done", timeout=15_000)
    assert await answer(page).locator("[data-text]").inner_text() == LONG


async def test_the_keyboard_is_enough(browse: Browse) -> None:
    page = await browse("generation")
    await page.locator(".example").first.focus()
    await page.keyboard.press("/")
    await page.keyboard.type("one")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("two")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("message-user")).to_have_text("one\ntwo")
    await expect(answer(page)).to_have_attribute("data-state", "done")


async def test_a_text_that_is_too_long_stays_in_the_field_and_says_why(browse: Browse) -> None:
    page = await browse("summarisation")
    await ask(page, "x" * 100_001)
    await expect(page.locator("#notice")).to_contain_text("At most 100,000 characters")
    assert len(await page.get_by_test_id("prompt").input_value()) == 100_001


async def test_an_answer_is_rated_by_keyboard_and_corrected_and_the_page_remembers(browse: Browse) -> None:
    page = await browse("translation", viewport={"width": 320, "height": 640}, has_touch=True)
    await ask(page, "hello")
    await expect(answer(page)).to_have_attribute("data-state", "done")
    await page.get_by_test_id("thumb-down").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("thumb-down")).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_test_id("thumb-down")).to_be_focused()
    await expect(page.locator("#announcer")).to_contain_text("Thank you.")
    await page.get_by_test_id("correction").fill("bonjour\nà tous")
    await page.get_by_test_id("tell").click()
    await expect(page.get_by_test_id("thanks")).to_contain_text("Thank you for the correction.")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    small = await page.locator(".message button:visible").evaluate_all(
        "all => all.filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML)")
    assert small == []
    await page.reload()
    await expect(page.get_by_test_id("correction")).to_have_value("bonjour\nà tous")
    await page.get_by_test_id("thumb-down").click()
    await expect(page.get_by_test_id("thumb-down")).to_have_attribute("aria-pressed", "false")
    await expect(page.get_by_test_id("correction")).to_have_count(0)


async def test_rating_a_long_answer_does_not_move_the_page(browse: Browse) -> None:
    page = await browse("summarisation", viewport={"width": 390, "height": 500})
    await page.locator("#sentences").fill("10")
    await ask(page, " ".join(f"Sentence number {n} says a good deal about many things." for n in range(40)))
    await expect(answer(page)).to_have_attribute("data-state", "done")
    await page.get_by_test_id("thumb-down").scroll_into_view_if_needed()
    await page.locator("#reading").evaluate("box => { box.scrollTop = box.scrollHeight; }")
    await page.get_by_test_id("thumb-down").click()
    await expect(page.get_by_test_id("correction")).to_be_in_viewport()
    await page.get_by_test_id("thumb-down").click()
    await expect(page.get_by_test_id("correction")).to_have_count(0)
    await expect(page.get_by_test_id("thumb-down")).to_be_in_viewport()
