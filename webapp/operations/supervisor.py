"""Keeps the site's processes running: restarts what dies, ends all together. No process outlives it."""

from __future__ import annotations

import json
import select
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging import INFO, Formatter, LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path

from webapp.jobs.process import ChildProcess
from webapp.logs import FORM, as_object

STEADY = 30.0  # seconds after which a process counts as well again
LONGEST = 30.0  # seconds between two starts at most
GRACE = 8.0  # seconds to end by oneself


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to keep running."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    once: bool = False  # it ends by itself and stays ended
    niceness: int = 0  # 0 to 19: how far it gives way to the others
    grace: float | None = None  # seconds to end by itself; GRACE where nothing is said


def delay(failures: int) -> float:
    """Seconds to wait before the next start: at once for a first failure, then doubling."""
    return 0.2 if failures <= 1 else min(2.0 ** (failures - 2), LONGEST)


class Service:
    """A program and its current process."""

    def __init__(self, program: Program, *, logs: Path) -> None:
        """Nothing runs yet."""
        self.program = program
        self.process: ChildProcess | None = None
        self.restarts = self.failures = 0
        self._due = 0.0
        self._log = RotatingFileHandler(logs / f"{program.name}.log", maxBytes=5_000_000, backupCount=2, delay=True)
        self._log.setFormatter(Formatter("%(message)s" if FORM == "json" else "%(asctime)s %(message)s"))

    def start_if_due(self) -> bool:
        """Start the process when it is not running and its time has come. Returns whether it did."""
        done = self.program.once and self.restarts > 0
        if self.process is not None or done or time.monotonic() < self._due:
            return False
        self.process = ChildProcess(self.program.command, environment=self.program.environment,
                                    niceness=self.program.niceness, grace=self.grace)
        return True

    @property
    def grace(self) -> float:
        """Seconds that the process has to end by itself."""
        return GRACE if self.program.grace is None else self.program.grace

    def reap(self) -> str | None:
        """Take note of an end: a sentence about it, or None while the process runs."""
        if self.process is None or (code := self.process.ended()) is None:
            return None
        self.lines()
        lived = time.time() - self.process.started
        self.failures = 1 if lived > STEADY else self.failures + 1
        self.restarts += 1
        self._due = time.monotonic() + delay(self.failures)
        self.process.close()
        self.process = None
        again = "" if self.program.once else f"; starting again in {delay(self.failures):.0f} s"
        return f"ended with status {code} after {lived:.0f} s{again}"

    def lines(self) -> list[str]:
        """What it has said since the last call; kept in its log file too."""
        lines = self.process.lines() if self.process else []
        for line in lines:
            said = as_object(self.program.name, line) if FORM == "json" else line
            self._log.emit(LogRecord(self.program.name, INFO, "", 0, said, None, None))
        return lines

    def end(self, deadline: float) -> None:
        """End the process, by force after the deadline (of the monotonic clock)."""
        if self.process is not None:
            self.process.end(max(0.0, deadline - time.monotonic()))
            self.lines()
            self.process.close()
            self.process = None

    def state(self) -> dict[str, object]:
        """As /healthz shows it."""
        started = self.process.started if self.process else None
        return {"pid": self.process.pid if self.process else None, "started": started, "restarts": self.restarts}


class Supervisor:
    """Runs programs until told to end. `state` is a file that tells others how they are."""

    def __init__(self, programs: Sequence[Program], *, logs: Path, state: Path, say: Callable[[str], None]) -> None:
        """Nothing runs yet. `say` gets each line for people."""
        logs.mkdir(parents=True, exist_ok=True)
        self.services = [Service(program, logs=logs) for program in programs]
        self.ending = False
        self._logs, self._state, self._say = logs, state, say
        self._width = max(len(program.name) for program in programs)

    def run(self, on_round: Callable[[], None] = lambda: None) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP. `on_round` is called a few times a second."""
        with _signals_to(self.end):
            try:
                while not self.ending:
                    self._round()
                    on_round()
            finally:
                self._end_all()

    def add(self, program: Program) -> None:
        """One more, while `run` goes on."""
        self.services.append(Service(program, logs=self._logs))

    def end(self) -> None:
        """Let `run` end after its current round."""
        self.ending = True

    def _round(self) -> None:
        started = [service.start_if_due() for service in self.services]
        if any(started):
            self._write_state()
        select.select([service.process.output for service in self.services if service.process], [], [], 0.2)
        for service in self.services:
            self._pass_on(service)
            if end := service.reap():
                self._tell(service, end)
                self._write_state()

    def _pass_on(self, service: Service) -> None:
        for line in service.lines():
            self._tell(service, line)

    def _tell(self, service: Service, line: str) -> None:
        name = service.program.name
        self._say(as_object(name, line) if FORM == "json" else f"{name.ljust(self._width)} | {line}")

    def _end_all(self) -> None:
        for service in self.services:
            if service.process:
                service.process.terminate()
        began = time.monotonic()
        for service in self.services:
            service.end(began + service.grace)
        self._state.unlink(missing_ok=True)

    def _write_state(self) -> None:
        states = {service.program.name: service.state() for service in self.services if not service.program.once}
        draft = self._state.with_suffix(".draft")
        draft.write_text(json.dumps(states))
        draft.replace(self._state)


@contextmanager
def _signals_to(end: Callable[[], None]) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: end()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
