"""A child process in a group of its own, which dies with its starter. For jobs and for the supervisor."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

LEASH = Path(__file__).with_name("leash.py")
LINE = 8 * 1024 * 1024  # bytes of a line without an end that are kept
PIECE, PIECES = 65536, 64  # bytes read at once, and how often in one call: nobody floods the one who reads


class ChildProcess:
    """A command on a leash. Its output is read without ever blocking; `ended()` alone notices its end."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        niceness: int = 0,
        memory: int | None = None,
        grace: float = 5.0,
        merge: bool = True,
        output: Path | None = None,
    ) -> None:
        """Start it. `memory` limits the address space in bytes; `grace` is the time to end after the starter's death;
        with `merge` what it writes to standard error comes among the lines too, else it goes where ours goes. A file
        as `output` gets all of it, and keeps what was not read when its reader dies."""
        limits = [f"--grace={grace}", f"--niceness={niceness}", f"--memory={memory or 0}"]
        self.started = time.time()
        self.more = False  # whether the last call of `lines` has left something
        self._rest = b""
        self._swept = False
        written = output.open("ab") if output else None
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LEASH), *limits, "--", *command],
            stdin=subprocess.PIPE,
            stdout=written or subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else None,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            start_new_session=True,
        )
        if written and output:
            written.close()
            self._output: IO[bytes] = output.open("rb", buffering=0)
        else:
            assert self._process.stdout is not None
            self._output = self._process.stdout
        os.set_blocking(self._output.fileno(), False)

    @property
    def pid(self) -> int:
        """The leader of the group."""
        return self._process.pid

    @property
    def output(self) -> int:
        """The descriptor to wait on for lines, where they do not go to a file."""
        return self._output.fileno()

    def lines(self) -> list[str]:
        """The whole lines that have come since the last call; after the end also a last one without its end."""
        data = self._rest + self._read()
        *whole, self._rest = data.split(b"\n")
        over = self._process.returncode is not None and not self.more
        if len(self._rest) > LINE or (self._rest and over):
            whole, self._rest = [*whole, self._rest], b""
        return [line.decode(errors="replace").rstrip("\r") for line in whole]

    def _read(self) -> bytes:
        pieces: list[bytes] = []
        with contextlib.suppress(BlockingIOError):
            while len(pieces) < PIECES and (piece := os.read(self.output, PIECE)):
                pieces.append(piece)
        self.more = len(pieces) == PIECES
        return b"".join(pieces)

    def ended(self) -> int | None:
        """The exit status once the command has ended (128 + n for signal n), after which nothing of its group lives."""
        code = self._process.poll()
        if code is not None and not self._swept:
            self._swept = True  # once: later the number may be another group's
            self._signal(signal.SIGKILL)
        return code if code is None or code >= 0 else 128 - code

    def terminate(self) -> None:
        """Ask the whole group to end."""
        if self.ended() is None:
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the whole group now."""
        if self.ended() is None:
            self._signal(signal.SIGKILL)

    def end(self, grace: float) -> int:
        """Terminate, wait up to `grace` seconds, kill. Returns the exit status."""
        self.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)
        self.kill()
        self._process.wait()
        return self.ended() or 0

    def close(self) -> None:
        """Let go of the pipes, once the command has ended."""
        self._output.close()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS refuses for a group of zombies
            os.killpg(self.pid, number)
