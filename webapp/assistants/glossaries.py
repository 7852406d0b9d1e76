"""A glossary as a file of a table: CSV with the columns source and target, in and out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from django.utils.translation import gettext as _

from modeling.datasets import escaped

COLUMNS = ("source", "target")
MOST_TERMS, LONGEST_TERM = 500, 200
BYTES = 1024 * 1024
TOLD = 10  # faults at once

Pairs = list[list[str]]


def read_glossary(content: bytes) -> tuple[Pairs, list[str]]:
    """Terms with their translations, and what is wrong with the file, each fault with its line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [], [_("The file is not UTF-8 text. Save the table as CSV UTF-8.")]
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
    try:
        rows = [(reader.line_num, [_unescaped(cell).strip() for cell in row]) for row in reader if any(row)]
    except csv.Error as fault:
        return [], [_line(reader.line_num, str(fault))]
    return _pairs(rows)


def written_pairs(text: str, *, most: int) -> tuple[Pairs, list[str]]:
    """Terms with their translations, `term = translation` a line, and what is wrong with which line."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    return _checked([(number, [side.strip() for side in line.split("=")]) for number, line in lines], most)


def _pairs(rows: list[tuple[int, list[str]]]) -> tuple[Pairs, list[str]]:
    names = [cell.lower() for cell in rows[0][1]] if rows else []
    if not set(COLUMNS) <= set(names):
        return [], [_("The first line has to name the columns source and target.")]
    first, second = map(names.index, COLUMNS)
    cut = [(number, [cells[place] if place < len(cells) else "" for place in (first, second)])
           for number, cells in rows[1:]]
    return _checked(cut, MOST_TERMS) if cut else ([], [_("There are no terms in the file.")])


def _checked(numbered: list[tuple[int, list[str]]], most: int) -> tuple[Pairs, list[str]]:
    faults = [_line(number, fault) for number, pair in numbered if (fault := _fault_of(pair))]
    if len(numbered) > most:
        faults.insert(0, _("There are %(n)s terms. At most %(most)s are taken.") % {"n": len(numbered), "most": most})
    more = [_("And %(n)s more.") % {"n": len(faults) - TOLD}] if len(faults) > TOLD else []
    return [pair for _number, pair in numbered], [*faults[:TOLD], *more]


def _fault_of(pair: list[str]) -> str:
    """What is wrong with a term and its translation; "" where nothing is."""
    if len(pair) != 2:
        return _("a line is “term = translation”")
    if not all(pair):
        return _("a term or its translation is missing")
    if any(len(side) > LONGEST_TERM for side in pair):
        return _("a term has more than %(n)s characters") % {"n": LONGEST_TERM}
    if any("=" in side or not side.isprintable() for side in pair):
        return _("a term holds an equals sign or a control character")
    return ""


def _line(number: int, fault: str) -> str:
    return _("Line %(number)s: %(fault)s.") % {"number": number, "fault": fault}


def _unescaped(cell: str) -> str:
    """A cell without the mark that keeps spreadsheets from running it."""
    return cell[1:] if cell.startswith("'") and escaped(cell[1:]) == cell else cell


def glossary_pieces(pairs: Pairs) -> Iterator[bytes]:
    """The file that people download, change in a spreadsheet and send back."""
    out = io.StringIO()
    csv.writer(out).writerows([escaped(cell) for cell in pair] for pair in (list(COLUMNS), *pairs))
    yield ("\ufeff" + out.getvalue()).encode()  # the mark tells spreadsheets that it is UTF-8
