"""A file of texts in, the same file with a label for each text out: a stream, in the memory of a few hundred rows."""

from __future__ import annotations

import csv
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO

from modeling.datasets import Problem, Table, escaped, opened_texts, text_column
from modeling.errors import ConfigError, DataError
from modeling.inference.classification import ClassificationScheduler
from modeling.inference.evaluation import batches

ROWS = 512  # that are labelled together, those of like length in one batch
ADDED = ("predicted", "probability", "sure")
SUFFIXES: dict[str, Literal["csv", "tsv", "jsonl"]] = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl"}
Write = Callable[[Sequence[Any]], None]


def label_file(
    scheduler: ClassificationScheduler, path: Path, out: Path, *, column: str | None = None, format: str | None = None,
    threshold: float | None = None, on_progress: Callable[[float, int], None] = lambda share, rows: None,
) -> dict[str, Any]:
    """Write `out` (CSV, TSV or JSON lines by its suffix), whole or not at all: all columns, and what was predicted.

    Returns `{"rows", "left_out", "unsure", "labels", "seconds", "column"}`. Cells of CSV and TSV that a spreadsheet
    would take for formulas are escaped. Rows without text get no label; lines that cannot be read are left out and
    counted. Raises DataError, ConfigError.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"the file to write is {out.name}", allowed=f"It ends with {', '.join(SUFFIXES)}")
    started, counts, labels = time.monotonic(), Counter[str](), Counter[str]()
    draft = out.with_name(f".{out.name}.new")
    try:
        with opened_texts(path, format=format) as table, _writer(draft, table, SUFFIXES[out.suffix.lower()]) as write:
            chosen = text_column(table, column)
            place = table.columns.index(chosen)
            for rows in _parts(table, counts):
                texts = [str(row[place] or "") for row in rows]
                for row, answer in zip(rows, answers(scheduler, texts, threshold), strict=True):
                    write([*row, *answer])
                    labels[str(answer[0])] += 1
                    counts["unsure"] += answer[2] is False
                counts["rows"] += len(rows)
                on_progress(table.position() / table.size if table.size else 0.0, counts["rows"])
        if not counts["rows"]:
            raise DataError(f"{path.name} has no row that can be read", remedy="`describe` says what is wrong with it")
        draft.rename(out)
    finally:
        draft.unlink(missing_ok=True)
    return {"rows": counts["rows"], "left_out": counts["left_out"], "unsure": counts["unsure"],
            "labels": dict(labels.most_common(50)), "seconds": round(time.monotonic() - started, 1), "column": chosen}


def answers(
    scheduler: ClassificationScheduler, texts: Sequence[str], threshold: float | None = None
) -> list[tuple[str, float | None, bool | None]]:
    """For each text its label or labels, the best label's probability, and whether the model is sure of it."""
    found: list[tuple[str, float | None, bool | None]] = [("", None, None)] * len(texts)
    filled = [index for index, text in enumerate(texts) if text.strip()]
    encoded = dict(zip(filled, scheduler.encode([texts[i] for i in filled]), strict=True))
    for batch in batches(filled, lambda index: len(encoded[index])):
        shares = scheduler.runner.probabilities([encoded[index] for index in batch]).tolist()
        for index, probabilities in zip(batch, shares, strict=True):
            label, result = scheduler.answer(probabilities, threshold)
            found[index] = label, round(max(probabilities), 4), result.get("sure")
    return found


def _parts(table: Table, counts: Counter[str]) -> Iterator[list[Sequence[Any]]]:
    rows = _rows(table, counts)
    while part := list(islice(rows, ROWS)):
        yield part


def _rows(table: Table, counts: Counter[str]) -> Iterator[Sequence[Any]]:
    for item in table.items:
        if isinstance(item, Problem):
            counts["left_out"] += item.severity == "error"
        else:
            yield item[1]


@contextmanager
def _writer(path: Path, table: Table, kind: Literal["csv", "tsv", "jsonl"]) -> Iterator[Write]:
    """Writes rows with the added columns. A column of the file that is called like one of them gets another name."""
    names = [f"{name}_given" if name in ADDED else name for name in table.columns] + list(ADDED)
    with _created(path, kind) as file:
        if kind == "jsonl":
            yield lambda row: _line(file, dict(zip(names, row, strict=True)))
        else:
            writer = csv.writer(file, delimiter="," if kind == "csv" else "\t")
            if table.named or len(table.columns) > 1:
                writer.writerow([escaped(name) for name in names])
            else:
                writer.writerow(["text", *ADDED])
            yield lambda row: writer.writerow([_cell(value) for value in row])
        file.flush()
        os.fsync(file.fileno())


def _created(path: Path, kind: str) -> AbstractContextManager[TextIO]:
    encoding = "utf-8" if kind == "jsonl" else "utf-8-sig"  # the mark tells spreadsheets what it is
    return path.open("w", encoding=encoding, errors="replace", newline="\n" if kind == "jsonl" else "")


def _line(file: TextIO, row: dict[str, Any]) -> None:
    file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    return escaped(json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value)
