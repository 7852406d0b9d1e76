"""Plain text: one long text, one label and text a line, or two files that are aligned line by line."""

from __future__ import annotations

from collections import Counter

from modeling.datasets.dataset import Table
from modeling.errors import DataError


def lines_of(text: str) -> list[str]:
    """Lines as editors count them. (str.splitlines also breaks at characters that stand inside sentences.)"""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines and not lines[-1] else lines


def read_text(text: str) -> Table:
    """The whole file is one record: a text to learn from, to summarise or to search."""
    text = "\n".join(lines_of(text))
    return Table(format="text", columns=["text"], records=[(1, [text])], named=True)


def read_labelled_lines(text: str) -> Table:
    """Lines of "label text". Raises DataError when the first words are no labels."""
    pairs = [(number, line.strip().split(None, 1)) for number, line in enumerate(lines_of(text), start=1)
             if line.strip()]
    labels = Counter(cells[0] for _, cells in pairs)
    if len(labels) > max(2, min(200, len(pairs) // 5)):
        raise DataError("the lines of this text file have no label",
                        allowed='Each line is "label text", or "text<TAB>label"', remedy="Give a CSV with two columns")
    records = [(number, [*cells, ""][:2]) for number, cells in pairs]
    return Table(format="text", columns=["label", "text"], records=records, named=True)


def read_aligned(texts: list[str], names: list[str], languages: list[str]) -> Table:
    """Two files, line n of one being the translation of line n of the other."""
    sides = [lines_of(text) for text in texts]
    if len(sides[0]) != len(sides[1]):
        raise DataError(f"{names[0]} has {len(sides[0]):,} lines and {names[1]} has {len(sides[1]):,}",
                        allowed="Aligned files have as many lines as each other",
                        remedy="Find where they part, and align them again")
    records = [(number, pair) for number, pair in enumerate(zip(*sides, strict=True), start=1) if any(pair)]
    return Table(format="parallel", columns=languages, records=records, named=True)
