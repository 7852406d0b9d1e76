"""Kinds, trainers and rounds for the tests of the queue."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from webapp.jobs import kinds
from webapp.jobs.kinds import Kind
from webapp.jobs.models import Job
from webapp.jobs.trainer import Trainer


@pytest.fixture
def having(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let these kinds be all there are."""
    return lambda **known: monkeypatch.setattr(kinds, "KINDS", known)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Trainer]:
    """A trainer in this process."""
    worker = Trainer(logs=tmp_path, threads=1)
    yield worker
    worker.close()


@pytest.fixture
def python() -> Callable[..., Kind]:
    """A kind that is a piece of Python."""
    return lambda code, **options: Kind(command=(sys.executable, "-c", code), **options)


@pytest.fixture
def steps_until() -> Callable[..., None]:
    """Rounds of a trainer until something holds."""

    def steps(worker: Trainer, holds: Callable[[], bool], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"not within {seconds} s: {list(Job.objects.values())}"
            worker.step()
            time.sleep(0.02)

    return steps
