"""The whole road in Chromium: from a file to a shared demo, a correction, and the dataset's next version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from modeling.datasets import sample_files
from tests.browser.road import Road
from tests.browser.visit import Site, Visitor

PASSWORD = "open sesame"


@pytest.fixture
def friend(chromium: Browser) -> Iterator[BrowserContext]:
    """Another browser profile, without an account, on a phone."""
    opened = chromium.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    yield opened
    opened.close()


@pytest.fixture
def road(context: BrowserContext, site: Site) -> Road:
    """An admin who has signed in."""
    walked = Road(context.new_page(), site.address)
    walked.sign_in("admin", (site.home / "admin.password").read_text().strip())
    return walked


def sample(task: str, folder: Path) -> list[Path]:
    """The files that the upload page offers to begin with."""
    for name, content in sample_files(task):
        (folder / name).write_bytes(content)
    return sorted(folder.iterdir())


def test_a_file_becomes_a_shared_assistant_and_learns_from_a_correction(
    road: Road, friend: BrowserContext, tmp_path: Path
) -> None:
    page = road.page
    road.upload(sample("classification", tmp_path))
    assert "Ready to train" in page.inner_text(".p-lede")
    assert page.locator("#report .p-bars, #report .p-plot").count() >= 2

    road.train(settings={"epochs": "80", "patience": "0", "batch_tokens": "256"})
    road.curves_move()
    road.trained()

    road.publish(name="Where does it belong?")
    own = road.try_out()
    own.ask("My card was charged twice this month.")
    assert own.answer()
    page.go_back()

    link = road.share(password=PASSWORD)
    guest = Visitor(friend.new_page(), road.address)
    guest.enter(link, PASSWORD)
    guest.ask("The parcel never came, where is it?")
    assert guest.answer()
    guest.correct()

    at = page.url
    road.accept()
    assert "v2" in page.inner_text("body")

    page.goto(at)
    road.revoke()
    guest.page.get_by_text("This link has been closed.").wait_for(timeout=5_000)
    guest.page.reload()
    assert guest.page.get_by_role("heading", name="Nothing here").is_visible()
    assert road.faults == []


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A model of a job that learns in seconds, and what is asked of it."""

    task: str
    model: str
    settings: Mapping[str, str] = field(default_factory=dict)
    question: str
    document: str = ""  # to answer from


QUICK = {"steps": "80", "evaluations": "2", "patience": "0", "precision": "fp32", "learning_rate": "0.004"}
LIGHTHOUSE = "The lighthouse of Maren Point was built in 1871. Its lamp burns oil from whales."
WALKS = [
    Walk(task="question-answering", model="transformer", question="When was the lighthouse built?",
         settings={**QUICK, "width": "32", "layers": "1"}, document=LIGHTHOUSE),
    Walk(task="translation", model="rnn", question="Good morning.", settings={**QUICK, "hidden": "32"}),
    Walk(task="summarisation", model="pointer", question=LIGHTHOUSE, settings={**QUICK, "hidden": "32"}),
    Walk(task="generation", model="lstm", question="The river", settings={**QUICK, "hidden": "32"}),
]


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.task)
def test_a_model_from_nothing_goes_from_the_sample_to_an_answer(road: Road, walk: Walk, tmp_path: Path) -> None:
    road.upload(sample(walk.task, tmp_path), task=walk.task)
    assert "Ready to train" in road.page.inner_text(".p-lede")
    road.train(model=walk.model, settings=walk.settings)
    road.trained()
    road.artifact()
    proof = road.proof()
    assert proof["Outputs compared"] > 0 and proof["Largest difference"] <= proof["Allowed"]
    assert proof["Decided otherwise"] == proof["of them near ties"]
    road.publish(name=f"My {walk.task}")
    if walk.document:
        road.add_document(tmp_path, walk.document)
    visitor = road.try_out()
    visitor.ask(walk.question)
    assert visitor.answer().strip() or (walk.document and visitor.page.get_by_test_id("refusal").is_visible())
    assert road.faults == []
