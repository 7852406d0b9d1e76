"""kill -9 of trainer and child at random moments of a training and of its export, under the supervisor.

The same training runs twice: undisturbed, and with ten kills while it learns and three while it exports. How soon it
goes on is measured (it must be within 120 s); the weights must be the same, and no row of a curve twice or missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.comparison import processor
from tests.benchmarks.queue import DATA, Queue, wait_for
from tests.browser.visit import Site, free_port

ROWS, SETTINGS = 1500, {"epochs": 80, "patience": 100, "evaluations": 12, "hidden": 64}
KILLS, KILLS_OF_EXPORT = 10, 3
EXPORTING = 0.95  # progress from which on a run is measured and exported
LONGEST = 600.0  # seconds of one training


def main() -> None:
    if not DATA.is_file():
        print("no public datasets: set PARLEY_DATA to their folder")
        return
    with tempfile.TemporaryDirectory() as home:
        site = Site(Path(home), free_port(), quiet=True)
        try:
            site.wait()
            queue = Queue(site)
            _compare(site, queue)
            queue.close()
        finally:
            site.stop()


def _compare(site: Site, queue: Queue) -> None:
    version = queue.dataset("\n".join(DATA.read_text(encoding="utf-8").splitlines()[:ROWS]))
    runs, waits, began = [], [], time.monotonic()
    for name in ("undisturbed", "disturbed"):
        runs.append(queue.train(version, name, SETTINGS))
        if name == "disturbed":
            waits = list(_disturb(site, queue, random.Random(1)))
        wait_for(lambda: over(queue), LONGEST)
        job = queue.jobs()[-1]
        print(f"{name}: {job.state} after {time.monotonic() - began:.0f} s, attempt {job.attempt}", flush=True)
        began = time.monotonic()
    print(f"{processor()}: {len(waits)} kills; a child worked again after {statistics.median(waits):.1f} s "
          f"(at most {max(waits):.1f}; it must be within 120)")
    weights, evaluations, doubles = (queue.ask(lambda look=look: [look(run) for run in runs])
                                     for look in (_weights, _evaluations, rows_twice))
    print(f"the same weights: {weights[0] == weights[1]}; the same steps evaluated, with the same figures: "
          f"{evaluations[0] == evaluations[1]} ({len(evaluations[0])}); rows twice: {doubles[1]}")


def _disturb(site: Site, queue: Queue, chance: random.Random) -> Iterator[float]:
    """Kill, and tell how long each time it took until a child works again."""
    for number in range(KILLS + KILLS_OF_EXPORT):
        least, longest = (0.0, 5.0) if number < KILLS else (EXPORTING, 0.5)
        wait_for(lambda least=least: over(queue) or (children(site) and queue.progress() >= least), LONGEST)
        time.sleep(chance.uniform(0, longest))
        if not over(queue):
            yield _kill(site, queue, both=chance.random() < 0.7)


def _kill(site: Site, queue: Queue, *, both: bool) -> float:
    """The seconds from the kill to the next child."""
    worked = children(site)
    for victim in [*worked, *(trainers(site) if both else [])]:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
    began = time.monotonic()
    wait_for(lambda: over(queue) or any(child not in worked for child in children(site)), 120)
    return time.monotonic() - began


def over(queue: Queue) -> bool:
    return str(queue.jobs()[-1].state) in ("done", "failed")


def children(site: Site) -> list[psutil.Process]:
    return [one for one in _family(site) if _command(one)[1:4] == ["-m", "modeling", "train"]]


def trainers(site: Site) -> list[psutil.Process]:
    return [one for one in _family(site) if _command(one)[2:3] == ["trainer"]]


def _family(site: Site) -> list[psutil.Process]:
    return psutil.Process(site.process.pid).children(recursive=True)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _weights(run: Any) -> str:
    run.refresh_from_db()
    return hashlib.sha256((Path(run.artifact.path) / "weights.safetensors").read_bytes()).hexdigest()


def _evaluations(run: Any) -> dict[int, Any]:
    """The figures of each step that was evaluated; speed and time are the machine's."""
    rows = run.events.filter(kind="evaluation").order_by("step")
    return {row.step: {name: value for name, value in row.data.items() if "second" not in name} for row in rows}


def rows_twice(run: Any) -> int:
    from django.db.models import Count

    points = run.events.exclude(kind="log").values("kind", "step")
    return points.annotate(rows=Count("pk")).filter(rows__gt=1).count()
