"""Trainings that are killed, told to end, or taken over by another attempt: nothing is lost, nothing differs."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modeling.runs import RESUME, carry_over, run_folder

WORDS = ["red", "blue", "green", "stone", "river", "cloud", "apple", "house", "seven", "winter"]
SETTINGS = {"width": 32, "layers": 1, "heads": 2, "kv_heads": 1, "hidden": 48, "context": 32, "dropout": 0.2,
            "tokenizer": "characters", "vocabulary_size": 60, "precision": "fp32", "steps": 40, "batch_tokens": 256,
            "checkpoint_seconds": 0.0, "optimizer": "muon", "patience": 9, "evaluations": 8, "threads": 1}
Start = Callable[[Path], subprocess.Popen[str]]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [{"text": " ".join(WORDS[(i * k) % 10] for k in range(1, 7))} for i in range(10)]
    rows += [{"text": f"{a} {b} {a}"} for a in WORDS for b in WORDS]
    path = tmp_path_factory.mktemp("data") / "texts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def start(texts: Path) -> Start:
    given = [f"{key}={value}" for key, value in SETTINGS.items()]

    def begin(out: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "modeling", "train", "--task", "generation", "--model", "decoder",
                   "--data", str(texts), "--out", str(out), "--storage", "fp32", "--set", *given]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return begin


@pytest.fixture(scope="module")
def undisturbed(start: Start, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights of a run that nobody disturbs."""
    out = tmp_path_factory.mktemp("whole") / "artifact"
    with start(out) as process:
        *_, last = events(process)
    assert last["result"]["path"] == str(out)
    return weights(out)


def events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)


def weights(out: Path) -> bytes:
    return (out / "weights.safetensors").read_bytes()


def killed(process: subprocess.Popen[str], *, event: str, step: int | None = None, later: float = 0.0) -> None:
    """Kill a training a while after it said something."""
    with process:
        for found in events(process):
            if found.get("event") == event and step in (None, found.get("step")):
                time.sleep(later)
                process.send_signal(signal.SIGKILL)
                break


def test_the_same_command_again_ends_with_the_same_weights(start: Start, undisturbed: bytes, tmp_path: Path) -> None:
    out = tmp_path / "artifact"
    killed(start(out), event="checkpoint", step=17)
    assert not out.exists()
    with start(out) as process:
        resumed = next(event for event in events(process) if event.get("event") == "resumed")
        process.communicate()
    assert 17 <= resumed["step"] < 40
    assert weights(out) == undisturbed


def test_attempts_killed_anywhere_and_carried_over_end_with_the_same_weights(
    start: Start, undisturbed: bytes, tmp_path: Path
) -> None:
    generator = random.Random(time.time_ns())  # noqa: S311
    moments = [("checkpoint", generator.randint(2, 12)), ("evaluation", 20), ("checkpoint", generator.randint(26, 38)),
               ("measuring", None), ("exporting", None)]
    attempts = [tmp_path / str(number) / "artifact" for number in range(len(moments) + 1)]
    for number, (event, step) in enumerate(moments):
        killed(start(attempts[number]), event=event, step=step, later=generator.random() / 50)
        if (attempts[number] / "manifest.json").exists():  # the kill came too late: it is whole, and passed on as it is
            attempts[number + 1].parent.mkdir()
            attempts[number].rename(attempts[number + 1])
            continue
        carried = carry_over(run_folder(attempts[number]), run_folder(attempts[number + 1]))
        assert carried is not None
        assert step is None or carried >= step - 1
    with start(attempts[-1]) as process:
        heard = [event["event"] for event in events(process) if "event" in event]
    assert "step" not in heard
    assert weights(attempts[-1]) == undisturbed


def test_a_training_that_is_told_to_end_saves_where_it_stands(start: Start, undisturbed: bytes, tmp_path: Path) -> None:
    out = tmp_path / "artifact"
    with start(out) as process:
        for event in events(process):
            if event.get("event") == "evaluation":
                process.send_signal(signal.SIGTERM)
                break
        *_, last = events(process)
    assert process.returncode == RESUME
    assert last["event"] == "checkpoint"
    with start(out) as process:
        heard = list(events(process))
    assert next(event for event in heard if event.get("event") == "resumed")["step"] == last["step"]
    assert weights(out) == undisturbed


def test_told_to_end_before_its_first_step_it_ends_too(start: Start, tmp_path: Path) -> None:
    with start(tmp_path / "artifact") as process:
        next(events(process))
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == RESUME
