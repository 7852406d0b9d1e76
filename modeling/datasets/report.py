"""Report: what a data set holds and what is wrong with it, growing while the rows are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modeling.datasets.dataset import Problem, Row
from modeling.datasets.languages import language_of
from modeling.datasets.lengths import Lengths
from modeling.datasets.preview import Preview, spread
from modeling.datasets.reading import Part
from modeling.datasets.roles import looks
from modeling.datasets.rows import labels_of
from modeling.errors import DataError
from modeling.text import is_chinese, without_surrogates

MOST_LABELS = 10_000
TEXT_ROLES = ("text", "summary", "source", "target", "context", "question", "title")
_SHOWN_PROBLEMS = 50
_SHOWN_LABELS = 50
_READ_ROLES = ("text", "source", "target", "context", "question")  # what a model reads
_LONGEST_NAME = 200
_LANGUAGE_SAMPLE = 40  # rows of each batch
_TELLING = 40  # characters
_LEAST_SHARE = 0.01  # of a language; less is a guess gone wrong


class Report:
    """Counts as batches come; `as_json()` at any time. What is not known yet is None."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.task = ""
        self.bytes = sum(file.stat().st_size for file in files)
        self.rows = self.errors = self.warnings = self.characters = self.summaries = 0
        self.labels = Counter[str]()
        self.known: dict[str, Any] = dict.fromkeys(("duplicates", "conflicts", "leakage", "splits"))
        self._files = [{"name": without_surrogates(file.name), "bytes": file.stat().st_size} for file in files]
        self._formats: dict[str, None] = {}
        self._encodings: dict[str, None] = {}
        self._first: dict[str, Any] = {"named": True, "columns": [], "roles": {}}
        self._problems: list[dict[str, Any]] = []
        self._languages = Counter[str]()
        self._lengths: dict[str, Lengths] = {}
        self._preview: Preview | None = None

    def start_part(self, part: Part) -> None:
        """A file was opened."""
        if not self.task:
            self._first = {"named": part.table.named, "columns": _columns(part), "roles": dict(part.roles)}
        self.task = part.task
        self._formats[part.table.format] = None
        if part.table.encoding:
            self._encodings[part.table.encoding] = None

    def add_problem(self, problem: Problem) -> None:
        if problem.severity == "error":
            self.errors += 1
        else:
            self.warnings += 1
        if len(self._problems) < _SHOWN_PROBLEMS:
            self._problems.append(problem_as_json(problem))

    def add(self, rows: Sequence[Row]) -> None:
        """Count a batch of good rows. Raises DataError for labels that are none."""
        self.rows += len(rows)
        lengths = {}
        for role in TEXT_ROLES:
            if role in rows[0]:
                lengths[role] = np.array([len(row[role]) for row in rows], np.int64)
                self._lengths.setdefault(role, Lengths()).add(lengths[role])
                self.characters += int(lengths[role].sum()) if role in _READ_ROLES else 0
        self.summaries += sum(bool(row.get("summary")) for row in rows)
        if self.task == "classification":
            self._count_labels(rows)
        self._count_languages(rows)
        self._preview = self._preview or Preview(rows, self.task)
        self._preview.add(lengths)

    def _count_labels(self, rows: Sequence[Row]) -> None:
        self.labels.update([label for row in rows for label in labels_of(row)])
        if len(self.labels) > MOST_LABELS:
            column = self._first["roles"].get("label", "label")
            raise DataError(f"the labels have more than {MOST_LABELS:,} different values: column {column}",
                            allowed="A label is one of a few classes", remedy="Choose another column for the label")

    def _count_languages(self, rows: Sequence[Row]) -> None:
        if self.task == "translation":
            for side in ("source_language", "target_language"):
                self._languages.update([row[side] for row in rows])
            return
        role = "context" if self.task == "question-answering" else "text"
        texts = [row[role][:1000] for row in spread(rows, _LANGUAGE_SAMPLE)]
        # Few words say little: short texts are asked one by one only where the script decides.
        sure = [text for text in texts if len(text) > _TELLING or is_chinese(text)] or ["\n".join(texts)]
        self._languages.update(code for text in sure if (code := language_of([text])))

    def as_json(self, *, seconds: float, read: int, done: bool = False) -> dict[str, Any]:
        """The report as it stands; `read` are bytes."""
        lengths = [shown for role, found in self._lengths.items() if (shown := found.as_json(role))]
        languages: list[dict[str, Any]] = [{"code": code, "share": round(rows / self._languages.total(), 4)}
                     for code, rows in self._languages.most_common(20)]
        return {
            "done": done, "task": self.task, "format": " and ".join(self._formats),
            "encoding": " and ".join(self._encodings), "files": self._files, **self._first,
            "seen": self.rows + self.errors, "rows": self.rows, "errors": self.errors, "warnings": self.warnings,
            "problems": list(self._problems),
            "languages": [found for found in languages if found["share"] >= _LEAST_SHARE],
            "lengths": lengths, "summaries": self.summaries, "label_count": len(self.labels),
            "labels": [{"label": label, "rows": n} for label, n in self.labels.most_common(_SHOWN_LABELS)],
            "cuts": self._preview.cuts() if self._preview else [],
            "preview": self._preview.rows if self._preview else [], **self.known,
            "characters": self.characters, "bytes": self.bytes, "seconds": round(seconds, 2),
            "bytes_per_second": round(read / max(seconds, 0.001)),
        }


def problem_as_json(problem: Problem) -> dict[str, Any]:
    return {"line": problem.line, "column": problem.column, "message": problem.message, "severity": problem.severity,
            "file": problem.file}


def _columns(part: Part) -> list[dict[str, Any]]:
    """Each column with its role and what the first records hold in it."""
    roles = {column: role for role, column in part.roles.items()}
    return [{"name": look.name[:_LONGEST_NAME], "role": roles.get(look.name), "filled": round(look.filled, 4),
             "distinct": look.distinct, "examples": look.examples} for look in looks(part.table)]
