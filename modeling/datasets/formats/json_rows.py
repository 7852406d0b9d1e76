"""JSONL (one object a line) and JSON (a list of objects, or SQuAD's layout)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from modeling.datasets.dataset import Problem, Record, Table, looked_at
from modeling.datasets.formats.json_stream import MOST_VALUES, has_too_many_values, items_of, loads
from modeling.datasets.formats.squad import is_article, read_squad
from modeling.datasets.textfile import TextFile
from modeling.errors import DataError

Numbered = tuple[int, dict[str, Any]]


def read_jsonl(file: TextFile) -> Table:
    """One record an object; its columns are the keys of the first objects."""
    return _table("jsonl", file, _objects_of_lines(file))


def _objects_of_lines(file: TextFile) -> Iterator[Numbered | Problem]:
    for item in file.lines():
        if isinstance(item, Problem):
            yield item
        elif item[1] and not item[1].isspace():
            yield _object(*item)


def _object(line: int, text: str) -> Numbered | Problem:
    if has_too_many_values(text):
        return Problem(line, None, f"the line has more than {MOST_VALUES:,} values")
    try:
        value = loads(text)
    except (ValueError, RecursionError) as error:
        return Problem(line, None, f"this is no JSON: {error}")
    if isinstance(value, dict):
        return line, value
    return Problem(line, None, f"this is no object: {type(value).__name__}")


def read_json(file: TextFile, *, squad: bool = False) -> Table:
    """A list of objects, an object that holds one such list, or SQuAD's layout. Raises DataError."""
    items = items_of(file)
    if (first := next(items, None)) is None:
        raise DataError("the JSON has no items", allowed="A list of objects, JSONL, or SQuAD's layout")
    if is_article(*first):
        return read_squad((item for _, item in chain([first], items)), file)
    if squad:
        raise DataError("the JSON is not in SQuAD's layout", allowed='{"data": [{"title", "paragraphs": [...]}]}')
    return _table("json", file, _objects_of_list(item for _, item in chain([first], items)))


def _objects_of_list(items: Iterable[Any]) -> Iterator[Numbered | Problem]:
    for number, item in enumerate(items, start=1):
        if isinstance(item, dict):
            yield number, item
        else:
            yield Problem(number, None, f"this is no object: {type(item).__name__}")


def _table(kind: str, file: TextFile, objects: Iterable[Numbered | Problem]) -> Table:
    first, rest = looked_at(objects, file.position)
    columns = list(dict.fromkeys(key for _, item in first for key in item))
    return Table(format=kind, columns=columns, head=[_record(item, columns) for item in first], named=True,
                 items=(item if isinstance(item, Problem) else _record(item, columns) for item in rest))


def _record(numbered: tuple[int, Any], columns: list[str]) -> Record:
    number, item = numbered
    return number, [item.get(column) for column in columns]
