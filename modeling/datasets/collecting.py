"""Collecting: the one pass over the files. Good rows to a spool file, their keys to columns, the rest to the report."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from pathlib import Path
from typing import Protocol

import numpy as np

from modeling.datasets.columns import Column
from modeling.datasets.dataset import Problem, Row
from modeling.datasets.dealing import OPEN, TRAIN, Verdicts
from modeling.datasets.keys import keys_of
from modeling.datasets.reading import Part, parts, unusable
from modeling.datasets.report import TEXT_ROLES, Report, problem_as_json
from modeling.datasets.splits import SPLITS
from modeling.errors import DataError

MOST_ROWS = 48_000_000
UNKNOWN_LANGUAGE = "und"  # as ISO 639-2 has it
_BATCH = 2000  # rows
_BATCH_CHARACTERS = 2 * 1024**2
_MOST_PROBLEMS = 1_000_000  # lines of problems.jsonl; more are only counted
_SPLIT_OF_WORD = {"train": "train", "training": "train", "validation": "validation", "valid": "validation",
                  "val": "validation", "dev": "validation", "test": "test", "testing": "test"}


class Listener(Protocol):
    """Whoever is told how far the reading is."""

    report: Report

    def reading(self, read: int) -> None: ...


@dataclass(slots=True, kw_only=True)
class Collected:
    """All good rows, the additions first, as a spool of JSON lines and columns of their keys."""

    task: str
    spool: Path
    inputs: Column
    rows: Column
    groups: list[Column]
    labels: Column | None
    codes: Column  # verdicts before dealing
    additions: int  # rows
    given: frozenset[str]  # splits that have files of their own

    def verdicts(self) -> Verdicts:
        return np.array(self.codes.whole(), np.uint8)

    def close(self) -> None:
        for column in (self.inputs, self.rows, *self.groups, self.codes, *([self.labels] if self.labels else [])):
            column.close()


def collect(files: Sequence[Path], folder: Path, listener: Listener, *, task: str | None,
            columns: Mapping[str, str | int] | None, format: str | None, additions: Path | None) -> Collected:
    """Read all rows into `folder`. Raises DataError when there is none that can be used."""
    splits = splits_of(files)
    with _Collector(folder, listener) as collector:
        before = 0
        for part in parts(files, task=task, columns=columns, format=format):
            if additions and not collector.task:
                _add_additions(collector, additions, part)
            listener.report.start_part(part)
            collector.start(part.task)
            split = splits.get(part.files[0], "train")  # missing splits are dealt out of what trains
            code = OPEN if split == "train" else SPLITS.index(split)
            for _ in collector.take(part.items(), code):
                listener.reading(before + part.table.position())
            before += part.table.size
        return collector.collected(frozenset(splits.values()), " and ".join(file.name for file in files[:3]))


def _add_additions(collector: _Collector, path: Path, first: Part) -> None:
    collector.start(first.task)
    for part in parts(path, task=first.task, format="jsonl"):
        for _ in collector.take(part.items(), TRAIN):
            pass
    collector.additions = collector.inputs.count


def splits_of(files: Sequence[Path]) -> dict[Path, str]:
    """File -> split, when several files are named for the splits that they are; else nothing."""
    found: dict[Path, str] = {}
    for file in files:
        words = re.split(r"[^a-z]+", file.name.casefold())
        if split := next((_SPLIT_OF_WORD[word] for word in words if word in _SPLIT_OF_WORD), None):
            found[file] = split
    named = set(found.values())
    return found if len(found) == len(files) and "train" in named and len(named) > 1 else {}


class _Collector:
    """Takes rows in batches, so that numpy does the counting."""

    def __init__(self, folder: Path, listener: Listener) -> None:
        self.task, self.additions = "", 0
        self.inputs, self._rows = Column(folder / "inputs"), Column(folder / "rows")
        self._codes, self._label_column = Column(folder / "codes", "u1"), Column(folder / "labels", "<i4")
        self._folder, self._report = folder, listener.report
        self._groups: list[Column] = []
        self._label_ids: dict[str, int] = {}
        self._spool = (folder / "rows.jsonl").open("wb")
        self._log = (folder / "problems.jsonl").open("w", encoding="utf-8")
        self._logged, self._first_problems = 0, list[Problem]()

    def __enter__(self) -> _Collector:
        return self

    def __exit__(self, *error: object) -> None:
        self._spool.close()
        self._log.close()

    def start(self, task: str) -> None:
        self.task = self._report.task = task

    def take(self, items: Iterator[Row | Problem], code: int) -> Iterator[None]:
        """Store rows and problems; comes back after each batch."""
        batch: list[Row] = []
        size = 0
        for item in items:
            if isinstance(item, Problem):
                self._add_problem(item)
                continue
            batch.append(item)
            size += sum([len(item[role]) for role in TEXT_ROLES if role in item])
            if len(batch) >= _BATCH or size > _BATCH_CHARACTERS:
                self._add(batch, code)
                batch, size = [], 0
                yield
        if batch:
            self._add(batch, code)

    def _add(self, batch: list[Row], code: int) -> None:
        if self.task == "translation":
            self._name_languages(batch)
        keys = keys_of(batch, self.task)
        self._groups = self._groups or [Column(self._folder / f"group{n}") for n in range(len(keys.groups))]
        self.inputs.append(keys.inputs)
        self._rows.append(keys.rows)
        for column, values in zip(self._groups, keys.groups, strict=True):
            column.append(values)
        self._codes.append(np.full(len(batch), code))
        if self.task == "classification":
            ids = self._label_ids
            self._label_column.append(np.array([ids.setdefault(row["label"], len(ids)) for row in batch]))
        self._spool.write("".join(map(_line, batch)).encode())
        self._report.add(batch)
        if self.inputs.count > MOST_ROWS:
            raise DataError(f"there are more than {MOST_ROWS:,} rows", remedy="Leave some of them out")

    def _name_languages(self, batch: list[Row]) -> None:
        """Rows need languages, since a model learns directions."""
        first = batch[0]
        if not (first["source_language"] or first["target_language"]):
            raise DataError("the languages of the two texts were not recognised",
                            allowed="They can stand in the file's name, such as en-fr.tsv, or as the columns' names",
                            remedy="Say them as source_language and target_language")
        for row in batch:
            row["source_language"] = row["source_language"] or UNKNOWN_LANGUAGE
            row["target_language"] = row["target_language"] or UNKNOWN_LANGUAGE

    def _add_problem(self, problem: Problem) -> None:
        self._report.add_problem(problem)
        if len(self._first_problems) < 1:
            self._first_problems.append(problem)
        if self._logged < _MOST_PROBLEMS:
            self._logged += 1
            self._log.write(json.dumps(problem_as_json(problem), ensure_ascii=False) + "\n")

    def collected(self, given: frozenset[str], name: str) -> Collected:
        if self.inputs.count == self.additions:
            raise unusable(name, self._report.errors, self._first_problems)
        return Collected(
            task=self.task, spool=self._folder / "rows.jsonl", inputs=self.inputs, rows=self._rows,
            groups=self._groups, labels=self._label_column if self.task == "classification" else None,
            codes=self._codes, additions=self.additions, given=given)


def _line(row: Row) -> str:
    """A row as a line of JSON; rows of plain texts, nearly all of them, three times as fast as by json."""
    try:
        return "{" + ", ".join([f'"{role}": {encode_basestring(value)}' for role, value in row.items()]) + "}\n"
    except TypeError:  # answers
        return json.dumps(row, ensure_ascii=False) + "\n"
