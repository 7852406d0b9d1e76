"""Four trainings queued on one machine: one runs, the others wait in order, and the chat hardly feels it.

Milliseconds from Send to the first text in Chromium, with the training stopped (SIGSTOP) and running in turn; the
ratio must stay under 2. The trainings are real ones: the LSTM classifier on sms_spam, with its defaults.
"""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.comparison import processor
from tests.benchmarks.first_text import QUESTIONS
from tests.browser.conftest import CHROMIUM, NO_CHROMIUM
from tests.browser.pictures import site_and_browser
from tests.browser.visit import ROOT, Site, Visitor

DATA = Path(os.environ.get("PARLEY_DATA") or ROOT.parent / "shared" / "data") / "sms_spam" / "sms.tsv"
TRAININGS, ROUNDS = 4, 9
SETTLED = 0.7  # seconds after a training was stopped or goes on


class Queue:
    """The site's queue, by its services and tables."""

    def __init__(self, site: Site) -> None:
        os.environ.update(PARLEY_HOME=str(site.home), DJANGO_SETTINGS_MODULE="webapp.settings")
        import django

        django.setup()
        self._thread = ThreadPoolExecutor(1)

    def dataset(self, rows: str) -> Any:
        """The version of a new dataset of labels and texts, when it is read."""
        version = self.ask(lambda: self._dataset("label\ttext\n" + rows))
        wait_for(lambda: self.ask(lambda: self._again(version).state) == "ready", 120)
        return version

    def train(self, version: Any, name: str, settings: dict[str, Any]) -> Any:
        """A queued training of the LSTM."""
        return self.ask(lambda: self._train(version, name, settings))

    def jobs(self) -> list[Any]:
        """The trainings, in the order of the queue."""
        from webapp.jobs.models import Job

        return self.ask(lambda: list(Job.objects.filter(kind="training").order_by("-priority", "created", "pk")))

    def progress(self) -> float:
        """Of the training that runs."""
        return next((job.progress for job in self.jobs() if job.state == "running"), 0.0)

    def ask(self, work: Callable[[], Any]) -> Any:
        """Something of the database; not in this thread, whose event loop is the browser's."""
        return self._thread.submit(work).result()

    def close(self) -> None:
        self._thread.shutdown()

    @staticmethod
    def _dataset(text: str) -> Any:
        from webapp.accounts.models import User
        from webapp.datasets.services import create_dataset

        owner = User.objects.get(username="admin")
        return create_dataset(owner=owner, name="SMS", task="classification", text=text).versions.get()

    @staticmethod
    def _again(row: Any) -> Any:
        return type(row).objects.get(pk=row.pk)

    def _train(self, version: Any, name: str, settings: dict[str, Any]) -> Any:
        from webapp.accounts.models import User
        from webapp.training.services import start_training

        return start_training(owner=User.objects.get(username="admin"), version=self._again(version),
                              task="classification", model="lstm", settings=settings, name=name)


def main() -> None:
    if CHROMIUM is None or not DATA.is_file():
        print(NO_CHROMIUM if CHROMIUM is None else "no public datasets: set PARLEY_DATA to their folder")
        return
    with site_and_browser() as (site, browser):
        queue = Queue(site)
        version = queue.dataset(DATA.read_text(encoding="utf-8"))
        for number in range(TRAININGS):
            queue.train(version, f"Training {number + 1}", {"patience": 100, "epochs": 200})
        wait_for(lambda: queue.progress() > 0, 120)
        print(f"{processor()}: {', '.join(f'{job.title} {job.state}' for job in queue.jobs())}")
        print(f"Milliseconds to the first text, training stopped and running in turn; medians of {ROUNDS}")
        began = queue.progress()
        visitor = Visitor(browser.new_page(), site.address)
        worst = max(_measure(visitor, site, name) for name in QUESTIONS)
        print(f"The largest ratio is {worst:.2f}; it must stay under 2. Meanwhile the training went from "
              f"{began:.0%} to {queue.progress():.0%}; {', '.join(job.state for job in queue.jobs())}.")
        queue.close()


def _measure(visitor: Visitor, site: Site, name: str) -> float:
    """The ratio of the medians for one starter."""
    first_text(visitor, name)  # warm
    idle, busy = [], []
    for _ in range(ROUNDS):
        with training_stopped(site):
            idle.append(first_text(visitor, name))
        busy.append(first_text(visitor, name))
    ratio = statistics.median(busy) / statistics.median(idle)
    print(f"{name:16} idle {_shown(idle)}, during training {_shown(busy)}, ratio {ratio:.2f}", flush=True)
    return ratio


def first_text(visitor: Visitor, name: str) -> float:
    visitor.open(name)
    time.sleep(SETTLED)
    visitor.ask(QUESTIONS[name])
    visitor.page.wait_for_selector("[data-testid=message-assistant]:not([data-state=streaming])")
    return (visitor.shown()[0] - visitor.asked) * 1000


@contextmanager
def training_stopped(site: Site) -> Iterator[None]:
    children = list(_training(site))
    assert children, "no training runs"
    for child in children:
        child.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for child in children:
            child.send_signal(signal.SIGCONT)


def _training(site: Site) -> Iterator[psutil.Process]:
    for process in psutil.Process(site.process.pid).children(recursive=True):
        command = process.cmdline()
        if command[1:4] == ["-m", "modeling", "train"]:
            yield process


def wait_for(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.3)


def _shown(times: list[float]) -> str:
    return f"{statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f})"
