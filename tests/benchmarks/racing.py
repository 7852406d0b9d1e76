"""Trainings that take turns: each is a process of its own, works a piece when told to, and says how long it took.

Time is that of the processor, so that what else runs on the machine takes none of it: with one thread it is the time on
the clock of a quiet machine. Only the standard library: a peer's own environment imports this file too.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Turns:
    """In the child: waits for its turns, and reports. What libraries print goes to standard error."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._began = 0.0

    def ready(self, **facts: Any) -> None:
        """Everything is loaded: wait for the first turn."""
        self._say(facts)
        self._wait()

    def done(self, units: float, **facts: Any) -> None:
        """A piece of so many units is worked: report, and wait for the next turn."""
        self._say({"units": units, "seconds": time.process_time() - self._began} | facts)
        self._wait()

    def end(self, **facts: Any) -> None:
        self._say(facts)

    def _wait(self) -> None:
        if not sys.stdin.readline():
            raise SystemExit  # the parent is gone
        self._began = time.process_time()

    def _say(self, facts: dict[str, Any]) -> None:
        print(json.dumps(facts), file=self._out, flush=True)


class Racer:
    """In the parent: one such child."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name, self.speeds, self.losses = name, list[float](), list[float]()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
                                         stderr=subprocess.DEVNULL, env=os.environ | dict(environment))
        self.facts = self._hear()

    def turn(self) -> None:
        self._tell()
        heard = self._hear()
        self.speeds.append(heard["units"] / heard["seconds"])
        self.losses.append(heard["loss"])

    def finish(self) -> dict[str, Any]:
        self._tell()
        heard = self._hear()
        self._process.wait()
        return heard

    def _tell(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with status {self._process.wait()}")
        heard: dict[str, Any] = json.loads(line)
        return heard


def race(racers: Sequence[Racer], rounds: int, *, unit: str, warm: int = 1) -> None:
    """Let them take turns; print each one's median speed and how many times as fast the first one is.

    The first `warm` rounds are work like the others, but not counted.
    """
    for _ in range(rounds):
        for racer in racers:
            racer.turn()
    ends = [racer.finish() for racer in racers]
    first = racers[0]
    print(f"{'':34} {unit:>16}  ratio, median (least to most)")
    for racer, end in zip(racers, ends, strict=True):
        pairs = zip(first.speeds[warm:], racer.speeds[warm:], strict=True)
        counted = sorted(ours / theirs for ours, theirs in pairs)
        told = "  ".join(f"{name} {value:.4g}" for name, value in end.items())
        print(f"{racer.name:34} {statistics.median(racer.speeds[warm:]):16,.0f}  {statistics.median(counted):.2f}"
              f" ({counted[0]:.2f} to {counted[-1]:.2f})  {told}  {racer.facts.get('version', '')}", flush=True)
