"""A command of the library as a child: its events as they come, its fault as an error."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from modeling.errors import ParleyError
from modeling.runs import RESUME, RunInterrupted

Event = dict[str, Any]
LAST_WORDS = 2000
"""Characters of a fault that are told."""


class Child:
    """`python -m modeling ...` in this process's group, so that whoever ends this one ends it too."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with the child
        self._process = subprocess.Popen([sys.executable, "-m", "modeling", *arguments], stdout=subprocess.PIPE,
                                         stderr=self._errors, text=True)

    def events(self) -> Iterator[Event]:
        """Each line that is a JSON object, until it ends.

        Raises ParleyError with its last words when it fails, RunInterrupted when it was told to end.
        """
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                yield json.loads(line)
        status = self._process.wait()
        if status == RESUME:
            raise RunInterrupted
        if status:
            self._errors.seek(0)
            words = self._errors.read()[-LAST_WORDS:].strip()
            raise ParleyError(words.removeprefix("python -m modeling ") or f"the command ended with status {status}")

    def end(self) -> None:
        """Have it end, if it has not."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._errors.close()


@contextmanager
def running(arguments: Sequence[str]) -> Iterator[Iterator[Event]]:
    """The events of a child that has ended when the block has."""
    child = Child(arguments)
    try:
        yield child.events()
    finally:
        child.end()
