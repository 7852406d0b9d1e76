"""Excel workbooks (.xlsx, .xlsm), through openpyxl's readers of parts and cells; a row at a time, in flat memory.

What is read: the list of sheets, the styles (they tell dates from numbers), the shared texts, one sheet. Formulas are
not run, macros, links and pictures not looked at.
"""

from __future__ import annotations

import re
import warnings
from array import array
from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from modeling.datasets.dataset import LONGEST_RECORD, Problem, Record, Table, Unread, looked_at
from modeling.datasets.formats.package import Package
from modeling.datasets.formats.table import LOOKED_AT, table_of
from modeling.datasets.formats.xml_stream import XmlStream
from modeling.errors import DataError
from modeling.text.normalisation import without_surrogates

_MOST_STRINGS = 20_000_000
_MOST_STRING_BYTES = 1024**3  # of the temporary file with them
_MOST_MERGED = 100_000
_MOST_COLUMNS = 16_384  # Excel's own limit; more would be made up
_MOST_SHEETS = 100  # that are looked at for rows
_PIECE = 1024**2  # bytes
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell [^>]{0,200}?ref="([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})"')
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def read_workbook(path: Path, *, names: Collection[str] = ()) -> Table:
    """One record a row of the first sheet that has rows; a header is recognised as in CSV. Raises DataError."""
    try:
        book = _Book(path)
        head, items = looked_at(book.records(), book.position)
    except DataError:
        raise
    except Exception as error:  # openpyxl trusts its files: of a damaged one anything can come
        raise _unreadable(error) from None
    width = max((len(cells) for _, cells in head[:LOOKED_AT]), default=0)
    table = table_of("xlsx", _as_wide(items, width), book.position, names)
    table.size, table.position = path.stat().st_size, book.position
    return table


def _as_wide(items: Iterator[Record | Problem], width: int) -> Iterator[Record | Problem]:
    """A sheet does not store the empty cells at the end of a row."""
    try:
        for item in items:
            yield item if isinstance(item, Problem) else (item[0], [*item[1], *[""] * (width - len(item[1]))])
    except DataError:
        raise
    except Exception as error:  # as above
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> DataError:
    found = (str(error) or "too much memory").splitlines()[0][:200]
    return DataError(f"the Excel workbook cannot be read: {found}", remedy="Save it again as .xlsx, or as CSV")


class _Book:
    """An opened workbook. `position` are bytes of the file, as far as the sheet is read."""

    def __init__(self, path: Path) -> None:
        from openpyxl.packaging.manifest import Manifest  # takes 0.2 s, and few processes ever read a workbook
        from openpyxl.reader.excel import SHARED_STRINGS, _find_workbook_part
        from openpyxl.reader.workbook import WorkbookParser
        from openpyxl.styles.stylesheet import apply_stylesheet
        from openpyxl.xml.functions import fromstring

        self._size, self._sheet_size = path.stat().st_size, 1
        self._sheet: XmlStream | None = None
        self._package = Package(path)
        with warnings.catch_warnings(action="ignore"):
            manifest = Manifest.from_tree(fromstring(self._package.read("[Content_Types].xml")))
            parser = WorkbookParser(self._package, _find_workbook_part(manifest).PartName[1:], keep_links=False)
            parser.parse()
            apply_stylesheet(self._package, parser.wb)
            self._styles = parser.wb
            sheets = [(sheet.name, rel.target, sheet.state) for sheet, rel in parser.find_sheets()
                      if "chartsheet" not in rel.Type and rel.target in self._package.NameToInfo]
        each: dict[str, tuple[str, str, str]] = {}
        for sheet in sheets:
            each.setdefault(sheet[1], sheet)  # a part is read once, however often it is named
        self._sheets = sorted(each.values(), key=lambda sheet: sheet[2] != "visible")[:_MOST_SHEETS]
        part = manifest.find(SHARED_STRINGS)
        self._strings = _Strings(self._package.stream(part.PartName[1:]) if part else None)

    def position(self) -> int:
        return self._size * self._sheet.position // self._sheet_size if self._sheet else 0

    def records(self) -> Iterator[Record | Problem]:
        """The rows of the first sheet with rows, a shown one if there is one, and a word on the others."""
        with self._package:
            for name, part, _state in self._sheets:
                rows = self._rows(part)
                if first := next(rows, None):
                    yield from self._others(name)
                    yield from chain([first], rows)
                    return
        raise DataError("the workbook has no rows", allowed="A sheet has a header or data in its first row")

    def _others(self, read: str) -> Iterator[Problem]:
        others = [name for name, _, _ in self._sheets if name != read]
        if others:
            yield Problem(None, None, f"only one sheet of the workbook was read: {read!r}, not "
                                      f"{', '.join(map(repr, others[:10]))}", "warning")

    def _rows(self, part: str) -> Iterator[Record | Problem]:
        self._sheet_size = max(1, self._package.getinfo(part).file_size)
        merged = _merged_down(self._package.stream(part))
        self._sheet = sheet = XmlStream(self._package.stream(part), "row", what="workbook", unit="row",
                                        until="sheetData")
        cells = _cell_reader(self._strings, self._styles)
        carried: dict[int, tuple[int, str]] = {}  # column -> the last row of a merged cell, and what it says
        number = 0
        for element in sheet:
            number = int(element.get("r") or number + 1)
            values = _values(element, cells)
            if isinstance(values, Problem):
                yield Problem(number, None, values.message)
                continue
            _carry(values, number, merged, carried)
            if values:
                yield number, [values.get(column, "") for column in range(1, max(values) + 1)]


