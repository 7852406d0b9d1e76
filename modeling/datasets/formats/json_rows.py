"""JSONL (one object a line) and JSON (a list of objects)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from modeling.datasets.dataset import Problem, Record, Table, looked_at
from modeling.datasets.textfile import TextFile
from modeling.errors import DataError
from modeling.text.normalisation import without_surrogates

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

Numbered = tuple[int, dict[str, Any]]


def read_jsonl(file: TextFile) -> Table:
    """One record an object; its columns are the keys of the first objects."""
    return _table("jsonl", _objects_of_lines(file))


def _objects_of_lines(file: TextFile) -> Iterator[Numbered | Problem]:
    for item in file.lines():
        if isinstance(item, Problem):
            yield item
        elif item[1] and not item[1].isspace():
            yield _object(*item)


def _object(line: int, text: str) -> Numbered | Problem:
    try:
        value = _loads(text)
    except (ValueError, RecursionError) as error:
        return Problem(line, None, f"this is no JSON: {error}")
    if isinstance(value, dict):
        return line, value
    return Problem(line, None, f"this is a {type(value).__name__}, not an object")


def read_json(value: Any) -> Table:
    """`value` is the parsed file: a list of objects, or an object that holds one such list."""
    if isinstance(value, dict):
        lists = [item for item in value.values() if isinstance(item, list)]
        value = lists[0] if len(lists) == 1 else None
    if not isinstance(value, list):
        raise DataError("the JSON is not a list of objects", allowed="A list of objects, JSONL, or SQuAD's layout")
    return _table("json", _objects_of_list(value))


def _objects_of_list(items: Iterable[Any]) -> Iterator[Numbered | Problem]:
    for number, item in enumerate(items, start=1):
        if isinstance(item, dict):
            yield number, item
        else:
            yield Problem(number, None, f"this is a {type(item).__name__}, not an object")


def _table(kind: str, objects: Iterable[Numbered | Problem]) -> Table:
    first, rest = looked_at(objects)  # type: ignore[arg-type]
    columns = list(dict.fromkeys(key for _, item in first for key in item))
    head: list[Record] = [(number, [item.get(column) for column in columns]) for number, item in first]  # type: ignore[attr-defined]
    return Table(format=kind, columns=columns, head=head, items=_values(rest, columns), named=True)


def _values(objects: Iterable[Any], columns: list[str]) -> Iterator[Record | Problem]:
    for item in objects:
        yield item if isinstance(item, Problem) else (item[0], [item[1].get(column) for column in columns])


def _loads(text: str) -> Any:
    value = json.loads(text)
    return _without_surrogates(value) if _SURROGATE.search(text) else value


def _without_surrogates(value: Any) -> Any:
    """Escapes such as a lone \\ud800 make half characters that no file and no tokenizer can hold."""
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


def parse_json(text: str) -> Any:
    """The value of a whole JSON file. Raises DataError with the line."""
    try:
        return _loads(text)
    except RecursionError:
        raise DataError("the JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise DataError(f"line {error.lineno} is no JSON: {error.msg}",
                        remedy="Mend the line or export again") from None
    except ValueError as error:  # a number of more digits than Python converts
        raise DataError(f"the JSON cannot be read: {error}") from None
