"""CSV and TSV."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from modeling.datasets.dataset import LONGEST_RECORD, Problem, Record, Table, looked_at
from modeling.datasets.languages import LANGUAGES
from modeling.datasets.textfile import BadLineError, TextFile
from modeling.errors import DataError
from modeling.tasks import TASKS

csv.field_size_limit(2 * LONGEST_RECORD)  # the limit of a whole record comes before it

_KNOWN_NAMES = frozenset(name for task in TASKS.values() for names in task.names.values() for name in names)
LOOKED_AT = 1000
"""Rows that decide on delimiter, quotes, width and header."""
_IDENTIFIER = re.compile(r"[^\W\d][\w .\-/]{0,39}")


def read_csv(file: TextFile, *, names: Collection[str] = ()) -> Table:
    """Comma-, semicolon- or bar-separated; quotes as in RFC 4180. `names` are columns that the caller expects."""
    head = [line[:65536] for line in file.peek(50)]
    delimiter = max(",;|\t", key=lambda mark: sum(min(line.count(mark), 3) for line in head))
    return table_of("csv", _records(file, delimiter, csv.QUOTE_MINIMAL), file.position, names)


def read_tsv(file: TextFile, *, names: Collection[str] = ()) -> Table:
    """Tab-separated. A quote is a mark like any other, unless only reading it as one makes the rows even."""
    head = file.peek(LOOKED_AT)
    quoting: int = csv.QUOTE_NONE
    if any('"' in line for line in head):
        plain, quoted = (_uneven(head, quoting) for quoting in (csv.QUOTE_NONE, csv.QUOTE_MINIMAL))
        quoting = csv.QUOTE_MINIMAL if quoted < plain // 2 or (plain and not quoted) else csv.QUOTE_NONE
    return table_of("tsv", _records(file, "\t", quoting), file.position, names)


def _uneven(lines: list[str], quoting: int) -> int:
    """How many of the first records have another width than the first one."""
    reader = csv.reader(lines, delimiter="\t", quoting=quoting)  # type: ignore[arg-type]
    try:
        widths = [len(cells) for cells in reader if any(cells)]
    except csv.Error:
        return len(lines)
    return sum(width != widths[0] for width in widths)


class _Feed:
    """Lines for csv.reader, which would take any number of them for one record."""

    def __init__(self, file: TextFile) -> None:
        self._file, self._taken = file, 0

    def start_record(self) -> None:
        self._taken = 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = next(self._file)
        self._taken += len(line)
        if self._taken > LONGEST_RECORD:
            raise BadLineError(f"the row is longer than {LONGEST_RECORD:,} characters and ends here at last; "
                               f"a quote may be left open")
        return line


def _records(file: TextFile, delimiter: str, quoting: int) -> Iterator[Record | Problem]:
    """(line number, cells) of every line that is not blank."""
    feed = _Feed(file)
    reader = csv.reader(feed, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
    while True:
        line = file.line + 1
        feed.start_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (BadLineError, csv.Error) as error:
            until = f" (lines {line:,} to {file.line:,} are left out)" if file.line > line else ""
            yield Problem(line, None, f"{error}{until}")
            continue
        if any(cells):
            yield line, cells


def table_of(kind: str, found: Iterator[Record | Problem], position: Callable[[], int], names: Collection[str],
             ) -> Table:
    """Rows of cells as a table: whether the first is a header, what the columns are called, which rows are ragged.

    `position` are the bytes read so far. Raises DataError where there is no row.
    """
    head, items = looked_at(found, position)
    if not head:
        raise DataError("the file has no rows", allowed="A table has a header or data in its first line")
    first = head[0][0]
    named = _has_header(head[:LOOKED_AT], names)
    width = len(head[0][1]) if named else _usual_width(head[:LOOKED_AT])
    columns = _unique([cell.strip() for cell in head[0][1]]) if named else [str(i) for i in range(width)]
    body = [record for record in head[named:] if len(record[1]) == width]
    return Table(format=kind, columns=columns, head=body, named=named,
                 items=_even(items, width, first if named else 0, named))


def _even(items: Iterable[Record | Problem], width: int, header: int, named: bool) -> Iterator[Record | Problem]:
    """Records of this width; others are Problems. The header's line is left out."""
    for item in items:
        if isinstance(item, Problem) or len(item[1]) == width and item[0] != header:
            yield item
        elif item[0] != header:
            yield Problem(item[0], None, _ragged(item[1], width, named))


def _ragged(cells: Sequence[str], width: int, named: bool) -> str:
    text = f"{len(cells)} columns where {'the header has' if named else 'other rows have'} {width}"
    return text + ("; a quote may be left open" if any("\n" in cell for cell in cells) else "")


def _usual_width(records: Sequence[Record]) -> int:
    return Counter(len(cells) for _, cells in records).most_common(1)[0][0]


def _unique(names: list[str]) -> list[str]:
    """Names of columns; an empty one is called by its index, a repeated one gets its index behind it."""
    result: list[str] = []
    for index, name in enumerate(names):
        result.append(str(index) if not name else f"{name}_{index}" if name in result else name)
    return result


def _has_header(records: Sequence[Record], names: Collection[str]) -> bool:
    """The first row is a header if a name in it is known or asked for, or if it looks unlike all rows below it."""
    first = [cell.strip() for cell in records[0][1]]
    lowered = [cell.casefold() for cell in first]
    if set(first) & set(names) or (set(lowered) & _KNOWN_NAMES) or (len(first) > 1 and set(lowered) <= LANGUAGES):
        return True
    if len(set(first)) < len(first) or not all(_IDENTIFIER.fullmatch(cell) for cell in first) or len(records) < 3:
        return False
    body = [cells for _, cells in records[1:] if len(cells) == len(first)]
    return bool(body) and any(_unlike(name, [row[index] for row in body]) for index, name in enumerate(first))


def _unlike(name: str, values: Sequence[str]) -> bool:
    """Numbers or texts three times as long under a name that never comes back."""
    if name in values:
        return False
    numbers = sum(value.strip().lstrip("-").replace(".", "", 1).isdigit() for value in values)
    return numbers > 0.9 * len(values) or sum(map(len, values)) > 3 * len(name) * len(values)
