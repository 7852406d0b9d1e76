"""What a child says: JSON objects, one a line, are news of the work; everything else is its log."""

from __future__ import annotations

import json
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

Event = dict[str, Any]
END = 2 * 1024 * 1024  # bytes of an output in which lines for people are looked for
TAIL = 20  # lines of a log that may explain a failure
PROGRAM = re.compile(r"^(python -m modeling|manage\.py) \w+: ")
SENTENCES = re.compile(r"(?<=\.) (?=[A-Z])|\n")


class News:
    """Lines as they come, sorted: events that wait to be recorded, progress, the result, the log."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._tail: deque[str] = deque(maxlen=TAIL)  # the last lines of the log since the last piece of news
        self.events: deque[tuple[int, Event]] = deque()  # with the number of the line that brought it
        self.lines = 0
        self.progress: dict[str, Any] = {}
        self.result: Any = None

    @property
    def last_words(self) -> str:
        """The end of the log, in which programs say why they ended."""
        return self._tail[-1] if self._tail else ""

    @property
    def complaint(self) -> str:
        """What the log says since the last piece of news, without the program's own name, a sentence a line."""
        text = "\n".join(PROGRAM.sub("", line) for line in self._tail)
        return "\n".join(sentence.removesuffix(".") for sentence in SENTENCES.split(text))

    def take(self, lines: Iterable[str]) -> None:
        """Sort lines."""
        for line in lines:
            self.lines += 1
            if (event := parse(line)) is None:
                self._note(line)
            else:
                self._tail.clear()
                self._sort(event)

    def _note(self, line: str) -> None:
        if line.strip():
            self._tail.append(line.replace("\0", ""))

    def _sort(self, event: Event) -> None:
        if "event" in event:
            self.events.append((self.lines, event))
            return
        self.result = event.get("result", self.result)
        self.progress |= {name: event[name] for name in ("progress", "note", "seconds_left") if name in event}


def unheard(path: Path, *, after: int) -> Iterator[Event]:
    """The events in the whole lines of an earlier attempt's output, from the line after that number on."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for line in islice(file, after, None):
                event = parse(line) if line.endswith("\n") else None
                if event and "event" in event:
                    yield event
    except OSError:  # another machine's, or tidied away
        return


def log_lines(path: Path, *, last: int) -> list[str]:
    """The last lines of an attempt's output that are for people. Empty where there is none.

    Only the end of a long output is looked at: a month of training writes hundreds of megabytes, and a page asks often.
    """
    try:
        with path.open("rb") as file:
            if path.stat().st_size > END:
                file.seek(-END, os.SEEK_END)
                file.readline()  # the rest of one that began before
            lines = (line.decode(errors="replace") for line in file)
            return list(deque((line.rstrip() for line in lines if parse(line) is None), maxlen=last))
    except OSError:
        return []


def parse(line: str) -> Event | None:
    """The JSON object of a line, fit for any database: no NaN, no NUL, no half of a surrogate pair. None for text."""
    if not line.startswith("{"):
        return None
    try:
        if "\\ud" in line or "\\uD" in line:
            line = json.dumps(json.loads(line), ensure_ascii=False).encode("utf-8", "replace").decode()
        event = json.loads(line.replace("\\u0000", "\\ufffd"), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
