"""Plain text: one long text, one label and text a line, or two files that are aligned line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest

from modeling.datasets.dataset import Problem, Record, Table, looked_at
from modeling.datasets.textfile import TextFile
from modeling.errors import DataError

_PIECE = 2 * 1024**2  # characters
_TO_BREAK = 20_000  # characters in which a blank line is waited for


def read_text(file: TextFile) -> Table:
    """The whole file is one record: a text to learn from, to summarise, to search. A very long one comes in pieces."""
    head, items = looked_at(_pieces(file), file.position)
    return Table(format="text", columns=["text"], head=head, items=items, named=True)


def _pieces(file: TextFile) -> Iterator[Record | Problem]:
    """Pieces of about two million characters, which end at a blank line where there is one."""
    lines: list[str] = []
    size, first = 0, 1
    for item in file.lines():
        if isinstance(item, Problem):
            yield item
            continue
        number, line = item
        if size > _PIECE and (not line.strip() or size > _PIECE + _TO_BREAK):
            yield first, ["\n".join(lines)]
            lines, size, first = [], 0, number
        lines.append(line)
        size += len(line) + 1
    if any(line.strip() for line in lines):
        yield first, ["\n".join(lines)]


def read_lines(file: TextFile) -> Table:
    """Each line that is not empty is a text."""
    head, items = looked_at(_filled(file), file.position)
    return Table(format="text", columns=["text"], head=head, items=items, named=True)


def _filled(file: TextFile) -> Iterator[Record | Problem]:
    for item in file.lines():
        if isinstance(item, Problem):
            yield item
        elif item[1].strip():
            yield item[0], [item[1]]


def read_labelled_lines(file: TextFile) -> Table:
    """Lines of "label text". Raises DataError when the first words are no labels."""
    head, items = looked_at(_labelled(file), file.position)
    labels = Counter(cells[0] for _, cells in head)
    if len(labels) > max(2, min(200, len(head) // 5)):
        raise DataError("the lines of this text file have no label",
                        allowed='Each line is "label text", or "text<TAB>label"', remedy="Give a CSV with two columns")
    return Table(format="text", columns=["label", "text"], head=head, items=items, named=True)


def _labelled(file: TextFile) -> Iterator[Record | Problem]:
    for item in file.lines():
        if isinstance(item, Problem):
            yield item
        elif cells := item[1].split(None, 1):
            yield item[0], [*cells, ""][:2]


def read_aligned(files: list[TextFile], languages: list[str]) -> Table:
    """Two files, line n of one being the translation of line n of the other.

    Raises DataError when one is longer, as soon as the shorter one ends.
    """
    head, items = looked_at(_aligned(files), files[0].position)
    return Table(format="parallel", columns=languages, head=head, items=items, named=True)


def _aligned(files: list[TextFile]) -> Iterator[Record | Problem]:
    first, second = files
    for one, other in zip_longest(first.lines(), second.lines()):
        if one is None or other is None:
            raise _unequal(files)
        if isinstance(one, Problem) or isinstance(other, Problem):
            bad, column = (one, first) if isinstance(one, Problem) else (other, second)
            yield Problem(first.line, None, f"{column.name}: {bad.message}")  # type: ignore[union-attr]
        elif one[1] or other[1]:
            yield one[0], (one[1], other[1])


def _unequal(files: list[TextFile]) -> DataError:
    for file in files:
        for _ in file.lines():
            pass
    counts = " and ".join(f"{file.name} has {file.line:,}{' lines' if file is files[0] else ''}" for file in files)
    return DataError(f"the files differ in length: {counts}", allowed="Aligned files have as many lines as each other",
                     remedy="Find where they part, and align them again")
