"""How a training is told to end: it stops where nothing is lost, and says so."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from modeling.runs import RunInterrupted


class Interruption:
    """Whether the process was told to end; raises RunInterrupted at once, but between two steps while `waiting`."""

    def __init__(self) -> None:
        self.asked = self._waits = False

    def ask(self, number: int = 0, frame: FrameType | None = None) -> None:
        """End soon. Serves as a signal's handler."""
        self.asked = True
        if not self._waits:
            raise RunInterrupted

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """In this block whoever works looks at `asked` when it suits."""
        self._waits = True
        try:
            yield
        finally:
            self._waits = False


@contextmanager
def on_termination() -> Iterator[Interruption]:
    """An interruption that SIGTERM asks for."""
    interruption = Interruption()
    before = signal.signal(signal.SIGTERM, interruption.ask)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGTERM, before)
