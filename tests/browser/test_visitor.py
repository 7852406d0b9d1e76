"""What a visitor does with the starters, in a real browser, against the whole site."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.visit import STARTERS, Site, Visitor

DESK = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
on_desk_and_phone = pytest.mark.parametrize(
    "context", [DESK, {**PHONE, "locale": "zh-CN"}], indirect=True, ids=["desk-en", "phone-zh"]
)
WRITING = "[data-testid=message-assistant][data-state=streaming] .tail:not(:empty)"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ARTICLE = (
    "The lighthouse was built in 1811 on a reef off the coast of Scotland. The reef is under water at high tide. "
    "Builders could work for only a few hours a day in the first two years. Stones were cut on land and carried to "
    "the reef by ship. The lighthouse still stands, and its stonework has never been replaced. It is the oldest "
    "lighthouse in the world that is washed by the sea."
)
STORY = (
    "The train was late. We waited for an hour at the station. It was very cold, and nobody told us anything. "
    "My sister wanted to go home. I bought two cups of coffee and a newspaper. An old man asked me the time. He had "
    "lost his watch in the garden. In the end we took a taxi to the hotel. The driver spoke French and sang all the "
    "way. We slept until noon. The next morning the sun was shining."
)

LONG = " ".join([STORY] * 30)  # takes the small model some seconds


def shipped(name: str) -> str:
    """The starter's name. All of them ship."""
    assert (STARTERS / name / "manifest.json").is_file(), f"the starter {name} is missing"
    return name


QUESTIONS: list[tuple[str, str, Callable[[str], object]]] = [
    ("squad-reader", "When was the Transformer introduced?", lambda text: "2017" in text),
    ("squad-reader", "Who published GloVe?", lambda text: "Pennington" in text),
    ("en-fr", "I am hungry.", lambda text: "faim" in text.lower()),
    ("en-zh", "I am a student.", lambda text: "学生" in text),
    ("lexrank", ARTICLE, lambda text: "lighthouse" in text and len(text) < len(ARTICLE)),
    ("spam", "WINNER!! Claim your free £900 prize now, call 09061701461", lambda text: "spam" in text),
    ("csl-subjects", "补肾活血汤治疗老年高血压的临床观察", lambda text: "医学" in text),
    ("chinese-poetry", "春江花月夜", lambda text: len(CHINESE.findall(text)) >= 10),
]


@on_desk_and_phone
@pytest.mark.parametrize(("starter", "text", "sensible"), QUESTIONS, ids=[f"{q[0]}-{q[1][:12]}" for q in QUESTIONS])
def test_each_starter_gives_a_sensible_answer(
    visitor: Visitor, starter: str, text: str, sensible: Callable[[str], object]
) -> None:
    visitor.open(shipped(starter))
    for knob in visitor.page.locator("#temperature").all():  # the likeliest words, which are the same each time
        knob.evaluate("knob => { knob.value = 0; }")
    visitor.ask(text)
    visitor.answer()
    shown = visitor.page.get_by_test_id("message-assistant").last.inner_text()
    assert sensible(shown), shown
    assert visitor.faults == []


@pytest.mark.parametrize(("starter", "text"), [("chinese-poetry", "浣溪沙\n"), ("en-fr", LONG)])
def test_text_arrives_in_several_messages_and_is_stored_as_shown(visitor: Visitor, starter: str, text: str) -> None:
    visitor.open(shipped(starter))
    visitor.ask(text)
    shown = visitor.answer()
    assert len(visitor.shown()) >= 2  # a poem takes the model a tenth of a second
    assert visitor.stored().strip() == shown.strip()


@on_desk_and_phone
def test_stop_keeps_what_was_written(visitor: Visitor) -> None:
    visitor.open(shipped("en-fr"))
    visitor.ask(LONG)
    visitor.page.wait_for_selector(WRITING)
    visitor.page.get_by_test_id("stop").click()
    kept = visitor.answer("stopped")
    assert kept
    assert visitor.stored() == kept
    assert visitor.page.get_by_test_id("send").is_visible()


