"""Trainers and children that are killed and stopped at bad moments: real processes, a database of their own."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

PROGRAM = Path(__file__).with_name("counting.py")
STEPS, SUM = 60, 60 * 61 // 2
LEASE = 2.0  # seconds


class Site:
    """A home with one queued count, and its trainers."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.trainers: list[subprocess.Popen[bytes]] = []
        self._run("prepare").wait()

    def _run(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PARLEY_HOME": str(self.home)}
        environment.pop("DATABASE_URL", None)
        with (self.home / "trainer.log").open("a") as log:
            return subprocess.Popen([sys.executable, str(PROGRAM), *arguments], env=environment, stderr=log)

    def trainer(self) -> subprocess.Popen[bytes]:
        self.trainers.append(self._run("work", str(LEASE)))
        return self.trainers[-1]

    def ask(self, query: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.home / "db.sqlite3", timeout=20)) as database:
            return database.execute(query).fetchall()

    def state(self) -> str:
        return str(self.ask("select state from jobs_job")[0][0])

    def steps(self) -> list[tuple[int, str]]:
        return self.ask("select id, first_name from accounts_user order by id")

    def is_locked(self) -> bool:
        """Whether somebody is in the middle of a transaction."""
        with contextlib.closing(sqlite3.connect(self.home / "db.sqlite3", timeout=0.3)) as database:
            try:
                database.execute("begin immediate")
            except sqlite3.OperationalError:
                return True
            database.execute("rollback")
            return False

    def log(self) -> str:
        return (self.home / "trainer.log").read_text()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    for trainer in site.trainers:
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in family(trainer):
                process.kill()
        trainer.wait()


def family(trainer: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The trainer, then its leash, then the child."""
    process = psutil.Process(trainer.pid)
    return [process, *process.children(recursive=True)]


def until(holds: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def counted_to(site: Site, step: int) -> Callable[[], bool]:
    return lambda: len(site.steps()) >= step


def assert_counted(site: Site) -> None:
    """Each step once, also those that the child told when no trainer listened; and the right sum."""
    assert [step for step, _ in site.steps()] == list(range(1, STEPS + 1))
    assert "IntegrityError" not in site.log()
    assert json.loads(site.ask("select result from jobs_job")[0][0]) == SUM
    assert (site.home / "counts" / "sum").read_text() == str(SUM)


@pytest.mark.parametrize("seed", [1, 2])
def test_kills_of_trainer_and_child_at_random_moments_lose_nothing_and_double_nothing(site, seed):
    chance = random.Random(seed)
    for _ in range(5):
        trainer = site.trainer()
        time.sleep(0.6 + chance.random())
        victims = family(trainer) if chance.random() < 0.5 else family(trainer)[:1]
        for process in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        trainer.wait()
    site.trainer()
    began = time.monotonic()
    until(lambda: site.state() == "done")
    assert time.monotonic() - began < 20
    assert_counted(site)


def test_a_trainer_that_follows_a_killed_one_does_not_wait_for_the_lease(site, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "LEASE", 3600.0)
    first = site.trainer()
    until(counted_to(site, 10))
    first.kill()
    first.wait()
    site.trainer()
    until(lambda: site.state() == "done")
    assert_counted(site)


def test_a_killed_child_is_started_again_and_goes_on(site):
    trainer = site.trainer()
    until(counted_to(site, 10))
    family(trainer)[-1].kill()
    until(lambda: site.state() == "done")
    assert_counted(site)
    assert site.ask("select attempt from jobs_job") == [(2,)]


@pytest.mark.parametrize("also_the_child", [False, True])
def test_a_worker_that_was_stopped_and_lost_its_lease_writes_nothing(site, also_the_child):
    stopped = site.trainer()
    until(counted_to(site, 10))
    members = family(stopped) if also_the_child else family(stopped)[:1]
    stop_outside_a_transaction(site, members)
    alive = site.trainer()
    until(lambda: site.ask("select attempt from jobs_job") == [(2,)])
    before = site.steps()
    wake(members)
    until(lambda: "no longer holds its lease" in site.log())
    until(lambda: site.state() == "done")
    assert_counted(site)
    assert {writer for step, writer in site.steps() if (step, writer) not in before} <= {str(alive.pid)}


def test_a_worker_that_wakes_up_when_all_is_over_changes_nothing(site):
    stopped = site.trainer()
    until(counted_to(site, 10))
    members = family(stopped)
    stop_outside_a_transaction(site, members)
    site.trainer()
    until(lambda: site.state() == "done")
    everything = "select * from jobs_job", "select * from accounts_user"
    before = [site.ask(query) for query in everything]
    wake(members)
    until(lambda: "no longer holds its lease" in site.log())
    until(lambda: not [one for one in members[1:] if one.is_running()])
    assert [site.ask(query) for query in everything] == before
    assert_counted(site)


def stop_outside_a_transaction(site: Site, members: list[psutil.Process]) -> None:
    """What is stopped in the middle of a transaction holds SQLite's lock: it has not lost anything yet."""
    while True:
        for process in members:
            process.send_signal(signal.SIGSTOP)
        if not site.is_locked():
            return
        wake(members)


def wake(members: list[psutil.Process]) -> None:
    for process in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)
