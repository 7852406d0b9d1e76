"""CSV and TSV."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Sequence

from modeling.datasets.dataset import Problem, Table
from modeling.datasets.languages import LANGUAGES
from modeling.errors import DataError
from modeling.tasks import TASKS

csv.field_size_limit(64 * 1024 * 1024)

_KNOWN_NAMES = frozenset(name for task in TASKS.values() for names in task.names.values() for name in names)
_LOOKED_AT = 1000  # rows that decide on delimiter, width and header
_IDENTIFIER = re.compile(r"[^\W\d][\w .\-/]{0,39}")

Record = tuple[int, list[str]]


def read_csv(text: str, *, names: Collection[str] = ()) -> Table:
    """Comma-, semicolon- or bar-separated; quotes as in RFC 4180. `names` are columns that the caller expects."""
    head = text[:65536].split("\n")[:50]
    delimiter = max(",;|\t", key=lambda mark: sum(min(line.count(mark), 3) for line in head))
    return _table("csv", _records(text, delimiter, csv.QUOTE_MINIMAL), names)


def read_tsv(text: str, *, names: Collection[str] = ()) -> Table:
    """Tab-separated. A quote is a mark like any other, unless only reading it as one makes the rows even."""
    plain = _table("tsv", _records(text, "\t", csv.QUOTE_NONE), names)
    if not plain.problems or '"' not in text:
        return plain
    quoted = _table("tsv", _records(text, "\t", csv.QUOTE_MINIMAL), names)
    return quoted if len(quoted.problems) < len(plain.problems) // 2 else plain


def _records(text: str, delimiter: str, quoting: int) -> list[Record]:
    """(line number, cells) of every line that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
    records: list[Record] = []
    line = 1
    try:
        for cells in reader:
            if cells and any(cells):
                records.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"line {line} cannot be read: {error}",
                        remedy="Look for a quote that is opened and never closed") from None
    return records


def _table(kind: str, records: list[Record], names: Collection[str]) -> Table:
    if not records:
        raise DataError("the file has no rows", allowed="A table has a header or data in its first line")
    named = _has_header(records[:_LOOKED_AT], names)
    width = len(records[0][1]) if named else _usual_width(records[:_LOOKED_AT])
    columns = _unique([cell.strip() for cell in records[0][1]]) if named else [str(i) for i in range(width)]
    good: list[Record] = []
    problems: list[Problem] = []
    for line, cells in records[1:] if named else records:
        if len(cells) == width:
            good.append((line, cells))
        else:
            problems.append(Problem(line, None, _ragged(cells, width, named)))
    return Table(format=kind, columns=columns, records=good, named=named, problems=problems)


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