@on_desk_and_phone
def test_reloading_in_the_middle_loses_nothing(visitor: Visitor) -> None:
    visitor.open(shipped("en-fr"))
    visitor.ask(LONG)
    visitor.page.wait_for_selector(WRITING)
    before = visitor.text()
    visitor.page.reload()
    visitor.page.wait_for_selector(WRITING)
    assert visitor.page.locator("[data-state=streaming]").count() == 1
    after = visitor.answer()
    assert after.startswith(before.rstrip())
    assert visitor.stored() == after


@on_desk_and_phone
def test_a_document_of_ones_own_is_asked_and_the_passage_marked(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open(shipped("squad-reader"))
    note = tmp_path / "garden.md"
    note.write_text("# The school garden\n\nThe garden was planted in 1987 by the biology teacher, Ada Quill. "
                    "Its oldest tree is a walnut. Bees have lived behind the shed since 2011.\n")
    visitor.page.locator("#file").set_input_files(note)
    visitor.page.wait_for_selector("[data-testid=document][data-state=ready]", timeout=30_000)
    visitor.ask("Who planted the garden?")
    assert "Ada Quill" in visitor.answer()
    assert "Ada Quill" in visitor.page.get_by_test_id("passage").first.locator("mark").inner_text()


@pytest.mark.parametrize("context", [{**PHONE, "locale": "zh-CN"}], indirect=True)
def test_on_a_phone_in_chinese(visitor: Visitor) -> None:
    visitor.open(shipped("csl-subjects"))
    assert visitor.page.locator("html").get_attribute("lang", timeout=5000) in ("zh-hans", "zh-Hans")
    visitor.ask("唐代科举制度研究")
    visitor.answer()
    assert "复制" in visitor.page.get_by_test_id("message-assistant").last.inner_text()
    width = visitor.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390


@pytest.mark.parametrize("context", [{"viewport": {"width": 320, "height": 640}}], indirect=True)
def test_nothing_is_cut_at_320_pixels(visitor: Visitor) -> None:
    visitor.open(shipped("spam"))
    visitor.ask("x" * 200)
    visitor.answer()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_conversations_are_listed_renamed_exported_and_deleted(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open(shipped("spam"))
    visitor.ask("Lunch at one?")
    visitor.answer()
    assert page.get_by_test_id("conversation").count() == 1
    assert "Lunch at one?" in page.request.get(page.url.rstrip("/") + "/export.md").text()


def test_markup_in_a_prompt_is_shown_and_never_run(visitor: Visitor) -> None:
    visitor.open(shipped("spam"))
    visitor.ask("<script>document.title='broken'</script><img src=x onerror=alert(1)><b hx-get='/admin/'>hi</b>")
    visitor.answer()
    shown = visitor.page.get_by_test_id("message-user").last
    assert "<script>" in shown.inner_text()
    assert shown.locator("script, img, b").count() == 0
    assert visitor.page.title() != "broken"


def test_a_killed_engine_breaks_four_answers_and_not_the_site(chromium: Browser, site: Site) -> None:
    shipped("en-fr")
    visitors = [Visitor(chromium.new_context().new_page(), site.address) for _ in range(4)]
    for visitor in visitors:
        visitor.open("en-fr")
    for visitor in visitors:
        visitor.ask(LONG)
    for visitor in visitors:
        visitor.page.wait_for_selector(WRITING)
    os.kill(site.health()["processes"]["engine"]["pid"], signal.SIGKILL)
    for visitor in visitors:
        kept = visitor.answer("error")
        assert kept
        assert visitor.stored() == kept
        assert visitor.page.get_by_test_id("regenerate").is_visible()
    site.wait(30)  # the engine is back, and nobody's page was lost
    visitors[0].page.get_by_test_id("regenerate").click()
    assert visitors[0].answer()
    for visitor in visitors:
        visitor.page.context.close()
