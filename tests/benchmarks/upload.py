"""A large CSV on its way from a browser to a report: rate, and the most memory that any process took.

The file repeats real rows (sms_spam), or, under `numbered`, makes each row another one. No process may pass 600 MB.
"""

from __future__ import annotations

import csv
import itertools
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.benchmarks.comparison import processor
from tests.browser.conftest import CHROMIUM, NO_CHROMIUM
from tests.browser.pictures import admin, site_and_browser
from tests.browser.road import Road
from tests.browser.visit import ROOT, Site

BYTES = 10**9
DATA = Path(os.environ.get("PARLEY_DATA") or ROOT.parent / "shared" / "data") / "sms_spam" / "sms.tsv"


def main() -> None:
    if CHROMIUM is None or not DATA.is_file():
        print(NO_CHROMIUM if CHROMIUM is None else "no public datasets: set PARLEY_DATA to their folder")
        return
    print(f"{processor()}: a CSV of {BYTES / 1e9:.1f} GB, from the browser to its report")
    with tempfile.TemporaryDirectory() as folder, site_and_browser() as (site, browser):
        for kind in ("repeated", "numbered"):
            page = browser.new_page()
            admin(page, site)
            _measure(Road(page, site.address), site, write(Path(folder) / f"{kind}.csv", numbered=kind == "numbered"))
            page.close()


def write(path: Path, *, numbered: bool) -> Path:
    """A table of label and text, of BYTES."""
    with DATA.open(encoding="utf-8", newline="") as file:
        rows = [line.rstrip("\n").split("\t", 1) for line in file]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("label", "text"))
        for number, (label, text) in enumerate(itertools.cycle(rows)):
            if number % 10_000 == 0 and file.tell() > BYTES:
                return path
            table.writerow((label, f"{text} {number}" if numbered else text))
    return path


def _measure(road: Road, site: Site, file: Path) -> None:
    with peaks(site) as memory:
        began = time.monotonic()
        arrived = road.upload([file], minutes=60)
        ended = time.monotonic()
    megabytes = file.stat().st_size / 1e6
    most = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sorted(memory.items()))
    seconds = ended - arrived
    print(f"{file.stem:10} upload {megabytes / (arrived - began):.0f} MB/s, report {megabytes / seconds:.1f} MB/s "
          f"({seconds:.0f} s); most memory: {most}\n           {road.page.inner_text('.p-lede')}", flush=True)
    file.unlink()


@contextmanager
def peaks(site: Site) -> Iterator[dict[str, int]]:
    """The most resident memory, in bytes, of each of the site's processes, by what they are."""
    found: dict[str, int] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            for process in psutil.Process(site.process.pid).children(recursive=True):
                try:
                    name = _name(process.cmdline())
                    found[name] = max(found.get(name, 0), process.memory_info().rss)
                except psutil.Error:
                    continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def _name(command: list[str]) -> str:
    known = ("daphne", "modeling.inference.server", "trainer", "leash.py", "build")
    return next((name for name in known for word in command if word.endswith(name)), " ".join(command[1:4]))
