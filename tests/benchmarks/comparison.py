"""Two ways of doing the same work, measured in turns."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

ROUNDS = 7


def compare(title: str, *, ours: Callable[[], float], peer: Callable[[], float], unit: str, limit: str = "") -> str:
    """A Markdown row: medians of what each call returns (more is better), their ratio, its spread over the rounds."""
    ours(), peer()  # what is done once only is not measured
    rounds = [(ours(), peer()) for _ in range(ROUNDS)]
    ratios = [one / other for one, other in rounds]
    mine, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
    return (f"| {title} | {mine:,.0f} {unit} | {theirs:,.0f} {unit} | {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}) | {limit} |")


def head(peer: str) -> str:
    """The table's head, with the day and the processor."""
    day = datetime.now(UTC).date().isoformat()
    return (f"{day}, {processor()}, median of {ROUNDS} interleaved rounds\n\n"
            f"| work | Parley | {peer} | ratio (spread) | physical limit |\n|---|---|---|---|---|")


def processor() -> str:
    """The processor's name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def read_bandwidth(size: int = 256 * 1024 * 1024) -> float:
    """Bytes a second that one thread reads from memory, at best of a few tries: the limit of decoding one row."""
    data, times = np.ones(size // 4, np.float32), []
    for _ in range(5):
        began = time.perf_counter()
        data.max()
        times.append(time.perf_counter() - began)
    return size / min(times)
