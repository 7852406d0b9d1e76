"""The texts of data files, whatever their rows are for: what word vectors learn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from modeling.datasets.building import read_rows
from modeling.datasets.dataset import Problem, Row
from modeling.datasets.reading import PathLike, parts
from modeling.errors import DataError

NO_TEXT = frozenset({"id", "label", "source_language", "target_language"})
"""Fields of rows that are texts by their type only."""


def read_texts(paths: Iterable[PathLike], *, task: str | None = None,
               columns: Mapping[str, str | int] | None = None) -> Iterator[str]:
    """Each text of each row, as they come; of equal ones that follow each other the first.

    A folder that `build` wrote gives its train split. Raises DataError.
    """
    last: dict[str, str] = {}
    for row in _rows([Path(path) for path in paths], task, columns):
        for field, text in row.items():
            if isinstance(text, str) and field not in NO_TEXT and last.get(field) != text:
                last[field] = text
                yield text


def _rows(paths: list[Path], task: str | None, columns: Mapping[str, str | int] | None) -> Iterator[Row]:
    built = [path for path in paths if (path / "train.jsonl").is_file() and (path / "report.json").is_file()]
    for path in built:
        yield from read_rows(path / "train.jsonl")
    if rest := [path for path in paths if path not in built]:
        found = 0
        for part in parts(rest, task=task, columns=columns):
            for item in part.items():
                if not isinstance(item, Problem):
                    found += 1
                    yield item
        if not found:
            raise DataError("there is no row that can be used", remedy="`describe` says what is wrong with each")
