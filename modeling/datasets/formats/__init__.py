"""Formats: which parser reads a file. One module a file type; to add one, write its parser and its line here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from modeling.datasets.dataset import Table
from modeling.datasets.encoding import FORMATS_ALLOWED, decode, refuse_binary
from modeling.datasets.formats.json_rows import parse_json, read_json, read_jsonl
from modeling.datasets.formats.parquet import read_parquet
from modeling.datasets.formats.plain import lines_of, read_aligned, read_labelled_lines, read_text
from modeling.datasets.formats.squad import is_squad, read_squad
from modeling.datasets.formats.table import read_csv, read_tsv
from modeling.datasets.formats.tmx import read_tmx
from modeling.datasets.languages import language_code
from modeling.errors import DataError

__all__ = ["FORMATS", "SUFFIXES", "read_aligned_files", "read_file"]

# Suffix -> format. A file whose suffix is not here is told by its content.
SUFFIXES: dict[str, str] = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
    ".parquet": "parquet", ".tmx": "tmx", ".txt": "text", ".text": "text", ".md": "text",
}
_TEXT_FORMATS: dict[str, Callable[[str, Collection[str], str | None], Table]] = {
    "csv": lambda text, names, task: read_csv(text, names=names),
    "tsv": lambda text, names, task: read_tsv(text, names=names),
    "jsonl": lambda text, names, task: read_jsonl(text),
    "json": lambda text, names, task: _read_json(text),
    "squad": lambda text, names, task: _read_json(text, squad=True),
    "text": lambda text, names, task: read_labelled_lines(text) if task == "classification" else read_text(text),
}
FORMATS = (*_TEXT_FORMATS, "parquet", "tmx", "parallel")


def read_file(path: Path, *, format: str | None, task: str | None, names: Collection[str]) -> Table:
    """Parse one file. `names` are column names that the caller expects. Raises DataError that names the file."""
    data = _bytes(path)
    kind = format or _format_of(path, data)
    try:
        if kind == "parquet":
            return _spread(read_parquet(data))
        text, encoding = decode(data, path.name)
        if kind == "tmx":
            table = read_tmx(data)
        else:
            kind = kind if format else _settle(kind, text)
            table = _TEXT_FORMATS[kind](text, names, task)
    except DataError as error:
        raise _naming(error, path.name) from None
    table.encoding = encoding
    return _spread(table)


def _spread(table: Table) -> Table:
    """{"translation": {"en": ..., "fr": ...}}, as many public sets have it, to a column a language."""
    first = table.records[0][1] if table.records else ()
    place = next((i for i, value in enumerate(first) if isinstance(value, dict) and len(value) > 1
                  and all(map(language_code, value))), None)
    if place is None:
        return table
    languages = list(first[place])
    table.columns[place : place + 1] = languages
    table.records = [(line, [*values[:place], *_of_each(values[place], languages), *values[place + 1 :]])
                     for line, values in table.records]
    return table


def _of_each(value: Any, languages: Iterable[str]) -> list[Any]:
    return [value.get(code) if isinstance(value, dict) else None for code in languages]


def read_aligned_files(paths: list[Path], languages: list[str]) -> Table:
    """Parse two files whose lines are each other's translations. Raises DataError."""
    decoded = [decode(_bytes(path), path.name) for path in paths]
    table = read_aligned([text for text, _ in decoded], [path.name for path in paths], languages)
    table.encoding = " and ".join(dict.fromkeys(encoding for _, encoding in decoded))
    return table


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror or error}",
                        remedy="Check the path and that the file may be read") from None


def _format_of(path: Path, data: bytes) -> str:
    """By magic bytes, else by suffix, else "" for text that shows what it is."""
    if data.startswith(b"PAR1"):
        return "parquet"
    start = data[:2048].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith((b"<?xml", b"<tmx", b"<!DOCTYPE tmx")):
        return "tmx"
    kind = SUFFIXES.get(path.suffix.lower(), "")
    if kind == "parquet":
        refuse_binary(data, path.name)
        raise DataError(f"{path.name} is no Parquet file", allowed=FORMATS_ALLOWED)
    return kind


def _settle(kind: str, text: str) -> str:
    """What a text is where its suffix says little: one object a line under .json, tab-separated under .txt."""
    start = text.lstrip()[:1]
    if kind == "json" or not kind and start in ("{", "["):
        return "jsonl" if start == "{" and _is_object_a_line(text) else "json"
    if kind in ("text", ""):
        lines = [line for line in lines_of(text[:65536]) if line][:-1] or [text]
        if sum("\t" in line for line in lines) >= 0.95 * len(lines):
            return "tsv"
    return kind or "text"


def _is_object_a_line(text: str) -> bool:
    lines = [line.strip() for line in text[: 4 * 1024 * 1024].split("\n") if line.strip()]
    return len(lines) > 1 and lines[0].endswith("}") and lines[1].startswith("{")


def _read_json(text: str, squad: bool = False) -> Table:
    value = parse_json(text)
    if is_squad(value):
        return read_squad(value)
    if squad:
        raise DataError("the JSON is not in SQuAD's layout", allowed='{"data": [{"title", "paragraphs": [...]}]}')
    if isinstance(value, dict) and not any(isinstance(item, list) for item in value.values()):
        value = [value]
    return read_json(value)


def _naming(error: DataError, name: str) -> DataError:
    if name in error.found:
        return error
    return DataError(f"{name}: {error.found}", allowed=error.allowed, remedy=error.remedy)
