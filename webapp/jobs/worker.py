"""Who works on a job, said so that others on the same machine can prove that he is dead."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

import psutil


@cache
def this_machine() -> str:
    """The machine, its boot and its space of process ids: only within it does a process id mean anything."""
    facts = [socket.gethostname()[:63]]
    try:
        facts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8])
        facts.append(os.readlink("/proc/self/ns/pid").strip("pid:[]"))
    except OSError:  # not Linux
        facts.append(f"{psutil.boot_time():.0f}")
    return "/".join(facts)


def this_worker() -> str:
    """This process: machine, process id, start."""
    return f"{this_machine()}:{process(os.getpid())}"


def process(pid: int) -> str:
    """A living process as its id and its start, which no later process with the same id shares."""
    return f"{pid}:{_start(pid)}"


def is_dead(worker: str) -> bool:
    """Whether that worker ran on this machine and certainly runs no more. False where that cannot be known."""
    machine, _, named = worker.partition(":")
    return machine == this_machine() and has_ended(named)


def has_ended(named: str) -> bool:
    """Whether a process of this machine, as `process` names it, is gone. An empty name was never one."""
    pid, _, start = named.partition(":")
    return not pid.isdigit() or _start(int(pid)) != start


def _start(pid: int) -> str:
    """The start of a process in the units of the system, which a change of the clock does not move; "" when gone."""
    try:
        if not Path("/proc/self/stat").exists():
            found = psutil.Process(pid)
            return "" if found.status() == psutil.STATUS_ZOMBIE else str(found.create_time())
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except (OSError, psutil.Error):
        return ""
