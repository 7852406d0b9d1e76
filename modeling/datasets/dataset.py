"""Dataset, Problem and Table: what reading a file gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Row = dict[str, Any]


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


@dataclass(slots=True, kw_only=True)
class Table:
    """Records of one file before they have roles: what each parser in `formats/` returns."""

    format: str
    columns: list[str]  # names from the header or the keys, else "0", "1", ...
    records: Sequence[tuple[int, Sequence[Any]]]  # line number, one value a column
    named: bool  # whether the names come from the file
    encoding: str = ""
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Dataset:
    """Rows of one task, checked. Rows with errors are left out, each with a Problem."""

    task: str
    rows: list[Row]
    problems: list[Problem]
    format: str
    encoding: str  # "" where the format has none of its own
    columns: Mapping[str, str]  # role -> column it was read from
    header: list[str]  # all columns of the file
    languages: list[str]  # ISO codes; for translation the source first
    files: list[str]
