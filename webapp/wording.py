"""Errors and times in the reader's language. Errors are stored in English, one part a line, and translated when shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from modeling.errors import ParleyError

NUMBER = re.compile(r"\d[\d,.]*\d|\d")
ENDS = ".。!！?？…"


def stored(error: ParleyError) -> str:
    """The parts of an error, a line each."""
    return "\n".join(part for part in (error.found, error.allowed, error.remedy) if part)


def spoken(text: str) -> str:
    """Sentences in the reader's language. A part that the catalogue does not know stays as it is."""
    stop, space = ("。", "") if (get_language() or "").startswith("zh") else (".", " ")
    parts = [_translated(part) for part in text.splitlines() if part]
    return space.join(part if part[-1] in ENDS else part + stop for part in parts)


def said(error: ParleyError) -> str:
    """An error for a notice."""
    return spoken(stored(error))


def spoken_of(text: str, names: Mapping[str, str]) -> str:
    """The same of what the library said about files, by what they are called here -> what they were called."""
    space = "" if (get_language() or "").startswith("zh") else " "
    return space.join(_naming(part, names) for part in text.splitlines() if part)


def _naming(part: str, names: Mapping[str, str]) -> str:
    here = next((name for name in names if name in part), None)
    if here is None:
        return spoken(part)
    if part.startswith(f"{here}: "):
        return f"{names[here]}: {spoken(part.removeprefix(f'{here}: '))}"
    return spoken(part.replace(here, "%(name)s")).replace("%(name)s", names[here])


def duration(seconds: float) -> str:
    """Two units at most: 12 s, 3 min, 2 h 5 min, 4 days."""
    seconds = max(0, round(seconds))
    if seconds < 90:
        return _("%(n)s s") % {"n": seconds}
    minutes = round(seconds / 60)
    if minutes < 90:
        return _("%(n)s min") % {"n": minutes}
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    return ngettext("%(n)s day", "%(n)s days", hours // 24) % {"n": hours // 24}


def _translated(part: str) -> str:
    """Numbers are no part of what is looked up, so that one entry serves for all: %(n)s, %(n2)s, %(n3)s."""
    numbers = NUMBER.findall(part)
    names = ["n", *(f"n{place}" for place in range(2, len(numbers) + 1))][: len(numbers)]
    marks = iter(names)
    looked_up = NUMBER.sub(lambda _match: f"%({next(marks)})s", part)
    for text in (part, looked_up):  # some have a fixed number, such as UTF-8
        if (found := _(text)) != text:
            for name, number in zip(names, numbers, strict=True):
                found = found.replace(f"%({name})s", number)
            return found
    head, colon, tail = part.partition(": ")  # what another program said comes after a colon
    return f"{_translated(head)}: {tail}" if colon else part
