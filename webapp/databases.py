"""The database of DATABASE_URL, or SQLite in the site's home."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

POSTGRES = "django.db.backends.postgresql"
REPLACEMENT = "\ufffd"
ESCAPED_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")  # in JSON, after any number of escaped backslashes


def database(url: str, home: Path) -> dict[str, Any]:
    """Django's settings of the one database. Raises ImproperlyConfigured for another address than PostgreSQL's."""
    if not url:
        return _sqlite(home)
    try:
        settings: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError as fault:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {fault}") from None
    if settings["ENGINE"] != POSTGRES:
        raise ImproperlyConfigured(
            "DATABASE_URL must look like postgres://user:password@host:5432/name; without it, SQLite is used."
        )
    # A connection for each piece of work: pages and sockets run in ever new threads, and one that was kept for each
    # thread, or borrowed from a pool and not given back, would be lost with it.
    return {**settings, "CONN_MAX_AGE": 0}


def _sqlite(home: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": home / "db.sqlite3",
        "TEST": {"NAME": home / "test.sqlite3"},  # in memory, locks differ
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def take_nul(connection: Any, **_: Any) -> None:
    """Let PostgreSQL take text with NUL characters, which it refuses, as U+FFFD: people paste them, models write them.

    For the signal `connection_created`.
    """
    if connection.vendor != "postgresql":
        return
    from psycopg.types.json import Jsonb, JsonbDumper  # noqa: PLC0415 - PostgreSQL only
    from psycopg.types.string import StrDumper  # noqa: PLC0415

    class Text(StrDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", REPLACEMENT))

    class Json(JsonbDumper):
        def dump(self, obj: Any) -> Any:
            return ESCAPED_NUL.sub(rb"\1\\ufffd", bytes(super().dump(obj) or b"null"))

    adapters = connection.connection.adapters
    adapters.register_dumper(str, Text)
    adapters.register_dumper(Jsonb, Json)
