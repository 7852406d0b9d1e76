"""`python -m tests.browser.roads [JOB]`: the whole road for each of the five jobs, on parts of the public datasets.

Everything goes through the pages that a person uses. Prints what each page said: rows, figures, answers.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.pictures import ARTICLE, admin, site_and_browser
from tests.browser.road import Road
from tests.browser.visit import ROOT, Site, Visitor

DATA = Path(os.environ.get("PARLEY_DATA") or ROOT.parent / "shared" / "data")
PASSWORD = "open sesame"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One of the five, and what is asked of its assistant."""

    part: Callable[[Path], Path]  # writes the part of the data that is used
    questions: tuple[str, ...]
    name: str
    model: str = ""  # and the starter that the training continues from, where the form suggests others
    parent: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    starter: str = ""  # published as it is: this job needs no training
    document: str = ""  # for the assistant to answer from


def lines(source: Path, count: int) -> Callable[[Path], Path]:
    """The first lines of a file."""

    def write(folder: Path) -> Path:
        with source.open(encoding="utf-8") as file:
            (folder / source.name).write_text("".join(islice(file, count)), encoding="utf-8")
        return folder / source.name

    return write


def articles(source: Path, count: int) -> Callable[[Path], Path]:
    """The first articles of a SQuAD file."""

    def write(folder: Path) -> Path:
        whole = json.loads(source.read_text(encoding="utf-8"))
        (folder / source.name).write_text(json.dumps({**whole, "data": whole["data"][:count]}), encoding="utf-8")
        return folder / source.name

    return write


JOBS = {
    "translation": Job(
        part=lines(DATA / "tatoeba" / "en-zh.tsv", 6000), name="English and Chinese",
        settings={"steps": "20", "batch_tokens": "3000", "learning_rate": "0.0003"},
        questions=("Where is the station?", "我想喝茶。"),
    ),
    "question-answering": Job(
        part=articles(DATA / "squad" / "dev-v1.1.json", 3), name="Reader",
        settings={"steps": "20", "batch_tokens": "3000", "learning_rate": "0.00003"}, document=ARTICLE,
        questions=("When was the lighthouse built?", "Who wrote the opera?"),
    ),
    "classification": Job(
        part=lines(DATA / "csl" / "title_category.train.tsv", 8000), name="Subjects of papers",
        questions=("唐代科举制度研究", "混凝土梁的抗弯性能试验研究"),
    ),
    "summarisation": Job(
        part=lines(DATA / "dialogsum" / "dev.jsonl", 500), name="Dialogues", starter="lexrank", questions=(ARTICLE,),
    ),
    "generation": Job(
        part=lines(DATA / "chinese_poetry" / "ci_song.jsonl", 3000), name="Song ci",
        model="decoder", parent="chinese-poetry", settings={"steps": "60", "learning_rate": "0.0005"},
        questions=("明月", "春风"),
    ),
}  # fmt: skip


def main(names: list[str]) -> int:
    if not DATA.is_dir() or (unknown := [name for name in names if name not in JOBS]):
        print("The public datasets are not there." if not DATA.is_dir() else f"No such job: {', '.join(unknown)}")
        return 2
    with tempfile.TemporaryDirectory() as folder, site_and_browser() as (site, browser):
        for name in names or JOBS:
            walk(browser, site, name, JOBS[name], Path(folder))
    return 0


def walk(browser: Browser, site: Site, task: str, job: Job, folder: Path) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    road = Road(context.new_page(), site.address)
    page = road.page
    admin(page, site)
    began = time.monotonic()
    road.upload([job.part(folder)], name=job.name, task=task, minutes=10)
    say(task, f"report, {time.monotonic() - began:.0f} s", page.inner_text(".p-lede"))
    if job.starter:
        road.publish_starter(job.starter, name=job.name)
    else:
        began = time.monotonic()
        road.train(settings=job.settings, model=job.model, parent=job.parent)
        road.trained(minutes=30)
        say(task, f"training, {time.monotonic() - began:.0f} s", page.inner_text("#run-log li >> nth=0"))
        road.publish(name=job.name)
    if job.document:
        road.add_document(folder, job.document)
    own = page.url
    address = road.share(password=PASSWORD)
    guest = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    visitor = Visitor(guest.new_page(), site.address)
    visitor.page.goto(address)
    visitor.page.fill("#password", PASSWORD)
    visitor.page.click("button.primary")
    visitor.connected()
    for place, question in enumerate(job.questions):
        visitor.ask(question)
        visitor.page.locator("[data-testid=message-assistant]").nth(place).wait_for()
        say(task, question[:40], visitor.answer())
    road.revoke()
    visitor.page.get_by_test_id("closed").wait_for(timeout=5_000)
    say(task, "revoked", "the open page says so")
    page.goto(own)
    say(task, "faults", str(road.faults + visitor.faults))
    guest.close()
    context.close()


def say(task: str, what: str, text: str) -> None:
    print(f"{task:20} {what}: {' '.join(text.split())[:300]}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
