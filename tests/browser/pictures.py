"""`python -m tests.browser.pictures [--all] FOLDER`: pictures of the site with its starters, for people to look at.

Those of the README and docs by default; with --all each page at 1440 and 390 pixels, light and dark, English and
Chinese.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import CHROMIUM, NO_CHROMIUM
from tests.browser.furnished import correct, furnish
from tests.browser.visit import STARTERS, Site, Visitor, free_port

ARTICLE = (
    "The lighthouse was built in 1811 on a reef off the coast of Scotland. The reef is under water at high tide. "
    "Builders could work for only a few hours a day in the first two years. Stones were cut on land and carried to "
    "the reef by ship. The lighthouse still stands, and its stonework has never been replaced. It is the oldest "
    "lighthouse in the world that is washed by the sea. Today it works without a keeper."
)
QUESTIONS = {
    "question-answering": ("squad-reader", "When was the Transformer introduced?"),
    "translation": ("en-fr", "I have been living here for three years. Where is the station?"),
    "translation-chinese": ("en-zh", "What time does the train leave?"),
    "summarisation": ("lexrank", ARTICLE),
    "classification": ("spam", "WINNER!! Claim your free £900 prize now, call 09061701461"),
    "classification-chinese": ("csl-subjects", "唐代科举制度与文人社会地位的变迁"),
    "generation": ("chinese-poetry", "明月"),
}
SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True,
              "has_touch": True},
}
LOCALES = {"en": "en-GB", "zh": "zh-CN"}
README = [
    ("question-answering", "desktop", "light", "en"), ("translation", "phone", "light", "en"),
    ("generation", "phone", "dark", "zh"), ("classification", "desktop", "dark", "en"),
]  # fmt: skip
LINKED = ("phone", "light", "en")
DOCS = [
    *((name, "desktop", "light", "en") for name in (
        "admin-dataset-new", "admin-report", "admin-training-form", "admin-training-running", "admin-comparison",
        "admin-artifact", "admin-queue", "admin-assistant", "admin-review", "admin-link-new", "admin-link",
        "admin-index", "admin-leaderboard", "admin-search", "admin-vectors", "admin-preprocessing", "admin-adopt",
        "admin-import", "admin-label")),
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.pictures", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true")
    args = parser.parse_args()
    if CHROMIUM is None:
        parser.error(NO_CHROMIUM)
    args.folder.mkdir(parents=True, exist_ok=True)
    with site_and_browser() as (site, browser):
        pages = furnish(browser, site)
        if args.all:
            for look in itertools.product(SIZES, ("light", "dark"), LOCALES):
                everything(browser, site, args.folder, pages, *look)
        else:
            illustrations(browser, site, args.folder, pages)


@contextmanager
def site_and_browser() -> Iterator[tuple[Site, Browser]]:
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        site = Site(Path(home), free_port(), quiet=True)
        try:
            site.wait()
            flags = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
            yield site, browser
            browser.close()
        finally:
            site.stop()


def illustrations(browser: Browser, site: Site, folder: Path, pages: Mapping[str, str]) -> None:
    """Those that the README and the docs show."""
    for task, *look in README:
        visitor = opened(browser, site, *look)
        answer(visitor, task)
        take(visitor.page, folder, f"chat-{task}", look)
    visitor = opened(browser, site, *LINKED)
    correct(visitor, pages["link"])
    take(visitor.page, folder, "link", LINKED)
    for name, *look in DOCS:
        page = opened(browser, site, *look).page
        admin(page, site)
        page.goto(pages[name])
        prepared(page, name)
        take(page, folder, name, look, whole=True)
        page.context.close()


def opened(browser: Browser, site: Site, size: str, theme: str, language: str) -> Visitor:
    """A new visitor with such a screen, theme and language."""
    context = browser.new_context(**SIZES[size], color_scheme=theme, locale=LOCALES[language])
    return Visitor(context.new_page(), site.address)


def answer(visitor: Visitor, task: str) -> None:
    starter, text = QUESTIONS[task]
    visitor.open(starter)
    visitor.ask(text)
    visitor.answer()


def take(page: Page, folder: Path, name: str, look: Sequence[str], *, whole: bool = False) -> None:
    page.wait_for_timeout(300)  # short motion ends
    page.screenshot(path=folder / f"{name}-{'-'.join(look)}.png", full_page=whole)


def prepared(page: Page, name: str) -> None:
    """What a page shows only when it is asked."""
    if name == "admin-vectors":
        page.locator(".v-word").first.click()
        page.locator("#near table").wait_for()
    if name == "admin-preprocessing":
        page.locator("#steps dl").first.wait_for()
        page.locator(".t-steps").scroll_into_view_if_needed()


def everything(browser: Browser, site: Site, folder: Path, pages: Mapping[str, str], *look: str) -> None:
    """Each page in one look."""
    visitor = opened(browser, site, *look)
    page = visitor.page
    for task, (starter, _text) in QUESTIONS.items():
        if not (STARTERS / starter / "manifest.json").is_file():
            continue
        visitor.open(starter)
        take(page, folder, f"welcome-{task}", look)
        answer(visitor, task)
        take(page, folder, f"chat-{task}", look)
        page.locator("details.inside summary").last.click()
        page.wait_for_timeout(500)
        take(page, folder, f"inside-{task}", look)
    menu = page.locator("main [popovertarget=sidebar]")
    if menu.is_visible():
        menu.click()
        take(page, folder, "sidebar", look)
    for name, address in (("sign-in", "/sign-in/"), ("not-found", "/nothing-here/"), ("join", pages["join"]),
                          ("link", pages["link"])):
        page.goto(address if address.startswith("http") else site.address + address)
        take(page, folder, name, look)
    admin(page, site)
    page.goto(f"{site.address}/account/")
    take(page, folder, "account", look, whole=True)
    for name, address in pages.items():
        if name.startswith("admin"):
            page.goto(address)
            prepared(page, name)
            take(page, folder, name, look, whole=True)
    page.context.close()


def admin(page: Page, site: Site) -> None:
    """Sign in as the admin."""
    page.goto(f"{site.address}/admin/")
    page.locator("[name=username]").fill("admin")
    page.locator("[name=password]").fill((site.home / "admin.password").read_text().strip())
    page.locator("[name=password]").press("Enter")
    page.wait_for_load_state()


if __name__ == "__main__":
    main()
