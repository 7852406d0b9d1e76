"""JSONL (one object a line) and JSON (a list of objects)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from modeling.datasets.dataset import Problem, Table
from modeling.errors import DataError
from modeling.text.normalisation import without_surrogates

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

def read_jsonl(text: str) -> Table:
    found: list[tuple[int, dict[str, Any]]] = []
    problems: list[Problem] = []
    for line, piece in enumerate(text.split("\n"), start=1):
        if not piece.strip():
            continue
        try:
            value = _loads(piece)
        except (ValueError, RecursionError) as error:
            problems.append(Problem(line, None, f"this is no JSON: {error}"))
            continue
        if isinstance(value, dict):
            found.append((line, value))
        else:
            problems.append(Problem(line, None, f"this is a {type(value).__name__}, not an object"))
    return _table("jsonl", found, problems)


def read_json(value: Any) -> Table:
    """`value` is the parsed file: a list of objects, or an object that holds one such list."""
    if isinstance(value, dict):
        lists = [item for item in value.values() if isinstance(item, list)]
        value = lists[0] if len(lists) == 1 else None
    if not isinstance(value, list):
        raise DataError("the JSON is not a list of objects", allowed="A list of objects, JSONL, or SQuAD's layout")
    problems = [Problem(number, None, f"this is a {type(item).__name__}, not an object")
                for number, item in enumerate(value, start=1) if not isinstance(item, dict)]
    return _table("json", ((n, item) for n, item in enumerate(value, start=1) if isinstance(item, dict)), problems)


def _table(kind: str, objects: Iterable[tuple[int, dict[str, Any]]], problems: list[Problem]) -> Table:
    found = list(objects)
    columns = list(dict.fromkeys(key for _, item in found for key in item))
    records = [(number, [item.get(column) for column in columns]) for number, item in found]
    return Table(format=kind, columns=columns, records=records, named=True, problems=problems)


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
