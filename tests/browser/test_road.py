"""The whole road in Chromium: from a file to a shared demo, a correction, and the dataset's next version."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
def tickets(tmp_path: Path) -> Path:
    name, content = sample_files("classification")[0]
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def test_a_file_becomes_a_shared_assistant_and_learns_from_a_correction(
    context: BrowserContext, friend: BrowserContext, site: Site, tickets: Path
) -> None:
    road = Road(context.new_page(), site.address)
    page = road.page
    road.sign_in("admin", (site.home / "admin.password").read_text().strip())

    road.upload([tickets])
    assert "Ready to train" in page.inner_text(".p-lede")
    assert page.locator("#report .p-bars, #report .p-plot").count() >= 2

    road.train(settings={"epochs": "80", "patience": "0", "batch_tokens": "256"})
    moved = page.locator("#run-curves svg").first
    moved.wait_for(timeout=180_000)
    seen = moved.inner_html()
    page.wait_for_function("seen => document.querySelector('#run-curves svg').innerHTML !== seen", arg=seen)
    page.reload()
    assert page.locator("#run-curves svg").count(), "the curves are whole again after a reload"
    road.trained()

    road.publish(name="Where does it belong?")
    page.click("[data-testid=open]")
    own = Visitor(page, site.address)
    own.connected()
    own.ask("My card was charged twice this month.")
    assert own.answer()
    page.go_back()

    link = road.share(password=PASSWORD)
    guest = Visitor(friend.new_page(), site.address)
    guest.page.goto(link)
    guest.page.fill("#password", PASSWORD)
    guest.page.click("button.primary")
    guest.connected()
    guest.ask("The parcel never came, where is it?")
    found = guest.answer()
    guest.page.click("[data-testid=thumb-down]")
    guest.page.wait_for_selector("[data-testid=correction]")
    labels = guest.page.locator("[data-testid=correction] option").all_inner_texts()[1:]
    right = next(label for label in labels if label != found)
    guest.page.select_option("[data-testid=correction]", right)
    guest.page.click("[data-testid=tell]")
    guest.page.get_by_test_id("thanks").filter(has_text="Thank you for the correction.").wait_for()

    at = page.url
    road.accept()
    page.get_by_role("link", name=re.compile(r"v2$")).click()
    road.reported()
    assert "v2" in page.inner_text("body")

    page.goto(at)
    road.revoke()
    guest.page.get_by_text("This link has been closed.").wait_for(timeout=5_000)
    guest.page.reload()
    assert guest.page.get_by_role("heading", name="Nothing here").is_visible()
    assert road.faults == []
