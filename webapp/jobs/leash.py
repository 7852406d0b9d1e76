"""Runs a command that cannot outlive its starter. Standard library only: `python -I -S leash.py [...] -- COMMAND`.

The starter makes this process the leader of a new session and keeps the writing end of a pipe that is its standard
input. When the starter dies, even by kill -9, the pipe closes; then the whole process group is told to end, and killed
after `--grace` seconds. When the command ends by itself its exit status is passed on, and the starter kills what is
left of the group (process.py, the one that starts leashes).
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
AUTOGROUP = "/proc/self/autogroup"
FIRST_TO_GO = ("/proc/self/oom_score_adj", "500")  # when memory runs out, before the site itself


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--grace", type=float, default=5.0)
    parser.add_argument("--niceness", type=int, default=0)
    parser.add_argument("--memory", type=int, default=0)
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def _give_way(niceness: int) -> None:
    """Where Linux shares the processor among sessions first, niceness counts within a session only; then the session
    needs its own. The system takes one such wish in a tenth of a second."""
    for _ in range(5):
        try:
            with open(AUTOGROUP, "w") as file:
                file.write(str(niceness))
            return
        except BlockingIOError:
            time.sleep(0.11)
        except OSError:  # not there, or not permitted
            return


def _hurry() -> None:
    """Who was told to end has something to save: no more giving way, where the system lets us take that back."""
    _give_way(0)
    with contextlib.suppress(PermissionError):  # it is root's right
        os.setpriority(os.PRIO_PGRP, 0, 0)


def _become(options: argparse.Namespace) -> None:
    """In the child: limits, then the command."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":  # the leash itself may be killed with -9
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.nice(options.niceness)
    if options.niceness > 0:
        with contextlib.suppress(OSError), open(FIRST_TO_GO[0], "w") as file:  # not there, or not permitted
            file.write(FIRST_TO_GO[1])
    if options.memory and sys.platform != "darwin":  # where the system knows this limit and refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (options.memory, options.memory))
    try:
        os.execvp(options.command[0], options.command)  # noqa: S606 - no shell is what we want
    except OSError as fault:
        sys.stderr.write(f"{options.command[0]} does not start: {fault.strerror}\n")
        os._exit(127)


def _await(child: int, wakeup: int) -> int:
    """Wait for the child's end or the starter's. Returns the wait status; ends the whole group in the second case."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        readable, _, _ = select.select([0, wakeup], [], [])
        if wakeup in readable:
            os.read(wakeup, 512)
        if 0 in readable and not os.read(0, 512):
            return -1


def _end_group(grace: float, child: int) -> None:
    os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and os.waitpid(child, os.WNOHANG)[0] == 0:
        time.sleep(0.05)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Start the command and stay until it or the starter is gone."""
    options = _arguments()
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _hurry())  # the command gets it too: the whole group does
    if options.niceness:
        _give_way(options.niceness)
    child = os.fork()
    if child == 0:
        _become(options)
    status = _await(child, readable)
    if status == -1:
        _end_group(options.grace, child)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
