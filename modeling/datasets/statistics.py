"""Statistics: what a person wants to know about a data set before training on it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from modeling.datasets.dataset import Dataset, Problem
from modeling.datasets.reading import read
from modeling.datasets.rows import labels_of
from modeling.text import folded

_SHOWN = 10  # problems, and classes at the small end
_TEXT_ROLES = ("text", "summary", "source", "target", "context", "question", "title")


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A data set in figures. `str()` is for people, `as_json()` for programs."""

    files: list[str]
    format: str
    encoding: str
    task: str
    rows: int
    columns: list[dict[str, str | None]]  # {name, role}
    languages: list[str]
    lengths: dict[str, dict[str, int]]  # role -> characters: {shortest, median, p95, longest}
    classes: dict[str, int]  # label -> rows, most first; empty for other tasks
    duplicates: int  # rows that say the same as an earlier one, but for case and blanks
    conflicts: int  # texts that come with more than one label
    unanswerable: int  # questions without an answer
    problems: dict[str, int]  # {errors, warnings}; rows with errors are left out
    first_problems: list[str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return "\n".join(f"{name:<12} {text}" for name, text in self._lines())

    def _lines(self) -> Iterable[tuple[str, str]]:
        yield "files", ", ".join(self.files)
        yield "format", self.format + (f", {self.encoding}" if self.encoding else "")
        yield "task", self.task
        yield "rows", f"{self.rows:,}"
        yield "columns", ", ".join(f"{c['name']} ({c['role'] or 'unused'})" for c in self.columns)
        yield "languages", ", ".join(self.languages) or "not recognised"
        for role, length in self.lengths.items():
            yield role, (f"{length['median']:,} characters in the median, {length['shortest']:,} to "
                         f"{length['longest']:,}, 95 % up to {length['p95']:,}")
        if self.classes:
            yield "classes", f"{len(self.classes)}: {_balance(self.classes, self.rows)}"
        yield "duplicates", f"{self.duplicates:,}" + (
            f"; {self.conflicts:,} texts with more than one label" if self.conflicts else "")
        if self.unanswerable:
            yield "unanswerable", f"{self.unanswerable:,} questions"
        yield "problems", f"{self.problems['errors']:,} errors (left out), {self.problems['warnings']:,} warnings"
        for problem in self.first_problems:
            yield "", problem
        if (rest := sum(self.problems.values()) - len(self.first_problems)) > 0:
            yield "", f"and {rest:,} more"


def describe(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], *, task: str | None = None,
             columns: Mapping[str, str | int] | None = None, format: str | None = None) -> Description:
    """Read and describe; arguments and errors are those of `read`."""
    return description_of(read(paths, task=task, columns=columns, format=format))


def description_of(dataset: Dataset) -> Description:
    rows, roles = dataset.rows, {name: role for role, name in dataset.columns.items()}
    classified = rows if dataset.task == "classification" else []
    labels = Counter(label for row in classified for label in labels_of(row))
    severities = Counter(problem.severity for problem in dataset.problems)
    return Description(
        files=[os.path.basename(file) for file in dataset.files], format=dataset.format, encoding=dataset.encoding,
        task=dataset.task, rows=len(rows), languages=dataset.languages,
        columns=[{"name": name, "role": roles.get(name)} for name in dataset.header],
        lengths={role: _lengths([len(row[role]) for row in rows]) for role in _TEXT_ROLES if role in rows[0]},
        classes=dict(labels.most_common()), duplicates=_duplicates(dataset), conflicts=_conflicts(dataset),
        unanswerable=sum(not row["answers"] for row in rows) if dataset.task == "question-answering" else 0,
        problems={"errors": severities["error"], "warnings": severities["warning"]},
        first_problems=_first(dataset.problems))


def _first(problems: Sequence[Problem]) -> list[str]:
    """Errors before warnings, since they cost rows."""
    return [str(problem) for problem in sorted(problems, key=lambda p: p.severity != "error")[:_SHOWN]]


def _lengths(values: Sequence[int]) -> dict[str, int]:
    shortest, median, p95, longest = np.quantile(values, [0, 0.5, 0.95, 1], method="nearest")
    return {"shortest": int(shortest), "median": int(median), "p95": int(p95), "longest": int(longest)}


def _duplicates(dataset: Dataset) -> int:
    keys = {"translation": ("source", "target"), "question-answering": ("context", "question")}
    roles = keys.get(dataset.task, ("text",))
    return len(dataset.rows) - len({tuple(folded(row[role]) for role in roles) for row in dataset.rows})


def _conflicts(dataset: Dataset) -> int:
    if dataset.task != "classification":
        return 0
    pairs = {(folded(row["text"]), row["label"]) for row in dataset.rows}
    return sum(count > 1 for count in Counter(text for text, _ in pairs).values())


def _balance(classes: Mapping[str, int], rows: int) -> str:
    """All classes with their shares, or the ends of a long list."""
    shown = [f"{label} {count:,} ({100 * count / rows:.1f} %)" for label, count in classes.items()]
    if len(shown) <= 2 * _SHOWN:
        return ", ".join(shown)
    return ", ".join([*shown[:_SHOWN], "...", *shown[-3:]])
