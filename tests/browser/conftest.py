"""A whole site with the starters, as `make run` starts it, and a Chromium to visit it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.visit import Site, Visitor, free_port

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_CHROMIUM = "no Chromium: apt install chromium, brew install --cask chromium, or put google-chrome on the PATH"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    running = Site(tmp_path_factory.mktemp("site"), free_port())
    try:
        running.wait()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")  # not longer: while it lives, its event loop is in the way of asynchronous tests
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    with sync_playwright() as playwright:
        flags = ["--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*flags, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        )
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A new visitor. With PARLEY_RECORD=FOLDER each visit is kept as a Playwright trace, pictures included."""
    options: dict[str, Any] = getattr(request, "param", {"viewport": {"width": 1440, "height": 900}})
    opened = chromium.new_context(**{"locale": "en-GB", **options})
    record = os.environ.get("PARLEY_RECORD")
    if record:
        opened.tracing.start(screenshots=True, snapshots=True)
    yield opened
    if record:
        opened.tracing.stop(path=Path(record) / f"{request.node.name}.zip")
    opened.close()


@pytest.fixture
def visitor(context: BrowserContext, site: Site) -> Visitor:
    return Visitor(context.new_page(), site.address)
