"""One budget of threads for engine and trainer, so that a training does not starve the chat."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Who may use how many threads."""

    engine: int
    trainer: int  # at lower priority besides

    @classmethod
    def of(cls, threads: int) -> Budget:
        """Share `threads`: half for training, but the engine keeps two where it can (the trainer gives way)."""
        trainer = max(1, threads // 2)
        return cls(engine=max(threads - trainer, min(threads, 2)), trainer=trainer)

    @classmethod
    def from_environment(cls) -> Budget:
        """PARLEY_THREADS, or the processors that this process may run on."""
        given = os.environ.get("PARLEY_THREADS", "")
        return cls.of(int(given) if given.isdigit() and int(given) else available_processors())


def available_processors() -> int:
    """Processors that this process may use, where the system tells; else those there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
