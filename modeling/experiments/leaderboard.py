"""The leaderboard: what each model reached on the same frozen test split, and what it costs to train and to ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modeling.tasks import TASKS

LOWER_IS_BETTER = frozenset({"loss", "perplexity"})
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One model's line."""

    name: str
    """As it was asked for, such as lstm:cell=gru."""
    metrics: dict[str, float]
    """Figures on the test split, those of TASKS first."""
    intervals: dict[str, Interval]
    """95 % of what resampling the rows gives."""
    seconds: float | None
    """Of the training; None where there was none."""
    bytes: int
    """Of the artifact."""
    latency: float | None
    """Seconds from a question to its whole answer, alone on the machine, in ONNX Runtime: the median."""
    rows_per_second: float
    """In large batches."""

    @classmethod
    def of(cls, name: str, report: dict[str, Any], *, seconds: float | None, size: int) -> Standing:
        """From an evaluation report (modeling.inference.report)."""
        single = {key: float(value) for key, value in report["metrics"].items() if isinstance(value, int | float)}
        return cls(name=name, metrics=single, seconds=seconds, bytes=size,
                   intervals={key: tuple(value) for key, value in report.get("intervals", {}).items() if key in single},
                   latency=report.get("latency", {}).get("median"), rows_per_second=report["rows_per_second"])


def ranked(task: str, standings: Sequence[Standing]) -> list[Standing]:
    """The best first, by the metric that decides in this task."""
    deciding = TASKS[task].metrics[0]
    sign = 1 if deciding in LOWER_IS_BETTER else -1
    return sorted(standings, key=lambda one: (deciding not in one.metrics, sign * one.metrics.get(deciding, 0.0)))


def table(task: str, standings: Sequence[Standing]) -> str:
    """Markdown, for a terminal as well: columns of even width."""
    shown = [name for name in TASKS[task].metrics if any(name in one.metrics for one in standings)]
    lines = [["model", *shown, "training", "size", "latency", "rows/s"]]
    lines += [[one.name, *(_figure(one, name) for name in shown),
               "–" if one.seconds is None else _time(one.seconds), f"{one.bytes / 1e6:.1f} MB",
               "–" if one.latency is None else f"{1000 * one.latency:.1f} ms", f"{one.rows_per_second:,.0f}"]
              for one in ranked(task, standings)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
            for line in lines]
    return "\n".join([rows[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *rows[1:]])


def _figure(one: Standing, name: str) -> str:
    if name not in one.metrics:
        return "–"
    low, high = one.intervals.get(name, (None, None))
    return f"{one.metrics[name]:.4g}" + ("" if low is None else f" ({low:.4g} to {high:.4g})")


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
