"""A trainer and its child stand still for two minutes (SIGSTOP), as on a machine that sleeps, beside a second one.

Their lease runs out, the second trainer takes the training over, and then the first ones wake up (SIGCONT): they must
write nothing into it any more and be gone, no row may be there twice, and the training must come to its end.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.comparison import processor
from tests.benchmarks.kills import LONGEST, ROWS, children, over, rows_twice, trainers
from tests.benchmarks.queue import DATA, Queue, wait_for
from tests.browser.visit import ROOT, Site, free_port

SETTINGS = {"epochs": 1500, "patience": 0, "batch_tokens": 256, "checkpoint_seconds": 5, "hidden": 32}
BEFORE, STILL, AFTER = 30, 125.0, 15.0  # steps that are told before the stop; seconds of the stop, and of looking on


def main() -> None:
    if not DATA.is_file():
        print("no public datasets: set PARLEY_DATA to their folder")
        return
    with tempfile.TemporaryDirectory() as home:
        site = Site(Path(home), free_port(), quiet=True)
        try:
            site.wait()
            queue = Queue(site)
            _watch(site, queue)
            queue.close()
        finally:
            site.stop()


def _watch(site: Site, queue: Queue) -> None:
    version = queue.dataset("\n".join(DATA.read_text(encoding="utf-8").splitlines()[:ROWS]))
    run = queue.train(version, "stopped", SETTINGS)
    wait_for(lambda: queue.ask(lambda: run.events.filter(kind="step").count()) >= BEFORE, LONGEST)
    old = children(site)
    group = [one for trainer in trainers(site) for one in (trainer, *trainer.children(recursive=True))]
    print(f"{processor()}: {len(group)} processes stand still from step {_newest(queue, run)} on", flush=True)
    with _second_trainer(site):
        began = time.monotonic()
        with _still(group):
            wait_for(lambda: queue.jobs()[-1].attempt > 1, STILL)
            print(f"taken over after {time.monotonic() - began:.0f} s", flush=True)
            time.sleep(STILL - (time.monotonic() - began))
            before, step = _rows(queue, run), _newest(queue, run)
        began = time.monotonic()
        wait_for(lambda: not any(one.is_running() and one.status() != "zombie" for one in old), 120)
        gone = time.monotonic() - began
        time.sleep(max(0.0, AFTER - gone))
        print(f"awake after {STILL:.0f} s: its child was gone after {gone:.1f} s; rows of the first attempt {before}, "
              f"later {_rows(queue, run)} (must be the same); steps {step}, later {_newest(queue, run)}", flush=True)
        queue.ask(lambda: _stop(run))
        wait_for(lambda: over(queue), LONGEST)
    job = queue.jobs()[-1]
    print(f"stopped with the best weights: {job.state}, attempt {job.attempt}, an artifact "
          f"{queue.ask(lambda: _artifact(run))}; rows twice: {queue.ask(lambda: rows_twice(run))} (must be 0)")


@contextmanager
def _second_trainer(site: Site) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "manage.py", "trainer"], cwd=ROOT, env=site.environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@contextmanager
def _still(group: list[psutil.Process]) -> Iterator[None]:
    for process in group:
        process.suspend()
    try:
        yield
    finally:
        for process in group:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


def _rows(queue: Queue, run: Any) -> int:
    """What the first attempt has told, as far as it is still there: the next one goes on from a checkpoint."""
    return int(queue.ask(lambda: run.events.filter(attempt=1).count()))


def _newest(queue: Queue, run: Any) -> int:
    return int(queue.ask(lambda: run.events.filter(kind="step").latest("step").step))


def _stop(run: Any) -> None:
    from webapp.training.services import stop_run

    run.job.refresh_from_db()
    stop_run(run=run)


def _artifact(run: Any) -> str:
    run.refresh_from_db()
    return "is there" if run.artifact and Path(run.artifact.path).is_dir() else "is missing"
