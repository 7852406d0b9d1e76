"""Formats: which parser reads a file. One module a file type; to add one, write its parser and its line here."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

from modeling.datasets.dataset import Problem, Record, Table
from modeling.datasets.encoding import FORMATS_ALLOWED, detect, refuse_binary
from modeling.datasets.formats.json_rows import read_json, read_jsonl
from modeling.datasets.formats.parquet import read_parquet
from modeling.datasets.formats.plain import read_aligned, read_labelled_lines, read_lines, read_text
from modeling.datasets.formats.table import read_csv, read_tsv
from modeling.datasets.formats.tmx import read_tmx
from modeling.datasets.formats.workbook import read_workbook
from modeling.datasets.languages import language_code
from modeling.datasets.textfile import TextFile
from modeling.errors import DataError
from modeling.tasks import TASKS

__all__ = ["FORMATS", "SUFFIXES", "check_start", "naming", "opened", "opened_aligned", "opened_texts"]

# Suffix -> format. A file whose suffix is not here is told by its content.
SUFFIXES: dict[str, str] = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
    ".parquet": "parquet", ".xlsx": "xlsx", ".xlsm": "xlsx", ".tmx": "tmx", ".txt": "text", ".text": "text",
    ".md": "text",
}
_TEXT_FORMATS: dict[str, Callable[[TextFile, Collection[str], str | None], Table]] = {
    "csv": lambda file, names, task: read_csv(file, names=names),
    "tsv": lambda file, names, task: read_tsv(file, names=names),
    "jsonl": lambda file, names, task: read_jsonl(file),
    "json": lambda file, names, task: read_json(file),
    "squad": lambda file, names, task: read_json(file, squad=True),
    "text": lambda file, names, task: _PLAIN.get(task, read_text)(file),
}
_PLAIN: dict[str | None, Callable[[TextFile], Table]] = {"classification": read_labelled_lines, "labelling": read_lines}
_BINARY_FORMATS: dict[str, Callable[[Path, Collection[str]], Table]] = {
    "parquet": lambda path, names: read_parquet(path),
    "xlsx": lambda path, names: read_workbook(path, names=names),
}
_SIGNS = {"parquet": (b"PAR1", "no Parquet file"), "xlsx": (b"PK\x03\x04", "no Excel workbook")}
"""How a binary file begins; what one is that does not, and has the suffix."""
FORMATS = (*_TEXT_FORMATS, *_BINARY_FORMATS, "tmx", "parallel")


@contextmanager
def opened(path: Path, *, format: str | None, task: str | None, names: Collection[str]) -> Iterator[Table]:
    """One file as a Table. `names` are column names that the caller expects.

    Raises DataError that names the file, on opening and while the records are read.
    """
    file: TextFile | None = None
    try:
        kind = format or _format_of(path)
        if kind in _BINARY_FORMATS:
            yield _spread(_BINARY_FORMATS[kind](path, names))
            return
        file = TextFile(path)
        if kind == "tmx":
            table = read_tmx(path)
        else:
            table = _TEXT_FORMATS[kind if format else _settle(kind, file.start)](file, names, task)
            table.size, table.position = file.size, file.position
        table.encoding = file.encoding
        yield _spread(table)
    except DataError as error:
        raise naming(error, path.name) from None
    except OSError as error:
        raise _unreadable(path, error) from None
    finally:
        if file:
            file.close()


def opened_texts(path: Path, *, format: str | None = None) -> AbstractContextManager[Table]:
    """A file of texts without labels: its records with their columns, or each line of a plain text."""
    return opened(path, format=format, task="labelling", names=TASKS["classification"].names["text"])


def _spread(table: Table) -> Table:
    """{"translation": {"en": ..., "fr": ...}}, as many public sets have it, to a column a language."""
    first = table.head[0][1] if table.head else ()
    place = next((i for i, value in enumerate(first) if isinstance(value, dict) and len(value) > 1
                  and all(map(language_code, value))), None)
    if place is None:
        return table
    languages = list(first[place])
    table.columns = [*table.columns[:place], *languages, *table.columns[place + 1 :]]
    table.head = [_spread_record(record, place, languages) for record in table.head]
    table.items = (item if isinstance(item, Problem) else _spread_record(item, place, languages)
                   for item in table.items)
    return table


def _spread_record(record: Record, place: int, languages: Iterable[str]) -> Record:
    line, values = record
    value = values[place]
    each = [value.get(code) if isinstance(value, dict) else None for code in languages]
    return line, [*values[:place], *each, *values[place + 1 :]]


@contextmanager
def opened_aligned(paths: list[Path], languages: list[str]) -> Iterator[Table]:
    """Two files whose lines are each other's translations. Raises DataError."""
    with ExitStack() as stack:
        files = [stack.enter_context(closing(_text_file(path))) for path in paths]
        table = read_aligned(files, languages)
        table.encoding = " and ".join(dict.fromkeys(file.encoding for file in files))
        table.size, table.position = sum(f.size for f in files), lambda: sum(f.position() for f in files)
        yield table


def _text_file(path: Path) -> TextFile:
    try:
        return TextFile(path)
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path.name} cannot be read: {error.strerror or error}",
                     remedy="Check the path and that the file may be read")


def _format_of(path: Path) -> str:
    """By magic bytes, else by suffix, else "" for text that shows what it is."""
    with path.open("rb") as file:
        return _format_told_by(file.read(2048), path.name)


def _format_told_by(data: bytes, name: str) -> str:
    if data.startswith(b"PAR1"):
        return "parquet"
    start = data.lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith((b"<?xml", b"<tmx", b"<!DOCTYPE tmx")):
        return "tmx"
    kind = SUFFIXES.get(Path(name).suffix.lower(), "")
    if kind in _BINARY_FORMATS and not data.startswith(_SIGNS[kind][0]):
        refuse_binary(data, name)
        raise DataError(f"{name} is {_SIGNS[kind][1]}", allowed=FORMATS_ALLOWED)
    return kind


def check_start(data: bytes, name: str, *, size: int) -> None:
    """Raise DataError when a file of `size` bytes that begins with `data` is none that can be read.

    A megabyte is enough; what comes after it is not known yet.
    """
    if _format_told_by(data, name) not in _BINARY_FORMATS:
        detect(data, name, size=size)


def _settle(kind: str, text: str) -> str:
    """What a text is where its suffix says little: one object a line under .json, tab-separated under .txt."""
    start = text.lstrip()[:1]
    if kind == "json" or not kind and start in ("{", "["):
        return "jsonl" if start == "{" and _is_object_a_line(text) else "json"
    if kind in ("text", ""):
        lines = [line for line in re.split(r"\r\n|\n|\r", text[:65536]) if line][:-1] or [text]
        if sum("\t" in line for line in lines) >= 0.95 * len(lines):
            return "tsv"
    return kind or "text"


def _is_object_a_line(text: str) -> bool:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return len(lines) > 1 and lines[0].endswith("}") and lines[1].startswith("{")


def naming(error: DataError, name: str) -> DataError:
    if name in error.found:
        return error
    return DataError(f"{name}: {error.found}", allowed=error.allowed, remedy=error.remedy)
