"""The supervisor with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from webapp.operations.supervisor import Program, Supervisor, delay

STEADY = "import time\nprint('here', flush=True)\ntime.sleep(60)"
KEEPER = """
import sys
from pathlib import Path
from webapp.operations.supervisor import Program, Supervisor
home = Path(sys.argv[1])
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
programs = [Program(name=name, command=sleep) for name in ("one", "two")]
Supervisor(programs, logs=home, state=home / "state.json", say=print).run()
"""


def supervised(home: Path, code: str, rounds: Callable[[Supervisor, list[str]], None]) -> list[str]:
    said: list[str] = []
    program = Program(name="one", command=[sys.executable, "-c", code])
    supervisor = Supervisor([program], logs=home, state=home / "state.json", say=said.append)
    deadline = time.monotonic() + 15

    def look() -> None:
        assert time.monotonic() < deadline, said
        rounds(supervisor, said)

    supervisor.run(on_round=look)
    return said


def test_lines_are_passed_on_with_the_name_of_the_process(tmp_path):
    said = supervised(tmp_path, STEADY, lambda supervisor, said: supervisor.end() if said else None)
    assert said == ["one | here"]
    assert "here" in (tmp_path / "one.log").read_text()


def test_what_dies_is_started_again_within_two_seconds(tmp_path):
    killed: list[float] = []

    def look(supervisor: Supervisor, said: list[str]) -> None:
        if said.count("one | here") == 1 and not killed:
            os.kill(psutil.Process(supervisor.services[0].process.pid).children()[0].pid, signal.SIGKILL)
            killed.append(time.monotonic())
        if said.count("one | here") == 2:
            supervisor.end()

    said = supervised(tmp_path, STEADY, look)
    assert time.monotonic() - killed[0] < 2
    assert any("ended with status 137" in line for line in said)


def test_what_keeps_dying_is_started_ever_more_slowly():
    assert delay(1) < 0.5
    assert [delay(failures) for failures in (2, 3, 4, 9)] == [1, 2, 4, 30]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_supervisor(tmp_path, number):
    keeper = subprocess.Popen([sys.executable, "-c", KEEPER, str(tmp_path)])
    family = _family(keeper.pid, 5)
    os.kill(keeper.pid, number)
    keeper.wait(10)
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


def test_its_state_is_there_for_others_while_it_runs(tmp_path):
    seen: list[dict] = []

    def look(supervisor: Supervisor, said: list[str]) -> None:
        seen.append(json.loads((tmp_path / "state.json").read_text()))
        supervisor.end()

    supervised(tmp_path, STEADY, look)
    assert seen[0]["one"]["restarts"] == 0 and seen[0]["one"]["pid"]
    assert not (tmp_path / "state.json").exists()


def test_a_process_that_ignores_the_request_to_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("webapp.operations.supervisor.GRACE", 0.5)
    stubborn = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + STEADY
    began = time.monotonic()
    supervised(tmp_path, stubborn, lambda supervisor, said: supervisor.end() if said else None)
    assert time.monotonic() - began < 8


def test_what_runs_once_is_not_started_again_and_is_no_part_of_the_site(tmp_path):
    states: list[dict] = []

    def look(supervisor: Supervisor, said: list[str]) -> None:
        if len(supervisor.services) == 1:
            command = [sys.executable, "-c", "import os; print('set up', os.nice(0))"]
            supervisor.add(Program(name="set", command=command, once=True, niceness=19))
        states.append(json.loads((tmp_path / "state.json").read_text()))
        if any("ended with status 0" in line for line in said):
            supervisor.end()

    said = supervised(tmp_path, STEADY, look)
    assert [line for line in said if line.startswith("set |")][0] == "set | set up 19"
    assert all(set(state) == {"one"} for state in states)


def _family(pid: int, size: int) -> list[psutil.Process]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        members = psutil.Process(pid).children(recursive=True)
        if len(members) == size - 1:
            return members
        time.sleep(0.05)
    raise AssertionError("the processes did not start")
