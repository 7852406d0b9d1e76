"""Putting a backup in the place of a site. Nothing is deleted: what was there is set aside under another name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psutil
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from modeling.errors import DataError, ParleyError
from webapp.operations import backups

TRIVIAL = ("secret.key", "logs")  # what a home may hold in which no site has been
CLOCK = 5.0  # seconds by which a process's start and the record of it may differ


def restore(source: Path, *, force: bool = False) -> list[str]:
    """Put a backup into this home and this database, whatever database it came from. Returns what was set aside.

    Looks first at everything that could be in the way: the backup's bytes, a running site, a site that is there (unless
    `force`). Raises ParleyError; nothing has been changed then.
    """
    manifest = backups.verified(source)
    _require_known(manifest["migrations"])
    _require_standstill()
    occupied = [*_in_home(), *_in_database()]
    if occupied and not force:
        raise ParleyError(f"Something is here already: {', '.join(occupied)}",
                          remedy="With --force it is set aside, not deleted, and the backup takes its place")
    with tempfile.TemporaryDirectory(dir=settings.HOME, prefix=".restore-") as name:
        backups.extract(source, Path(name))
        (Path(name) / "migrations.json").write_text(json.dumps(manifest["migrations"]))
        return _exchange(Path(name), aside=f"before-{datetime.now(UTC):%Y%m%d-%H%M%S}")


def _require_known(migrations: dict[str, list[str]]) -> None:
    known = set(MigrationLoader(None).graph.nodes)
    if newer := [f"{app}.{name}" for app, names in migrations.items() for name in names if (app, name) not in known]:
        raise DataError(f"The backup is of a newer Parley: it knows {newer[0]}", remedy="Restore it with that version")


def _require_standstill() -> None:
    if running := [name for name, pid in _recorded().items() if pid]:
        raise ParleyError(f"The site is running here: {', '.join(running)}", remedy="Stop it first")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                           "AND pid <> pg_backend_pid() AND backend_type = 'client backend'")
            if others := cursor.fetchone()[0]:
                raise ParleyError(f"The database is in use: {others} connections", remedy="Stop what uses it first")


def _recorded() -> dict[str, int | None]:
    """The programs of the supervisor's record, with the process id of those that still run."""
    try:
        states = json.loads((settings.HOME / "processes.json").read_text())
    except (OSError, ValueError):
        return {}
    return {name: state["pid"] if _is(state["pid"], state["started"]) else None for name, state in states.items()}


def _is(pid: int | None, started: float | None) -> bool:
    """Whether this process id still belongs to the process that was started then."""
    try:
        return bool(pid and started and abs(psutil.Process(pid).create_time() - started) < CLOCK)
    except psutil.NoSuchProcess:
        return False


def _in_home() -> list[str]:
    return sorted(path.name for path in settings.HOME.iterdir()
                  if path.name not in TRIVIAL and not path.name.startswith((".", "before-")))


def _in_database() -> list[str]:
    """Tables of a server; the file of SQLite lies in the home."""
    if connection.vendor != "postgresql":
        return []
    tables = connection.introspection.table_names()
    return [f"{len(tables)} tables in the database"] if tables else []


def _exchange(folder: Path, *, aside: str) -> list[str]:
    """Load the rows, then let old and new files change places."""
    told, schema = [], aside.replace("-", "_") if _in_database() else ""
    if schema:
        _set_aside(schema)
        told.append(f"the old tables are in the schema {schema}")
    connection.close()
    try:
        _load(folder)
    except ParleyError:
        _take_back(schema)
        raise
    if _in_home():
        old = settings.HOME / aside
        old.mkdir(mode=0o700)
        for path in list(settings.HOME.iterdir()):
            if path.name not in (old.name, folder.name, "logs"):
                path.rename(old / path.name)
        told.append(f"the old files are in {old}")
    for path in (folder / "home").iterdir():
        path.rename(settings.HOME / path.name)
    return told


def _load(folder: Path) -> None:
    """In a process whose home is the new one, so that nothing of the old site is touched by mistake."""
    home = folder / "home"
    home.mkdir(exist_ok=True, mode=0o700)
    command = [sys.executable, str(settings.ROOT / "manage.py"), "loadrows", str(folder), "--home", str(settings.HOME)]
    ran = subprocess.run(command, env={**os.environ, "PARLEY_HOME": str(home)}, capture_output=True, text=True)
    if ran.returncode:
        raise DataError(f"The rows could not be loaded: {ran.stderr.strip()[-800:]}", remedy=backups.ANOTHER)


def _set_aside(schema: str) -> None:
    quoted = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        name = cursor.fetchone()[0]
        cursor.execute(f"ALTER SCHEMA {quoted(name)} RENAME TO {quoted(schema)}")
        cursor.execute(f"CREATE SCHEMA {quoted(name)}")


def _take_back(schema: str) -> None:
    """After a load that failed: the new tables go, the old ones return."""
    if connection.vendor != "postgresql":
        return
    quoted = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        name = cursor.fetchone()[0]
        cursor.execute(f"DROP SCHEMA {quoted(name)} CASCADE")
        cursor.execute(f"ALTER SCHEMA {quoted(schema)} RENAME TO {quoted(name)}" if schema
                       else f"CREATE SCHEMA {quoted(name)}")
