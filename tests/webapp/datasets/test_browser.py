"""Uploading in a real browser: the web process is killed in the middle; text too long to post; a file taken back."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: apt install chromium, or put google-chrome on PATH")
ROOT = Path(__file__).resolve().parents[3]
OWNER = "from webapp.accounts.models import User; User.objects.create_user('owner', password='owner', role='trainer')"
READ = """
import json, subprocess, sys, tempfile
from webapp.datasets.models import DatasetVersion
version = DatasetVersion.objects.order_by("-created").first()
with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.executable, "-m", "modeling", "build", *map(str, version.dataset.source_files), "--out",
                    folder + "/out", "--task", "classification"], check=True)
    version.report = json.load(open(folder + "/out/report.json"))
version.save()
"""  # as far as a trainer has come before it has said that it is done
MEGABYTE = 1024 * 1024


class Web:
    """The web process alone, which can be killed and started again."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.home, self.address = home, f"http://127.0.0.1:{self.port}"
        self.environment = {**os.environ, "PARLEY_HOME": str(home), "PORT": str(self.port), "HOST": "127.0.0.1",
                            "DJANGO_SETTINGS_MODULE": "webapp.settings"}
        for command in (["migrate", "-v0"], ["shell", "-v0", "-c", OWNER]):
            subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=self.environment, check=True)

    def start(self) -> None:
        daphne = ["-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port), "-v", "0", "webapp.asgi:application"]
        self.process = subprocess.Popen([sys.executable, *daphne], cwd=ROOT, env=self.environment)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError("the web process does not listen")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    running = Web(tmp_path_factory.mktemp("home"))
    running.start()
    yield running
    running.kill()


@pytest.fixture
async def page(web: Web) -> AsyncIterator[Page]:
    """The page of a new dataset, signed in."""
    async with async_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        opened = await (await browser.new_context(locale="en-GB")).new_page()
        await opened.goto(f"{web.address}/sign-in/?next=/admin/datasets/dataset/add/")
        await opened.fill("[name=username]", "owner")
        await opened.fill("[name=password]", "owner")
        await opened.click("button[type=submit]")
        await expect(opened.locator("#drop")).to_be_visible()
        yield opened
        await browser.close()


async def slow_down(page: Page, speed: int) -> None:
    line = await page.context.new_cdp_session(page)
    await line.send("Network.enable")
    await line.send("Network.emulateNetworkConditions", {
        "offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": speed})


async def test_an_upload_survives_a_kill_of_the_web_process(page: Page, web: Web, tmp_path: Path) -> None:
    rows = "label,text\n" + "".join(f"{'ham' if i % 2 else 'spam'},message {i:07d}\n" for i in range(1_300_000))
    (tmp_path / "big.csv").write_text(rows)
    await slow_down(page, 8 * MEGABYTE)
    await page.set_input_files("#pick", tmp_path / "big.csv")
    await expect(page.locator("#uploads")).to_contain_text("left", timeout=15_000)  # the first piece is here
    await page.click("#read")
    await expect(page.locator("#upload-news")).to_contain_text("as soon as all files are here")
    web.kill()
    await expect(page.locator("#uploads")).to_contain_text("The connection broke", timeout=15_000)
    assert not list(web.home.glob("datasets/*"))
    web.start()
    await page.wait_for_url("**/version/**", timeout=60_000)
    await expect(page.locator("#report")).to_contain_text("Waiting to be read")
    [arrived] = web.home.glob("datasets/*/source/0/big.csv")
    assert arrived.read_text() == rows
    assert not list(web.home.glob("uploads/*"))


async def test_a_long_pasted_text_comes_in_as_a_file(page: Page) -> None:
    await page.click("summary:has-text('Paste text')")
    await page.fill("#id_text", "label,text\n" + f"ham,{'so many words ' * 100}\n" * 200)
    await expect(page.locator("#uploads")).to_contain_text("here in full")
    await expect(page.locator("#uploads .name")).to_have_text("pasted.csv")
    await expect(page.locator("#id_text")).to_have_value("")


async def test_a_file_is_taken_back_and_a_refused_one_says_why(page: Page, web: Web, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "rows.csv").write_text("label,text\nham,a\n")
    await page.set_input_files("#pick", [tmp_path / "empty.csv", tmp_path / "rows.csv"])
    await expect(page.locator("#uploads .failed")).to_contain_text("The file is empty.")
    await expect(page.locator("#uploads .arrived")).to_contain_text("here in full")
    before = len(list(web.home.glob("uploads/*")))
    await page.locator("#uploads .arrived .cancel").press("Enter")
    await expect(page.locator("#uploads .arrived")).to_have_count(0)
    await page.wait_for_timeout(300)
    assert len(list(web.home.glob("uploads/*"))) == before - 1


async def test_what_is_unfolded_stays_so_while_the_report_grows(page: Page, web: Web) -> None:
    await page.click("summary:has-text('Paste text')")
    rows = "".join(f"{'ham' if i % 2 else 'spam'},message {i // 2}\n" for i in range(40))
    await page.fill("#id_text", "label,text\n" + rows)
    await page.click("#read")
    await page.wait_for_url("**/version/**")
    run = await asyncio.create_subprocess_exec(sys.executable, "manage.py", "shell", "-v0", "-c", READ, cwd=ROOT,
                                               env=web.environment)
    assert await run.wait() == 0
    fold = page.locator("#report details", has_text="Examples").first
    await fold.locator("summary").click()
    await page.evaluate("document.getElementById('report').old = true")
    await page.wait_for_function("!document.getElementById('report').old")
    await expect(fold).to_have_attribute("open", "")
    await fold.locator("summary").click()
    await page.evaluate("document.getElementById('report').old = true")
    await page.wait_for_function("!document.getElementById('report').old")
    await expect(fold).not_to_have_attribute("open", "")
