"""Lists of questions with their answers (FAQ): a table with a column of each, and no passages."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from modeling.datasets.dataset import Problem, Table
from modeling.datasets.formats import opened
from modeling.datasets.roles import looks
from modeling.datasets.rows import text_of
from modeling.errors import DataError
from modeling.text import normalise

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".xlsx", ".xlsm")
MOST = 200_000
"""Questions of one list."""
LONGEST_QUESTION, LONGEST_ANSWER = 2000, 20_000
"""Characters."""
NAMES: Mapping[str, Sequence[str]] = {
    "question": ("question", "q", "query", "title", "prompt", "问题", "问", "提问"),
    "answer": ("answer", "a", "reply", "response", "answers", "回答", "答案", "答", "回复"),
}
"""What the columns are called, best first."""


def questions_of(path: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """(question, answer) of each row that has both, each pair once; of several answers to a question the first counts.

    Raises DataError where the columns are not found or nothing is left.
    """
    found: dict[str, str] = {}
    with opened(Path(path), format=None, task=None, names=[name for known in NAMES.values() for name in known]
                ) as table:
        question, answer = _columns(table)
        for asked, told in _cells(table, question, answer):
            if asked and told:
                found.setdefault(asked[:LONGEST_QUESTION], told[:LONGEST_ANSWER])
            if len(found) > MOST:
                raise DataError(f"there are more than {MOST:,} questions", remedy="Split the list")
    if not found:
        raise DataError("no row has a question and an answer", allowed="A table with a column of each")
    return list(found.items())


def _cells(table: Table, question: int, answer: int) -> Iterator[tuple[str, str]]:
    for item in table.items:
        if not isinstance(item, Problem):
            yield normalise(text_of(item[1][question])), text_of(item[1][answer]).strip()


def _columns(table: Table) -> tuple[int, int]:
    """By their names, a column that is mostly empty being none; else the two columns of a table that has two."""
    filled = {look.name: look.filled for look in looks(table)}
    known = {name.casefold(): place for place, name in enumerate(table.columns) if filled[name] > 0.5}
    places = [next((known[name] for name in names if name in known), None) for names in NAMES.values()]
    if places[0] is not None and places[1] is not None and table.named:
        return places[0], places[1]
    if len(table.columns) == 2:
        return 0, 1
    raise DataError("no columns of questions and answers were found",
                    allowed=f"Columns such as {', '.join(names[0] for names in NAMES.values())}",
                    remedy="Name the columns in the first line")
