"""A page of any kind, full of text that would run, runs nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.visit import ROOT, Site

DOWNLOADS = {"export", "admin:datasets_version_problems", "admin:datasets_version_split",
             "admin:training_artifact_download", "admin:vectors_wordvectors_download",
             "admin:training_artifact_labelled", "admin:assistants_assistant_glossary"}
DATA = {"healthz", "metrics", "admin:jsi18n", "admin:datasets_upload_piece", "admin:search"}


@pytest.fixture(scope="module")
def hostile(site: Site) -> dict[str, Any]:
    """The pages of a site that is full of such text, and the sessions of those who may see them."""
    ran = subprocess.run([sys.executable, "-m", "tests.browser.hostile"], cwd=ROOT, text=True, capture_output=True,
                         env={**site.environment, "DJANGO_SETTINGS_MODULE": "webapp.settings"})
    assert ran.returncode == 0, ran.stderr[-2000:]
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


@pytest.fixture
def browsers(chromium: Browser, site: Site, hostile: dict[str, Any]) -> Iterator[dict[str, BrowserContext]]:
    """One for each person."""
    opened = {}
    for name, session in hostile["sessions"].items():
        opened[name] = chromium.new_context(locale="en-GB")
        host = urlsplit(site.address).hostname
        opened[name].add_cookies([{"name": hostile["cookie"], "value": session, "domain": host, "path": "/"}])
    yield opened
    for context in opened.values():
        context.close()


def test_no_page_runs_what_people_wrote(browsers, hostile, site):
    faults, shown = [], 0
    for context in browsers.values():
        context.on("dialog", lambda dialog: dialog.dismiss())
    for name, path, who in hostile["pages"]:
        if name in DOWNLOADS | DATA:
            continue
        page = browsers[who].new_page()
        said: list[str] = []
        page.on("console", lambda line, said=said: said.append(line.text))
        answer = page.goto(site.address + path)
        page.wait_for_timeout(150)
        ran = page.evaluate("window.ran")
        refused = [line for line in said if "Content Security Policy" in line]
        elements = page.locator("[onerror], [onload], [x-init*=ran], [href^='javascript:']").count()
        if ran or refused or elements or (answer is not None and answer.status >= 500):
            faults.append(f"{name} {path}: ran {ran!r}, refused {refused}, {elements} elements")
        shown += "onerror=window.ran" in (page.locator("body").text_content() or "")
        page.close()
    assert not faults, "\n".join(faults)
    assert shown >= 40  # else the text was not there to be tried


def test_what_is_no_page_is_never_shown_as_one(browsers, hostile, site):
    for name, path, who in hostile["pages"]:
        if name in DOWNLOADS | DATA:
            answer = browsers[who].request.get(site.address + path)
            assert answer.ok and answer.headers["x-content-type-options"] == "nosniff", name
            kind, shown = answer.headers["content-type"], answer.headers.get("content-disposition", "")
            assert "html" not in kind or name == "admin:search", name
            assert name in DATA or shown.startswith("attachment"), name
