"""How often one visitor may ask."""

from __future__ import annotations

import time
from collections import deque


class RateLimit:
    """At most `count` events in `seconds` for each key. Forgets keys that have been quiet."""

    def __init__(self, count: int, seconds: float) -> None:
        self.count, self.seconds = count, seconds
        self._events: dict[str, deque[float]] = {}

    def wait(self, key: str) -> float:
        """0 and the event counts; or the seconds until it may happen, and it does not count."""
        now = time.monotonic()
        self._forget(now)
        queue = self._events.setdefault(key, deque())
        if len(queue) >= self.count:
            return queue[0] + self.seconds - now
        queue.append(now)
        return 0.0

    def _forget(self, now: float) -> None:
        for key, queue in list(self._events.items()):
            while queue and queue[0] <= now - self.seconds:
                queue.popleft()
            if not queue:
                del self._events[key]


class Bucket:
    """Tokens for the frames of one socket: `rate` a second, `size` saved up at most."""

    def __init__(self, rate: float, size: float) -> None:
        self.rate, self.size = rate, size
        self._level, self._then = size, time.monotonic()

    def take(self) -> bool:
        """Whether one more frame is within the limit."""
        now = time.monotonic()
        self._level = min(self.size, self._level + (now - self._then) * self.rate)
        self._then = now
        if self._level < 1:
            return False
        self._level -= 1
        return True
