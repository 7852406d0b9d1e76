"""A running site and somebody who visits it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
STARTERS = ROOT / "modeling" / "starters"
READY_SECONDS = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Site:
    """A running site: its address, its home, and what /healthz says."""

    def __init__(self, home: Path, port: int, *, quiet: bool = False) -> None:
        """Start it. What it says goes where ours goes, unless it is to be `quiet`; its logs are kept in any case."""
        self.home, self.address = home, f"http://127.0.0.1:{port}"
        self.environment = {**os.environ, "PARLEY_HOME": str(home), "PORT": str(port), "HOST": "127.0.0.1"}
        self.environment.pop("DJANGO_SETTINGS_MODULE", None)
        self.process = subprocess.Popen([sys.executable, "manage.py", "start"], cwd=ROOT, env=self.environment,
                                        stdout=subprocess.DEVNULL if quiet else None)

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.address}/healthz", timeout=5) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
            return found

    def wait(self, seconds: float = READY_SECONDS) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.health()["status"] == "ok":
                    return
            except (OSError, ValueError):
                pass
            assert self.process.poll() is None, "the site ended while it was starting"
            time.sleep(0.3)
        raise AssertionError(f"the site was not ready after {seconds} s")

    def stop(self) -> None:
        """End it. Fails when a page ended with a fault of ours meanwhile."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        lines = [line for log in (self.home / "logs").glob("web.log*") for line in log.read_text().splitlines()]
        assert not [line for line in lines if "ERROR django.request" in line or "ERROR asyncio" in line]


# A fragment that shows some of an answer: text, a rendered block, a passage.
SHOWN = re.compile(r'm\d+-tail"[^>]*>\s*[^<\s]|m\d+-blocks"[^>]*>\s*<|data-testid="passage"')


class Visitor:
    """What somebody does on the page, by the page's stable hooks."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.frames: list[tuple[float, str]] = []  # what came over the websocket, and when
        self.faults: list[str] = []
        page.on("websocket", lambda ws: ws.on("framereceived", self._received))
        page.on("pageerror", lambda error: self.faults.append(error.stack or str(error)))
        page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)

    def _received(self, frame: Any) -> None:
        self.frames.append((time.monotonic(), frame if isinstance(frame, str) else frame.decode()))

    def open(self, assistant: str) -> None:
        self.page.goto(f"{self.address}/")
        self.page.get_by_test_id("assistant-select").select_option(assistant)
        self.page.wait_for_url(lambda url: f"assistant={assistant}" in url)
        self.connected()

    def enter(self, link: str, password: str = "") -> None:
        """By a link, from anywhere."""
        self.page.goto(link)
        if password:
            self.page.fill("#password", password)
            self.page.click("button.primary")
        self.connected()

    def correct(self) -> None:
        """Say that the last answer, a class, was wrong, and that another one is right."""
        found = self.text()
        self.page.get_by_test_id("thumb-down").click()
        self.page.get_by_test_id("correction").wait_for()
        classes = self.page.get_by_test_id("correction").locator("option").all_inner_texts()[1:]
        self.page.get_by_test_id("correction").select_option(next(name for name in classes if name not in found))
        self.page.get_by_test_id("tell").click()
        self.page.get_by_test_id("thanks").filter(has_text="Thank you for the correction.").wait_for()

    def shown(self) -> list[float]:
        """When something of the last answer came, a time a message."""
        return [at for at, frame in self.frames if SHOWN.search(frame)]

    def connected(self) -> None:
        self.page.wait_for_selector("[data-online=yes]")

    def ask(self, text: str) -> None:
        self.frames.clear()
        self.page.get_by_test_id("prompt").fill(text)
        self.asked = time.monotonic()
        self.page.get_by_test_id("send").click()

    def answer(self, state: str = "done", seconds: float = 60) -> str:
        """The text of the last answer, once it is in `state`."""
        self.page.wait_for_selector(
            f"[data-testid=message-assistant]:last-of-type[data-state={state}]", timeout=seconds * 1000
        )
        return self.text()

    def text(self) -> str:
        return self.page.locator("[data-testid=message-assistant] [data-text]").last.text_content() or ""

    def stored(self) -> str:
        """The last message as the site keeps it."""
        exported = self.page.request.get(self.page.url.rstrip("/") + "/export.json").json()
        text: str = exported["messages"][-1]["text"]
        return text
