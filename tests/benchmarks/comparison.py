"""Two ways to do the same work, timed in turn; the ratio counts, because machines are noisy."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Callable
from pathlib import Path


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def compare(title: str, ours: Callable[[], float], peer: Callable[[], float], *, rounds: int = 5) -> None:
    """Print the speeds (larger is better) that the two report, A B A B, and the median ratio with its spread."""
    ours(), peer()  # both warm
    pairs = [(ours(), peer()) for _ in range(rounds)]
    ratios = sorted(mine / theirs for mine, theirs in pairs)
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"{title:24} {mine:9.0f} {theirs:9.0f}   {statistics.median(ratios):.2f} x"
          f" ({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)  # fmt: skip