def _values(row: Any, cells: Any) -> dict[int, str] | Problem:
    """Column from 1 -> text, of the cells that are not empty."""
    cells.col_counter, length = 0, 0
    values: dict[int, str] = {}
    for element in row:
        column, text = _cell(element, cells)
        length += len(text)
        if length > LONGEST_RECORD:
            return Problem(None, None, f"the row is longer than {LONGEST_RECORD:,} characters")
        if column > _MOST_COLUMNS:
            return Problem(None, None, f"the row has more than {_MOST_COLUMNS:,} columns")
        if text or isinstance(text, Unread):
            values[column] = text
    return values


def _cell(element: Any, cells: Any) -> tuple[int, str]:
    try:
        cell = cells.parse_cell(element)
    except (ValueError, LookupError, TypeError):
        return cells.col_counter, Unread("the cell cannot be read")
    value = cell["value"]
    if value is None and any(child.tag.endswith("}f") for child in element):
        return cell["column"], Unread("the formula has no stored value; open the file in a spreadsheet program and "
                                      "save it")
    if cell["data_type"] == "e":
        return cell["column"], Unread(f"the cell shows an error: {str(value)[:20]}")
    return cell["column"], _text(value)


def _text(value: Any) -> str:
    """A cell as a person sees it; dates in ISO 8601."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime():
            return value.isoformat(" ", "seconds")
        case date() | time():
            return value.isoformat()
        case int() | timedelta():
            return str(value)
    return without_surrogates(_ESCAPED.sub(lambda match: chr(int(match[1], 16)), str(value)))


def _carry(values: dict[int, str], row: int, merged: dict[tuple[int, int], int], carried: dict[int, tuple[int, str]],
           ) -> None:
    """A cell that is merged over several rows says the same in each of them."""
    if not values or not merged:
        return
    for column, (end, text) in carried.items():
        if row <= end and column not in values:
            values[column] = text
    for column, text in values.items():
        if last := merged.get((row, column)):
            carried[column] = last, text


def _merged_down(sheet: IO[bytes]) -> dict[tuple[int, int], int]:
    """(first row, column) -> last row, of cells merged over several rows. They are listed behind all rows."""
    from openpyxl.utils import column_index_from_string

    found: dict[tuple[int, int], int] = {}
    kept = b""
    with sheet:
        while piece := sheet.read(_PIECE):
            text = kept + piece
            if (start := text.find(b"mergeCell ")) >= 0:
                for column, first, last in _MERGED.findall(text, max(0, start - 100)):
                    if first != last and len(found) < _MOST_MERGED:
                        found[int(first), column_index_from_string(column.decode())] = int(last)
            kept = text[-300:]
    return found


def _cell_reader(strings: _Strings, styles: Any) -> Any:
    from openpyxl.worksheet._reader import WorkSheetParser

    return WorkSheetParser(None, strings, data_only=True, epoch=styles.epoch, date_formats=styles._date_formats,
                           timedelta_formats=styles._timedelta_formats)


class _Strings:
    """The texts that cells name by a number, in a file: there can be more of them than memory."""

    def __init__(self, part: IO[bytes] | None) -> None:
        self._file, self._ends = TemporaryFile(), array("Q", [0])  # noqa: SIM115 - open as long as the sheet
        for element in XmlStream(part, "si", what="workbook", unit="text") if part else ():
            text = _told(element).encode("utf-8", "surrogatepass")
            self._file.write(text)
            self._ends.append(self._ends[-1] + len(text))
            if len(self._ends) > _MOST_STRINGS or self._ends[-1] > _MOST_STRING_BYTES:
                raise DataError("the workbook has more texts than are read",
                                allowed=f"At most {_MOST_STRINGS:,}, of {_MOST_STRING_BYTES // 1024**2:,} MB together",
                                remedy="Save it as CSV")

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self._ends) - 1:
            raise IndexError(number)
        self._file.seek(self._ends[number])
        return self._file.read(self._ends[number + 1] - self._ends[number]).decode("utf-8", "surrogatepass")


def _told(element: Any) -> str:
    """A text, perhaps in runs of different looks; how it is pronounced (`rPh`) is no part of it."""
    runs = [child for child in element if not child.tag.endswith("}rPh")]
    return "".join(part.text or "" for run in runs for part in run.iter() if part.tag.endswith("}t"))
