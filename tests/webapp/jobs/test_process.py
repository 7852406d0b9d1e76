"""Child processes and their leash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from webapp.jobs.kinds import KINDS
from webapp.jobs.process import ChildProcess

FAMILY = "import subprocess, time; subprocess.Popen(['sleep', '60']); time.sleep(60)"
STARTER = f"""
import time
from webapp.jobs.process import ChildProcess
child = ChildProcess([{sys.executable!r}, "-c", {FAMILY!r}], grace=0.5)
time.sleep(60)
"""


def python(code: str) -> ChildProcess:
    return ChildProcess([sys.executable, "-c", code])


def ended(child: ChildProcess) -> int:
    deadline = time.monotonic() + 15
    while (code := child.ended()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return code


def descendants(pid: int, count: int) -> list[psutil.Process]:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        found = psutil.Process(pid).children(recursive=True)
        if len(found) == count:
            return found
        time.sleep(0.02)
    raise AssertionError("not all processes have started")


def test_lines_come_whole_and_the_last_one_without_its_end():
    child = python("print('one'); print('two', end='')")
    code = ended(child)
    assert (code, child.lines()) == (0, ["one", "two"])
    child.close()


@pytest.mark.parametrize(("code", "status"), [("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", 137)])
def test_the_exit_status_is_the_commands_own(code, status):
    child = python(code)
    assert ended(child) == status
    child.close()


def test_a_command_that_does_not_exist_says_so():
    child = ChildProcess(["/no/such/command"])
    assert ended(child) == 127
    assert child.lines() == ["/no/such/command does not start: No such file or directory"]
    child.close()


def test_reading_never_waits_and_never_hoards_a_line_without_end():
    child = python("import time\nfor _ in range(100): print('x' * 100_000, end='', flush=True)\ntime.sleep(60)")
    deadline, pieces = time.monotonic() + 15, []
    while not pieces:
        assert time.monotonic() < deadline
        pieces += child.lines()
        time.sleep(0.02)
    assert set(pieces[0]) == {"x"}
    child.end(grace=2)
    child.close()


def test_what_a_command_leaves_behind_ends_with_it():
    child = python("import subprocess, time; subprocess.Popen(['sleep', '60']); time.sleep(0.3)")
    family = descendants(child.pid, 2)
    ended(child)
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive
    child.close()


def test_a_command_that_will_not_end_is_killed_after_its_grace():
    child = python("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(60)")
    while not child.lines():
        time.sleep(0.02)
    began = time.monotonic()
    child.end(grace=0.3)
    assert time.monotonic() - began < 5
    child.close()


def test_nobody_of_the_family_outlives_the_kill_of_the_starter():
    starter = subprocess.Popen([sys.executable, "-c", STARTER])
    family = descendants(starter.pid, 3)
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of the death of its parent")
def test_the_command_does_not_outlive_the_kill_of_its_leash():
    child = python("import time; time.sleep(60)")
    (command,) = descendants(child.pid, 1)
    time.sleep(0.3)
    os.kill(child.pid, signal.SIGKILL)
    command.wait(timeout=5)
    ended(child)
    child.close()


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="no groups of sessions here")
def test_the_whole_session_gives_way_and_not_only_the_command():
    child = ChildProcess([sys.executable, "-c", "print(open('/proc/self/autogroup').read())"], niceness=12)
    ended(child)
    assert "nice 12" in "".join(child.lines())
    child.close()


def test_a_file_keeps_what_nobody_read(tmp_path):
    output = tmp_path / "output"
    child = ChildProcess([sys.executable, "-c", "print('one'); print('two', end='')"], output=output)
    ended(child)
    assert output.read_text() == "one\ntwo"
    assert child.lines() == ["one", "two"]
    child.close()


def test_more_than_fits_into_one_look_comes_in_several(tmp_path):
    code = "for n in range(60_000): print(str(n).rjust(99))"
    child = ChildProcess([sys.executable, "-c", code], output=tmp_path / "output")
    ended(child)
    looks = [child.lines()]
    while child.more:
        looks.append(child.lines())
    assert len(looks) > 1 and [int(line) for lines in looks for line in lines] == list(range(60_000))
    child.close()


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="this system has no such order")
@pytest.mark.parametrize(("niceness", "first"), [(0, False), (12, True)])
def test_what_gives_way_is_the_first_to_go_when_memory_runs_out(niceness, first):
    child = ChildProcess([sys.executable, "-c", "print(open('/proc/self/oom_score_adj').read())"], niceness=niceness)
    ended(child)
    assert (int(child.lines()[0]) >= 500) is first
    child.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root takes niceness back")
def test_a_command_that_is_told_to_end_no_longer_gives_way():
    code = """import os, signal, time
def end(*_):
    time.sleep(0.5)
    print('now', os.nice(0))
    raise SystemExit
signal.signal(signal.SIGTERM, end)
print('up', flush=True)
time.sleep(60)"""
    child = ChildProcess([sys.executable, "-c", code], niceness=12)
    while not child.lines():
        time.sleep(0.02)
    child.end(grace=10)
    assert child.lines() == ["now 0"]
    child.close()


@pytest.mark.parametrize("kind", ["report", "artifact"])
def test_what_reads_strangers_files_has_limits(kind):
    assert KINDS[kind].memory and KINDS[kind].seconds
