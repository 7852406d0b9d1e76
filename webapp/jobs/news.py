"""What a child says: JSON objects, one a line, are news of the work; everything else is its log."""

from __future__ import annotations

import json
import logging
import re
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

log = logging.getLogger("parley.trainer")

Event = dict[str, Any]
TAIL = 20  # last lines of the log that explain a failure
PROGRAM = re.compile(r"^(python -m modeling|manage\.py) \w+: ")


class News:
    """Lines as they come, sorted: events that wait to be recorded, progress, the result, the log."""

    def __init__(self, path: Path) -> None:
        """Write the log to `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._log = path.open("w", encoding="utf-8")
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._since: deque[str] = deque(maxlen=TAIL)  # the same since the last piece of news
        self.events: deque[Event] = deque()
        self.progress: dict[str, Any] = {}
        self.result: Any = None

    @property
    def last_words(self) -> str:
        """The end of the log."""
        return "\n".join(self._tail)

    @property
    def complaint(self) -> str:
        """What the log says since the last piece of news: a program's reason to end, without its own name."""
        return "\n".join(PROGRAM.sub("", line) for line in self._since)

    def take(self, lines: Iterable[str]) -> None:
        """Sort lines."""
        for line in lines:
            if (event := parse(line)) is None:
                self._note(line)
            else:
                self._since.clear()
                self._sort(event)
        self._log.flush()

    def close(self) -> None:
        """No more will come."""
        self._log.close()

    def _note(self, line: str) -> None:
        self._log.write(line + "\n")
        if line.strip():
            for lines in (self._tail, self._since):
                lines.append(line.replace("\0", ""))

    def _sort(self, event: Event) -> None:
        if "event" in event:
            self.events.append(event)
            return
        self.result = event.get("result", self.result)
        self.progress |= {name: event[name] for name in ("progress", "note", "seconds_left") if name in event}


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
