"""Dataset, Problem and Table: what reading a file gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, TypeVar

Row = dict[str, Any]
Record = tuple[int, Sequence[Any]]
"""Line number, one value a column."""

LOOKED_AT = 2000
"""Records that decide on columns, roles and languages."""
_MOST_LOOKED_AT = 8 * 1024**2  # bytes
_MOST_PROBLEMS = 50_000  # before the first record
LONGEST_RECORD = 4 * 1024**2
"""Characters of a record, or of a piece of a long text."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with one row, or with a whole file (`line` is then None)."""

    line: int | None  # line of a text file, else number of the record; from 1
    column: str | None
    message: str
    severity: Literal["error", "warning"] = "error"  # error: the row is left out; warning: it was mended or kept
    file: str = ""

    def __str__(self) -> str:
        where = ", ".join(part for part in (
            self.file, f"line {self.line}" if self.line is not None else "",
            f"column {self.column}" if self.column is not None else "") if part)
        return f"{where}: {self.message}" if where else self.message


class Unread(str):
    """An empty cell in place of one that cannot be read; `why` is told where a row needs it."""

    why: str

    def __new__(cls, why: str) -> Unread:
        cell = super().__new__(cls)
        cell.why = why
        return cell


@dataclass(slots=True, kw_only=True)
class Table:
    """Records of one file before they have roles: what each parser in `formats/` returns. They come once, lazily."""

    format: str
    columns: list[str]  # names from the header or the keys, else "0", "1", ...
    head: list[Record]  # the first ones, to look at
    items: Iterator[Record | Problem]  # all of them, the first ones too, in the file's order
    named: bool  # whether the names come from the file
    encoding: str = ""
    size: int = 0  # bytes
    position: Callable[[], int] = lambda: 0  # bytes read so far


Item = TypeVar("Item", bound=tuple[int, Any])


def looked_at(items: Iterable[Item | Problem], position: Callable[[], int] = lambda: 0,
              ) -> tuple[list[Item], Iterator[Item | Problem]]:
    """The first records, and an iterator over all items that gives them again; `position` are bytes read so far."""
    rest = iter(items)
    seen: list[Item | Problem] = []
    records: list[Item] = []
    for item in rest:
        seen.append(item)
        if not isinstance(item, Problem):
            records.append(item)
        enough = len(seen) >= LOOKED_AT or position() > _MOST_LOOKED_AT
        if enough and (records or len(seen) >= _MOST_PROBLEMS):
            break
    return records, chain(seen, rest)


@dataclass(slots=True, kw_only=True)
class Dataset:
    """Rows of one task, checked. Rows with errors are left out, each with a Problem."""

    task: str
    rows: Sequence[Row]
    problems: list[Problem]
    format: str
    encoding: str  # "" where the format has none of its own
    columns: Mapping[str, str]  # role -> column it was read from
    header: list[str]  # all columns of the file
    languages: list[str]  # ISO codes; for translation the source first
    files: list[str]
