"""How far a training of vectors is, in the events that trainings have."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

OnEvent = Callable[[dict[str, Any]], None]


class Progress:
    """Counts what threads have done; about twice a second one of them tells it."""

    def __init__(self, total: int, on_event: OnEvent, *, done: int = 0) -> None:
        self.total, self.done, self.loss, self.speed = total, done, 0.0, 0
        self._on_event, self._lock = on_event, threading.Lock()
        self._started = self._told = time.monotonic()
        self._first, self._loss, self._examples = done, 0.0, 0

    def add(self, items: int, loss: float, examples: int) -> None:
        with self._lock:
            self.done += items
            self._loss += loss
            self._examples += examples

    def tell(self, *, now: bool = False) -> None:
        """A "step" event: what is done, the mean loss since the last one, speed, seconds left."""
        with self._lock:
            moment = time.monotonic()
            if moment - self._told < 0.5 and not now:
                return
            self._told = moment
            if self._examples:
                self.loss = self._loss / self._examples
            self._loss, self._examples = 0.0, 0
            speed = (self.done - self._first) / max(1e-9, moment - self._started)
            self.speed = round(speed)
            self._on_event({"event": "step", "step": self.done, "steps": self.total, "loss": self.loss,
                            "tokens_per_second": self.speed,
                            "seconds_left": (self.total - self.done) / max(1.0, speed)})
