"""The database of DATABASE_URL, or SQLite in the site's home."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

POSTGRES = "django.db.backends.postgresql"


def database(url: str, home: Path) -> dict[str, Any]:
    """Django's settings of the one database. Raises ImproperlyConfigured for what is neither SQLite nor PostgreSQL."""
    if not url:
        return _sqlite(home / "db.sqlite3", home)
    try:
        settings: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError as fault:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {fault}") from None
    if settings["ENGINE"] == POSTGRES:
        return _postgres(settings)
    if settings["ENGINE"] == "django.db.backends.sqlite3" and settings["NAME"]:
        return _sqlite(Path(settings["NAME"]), home)
    raise ImproperlyConfigured(
        "DATABASE_URL must look like postgres://user:password@host:5432/name; without it, SQLite is used."
    )


def _sqlite(path: Path, home: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "TEST": {"NAME": home / "test.sqlite3"},  # in memory, locks differ
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def _postgres(settings: dict[str, Any]) -> dict[str, Any]:
    """A connection for each piece of work: pages and sockets run in ever new threads, and one that was kept for each
    thread, or borrowed from a pool and not given back, would be lost with it."""
    return {**settings, "CONN_MAX_AGE": 0}
