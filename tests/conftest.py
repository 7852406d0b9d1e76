"""What all tests share: a home of their own, the public datasets where they are, limits of the outside world."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest

ROOT = Path(__file__).resolve().parent.parent
ON_POSTGRES = "PARLEY_TEST_DATABASE_URL" in os.environ
HOME = Path(tempfile.mkdtemp(prefix="parley-tests-"))
for name in ("HOST", "PORT", "PARLEY_PUBLIC_URL", "PARLEY_DEBUG", "PARLEY_METRICS_TOKEN", "PARLEY_LOG", "DATABASE_URL"):
    os.environ.pop(name, None)
if ON_POSTGRES:  # by `python -m tests.postgres`; sites that tests start keep to a SQLite of their own
    os.environ["DATABASE_URL"] = os.environ["PARLEY_TEST_DATABASE_URL"]
os.environ.update(
    PARLEY_HOME=str(HOME), OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", DJANGO_SETTINGS_MODULE="webapp.settings"
)
django.setup()  # here and not by pytest-django, which would read the settings before the home is set
os.environ.pop("DATABASE_URL", None)


def pytest_configure(config: pytest.Config) -> None:
    """Compiled catalogs, so that pages come in both languages; passwords that cost nothing."""
    from django.conf import settings
    from django.core.management import call_command

    if config.getoption("numprocesses", None):  # its workers begin as this did, each with a home of its own
        os.environ.pop("DJANGO_SETTINGS_MODULE")

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("compilecatalogs", verbosity=0)


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    shutil.rmtree(HOME, ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked `gpu` run where there is one. On PostgreSQL only what touches the database runs again."""
    if ON_POSTGRES:
        config.hook.pytest_deselected(items=[item for item in items if not _touches_database(item)])
        items[:] = filter(_touches_database, items)
    if not shutil.which("nvidia-smi"):
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs an NVIDIA GPU"))


def _touches_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    touches = item.get_closest_marker("django_db") or fixtures & {"db", "transactional_db"}
    return bool(touches) and "site" not in fixtures and not item.get_closest_marker("once")


@pytest.fixture(scope="session", autouse=True)
def _quick_flush() -> None:
    """On PostgreSQL, empty tables after a test by DELETE: TRUNCATE makes new files for each table and index."""
    from django.db import connection

    def sql_flush(_style: Any, tables: list[str], **_how: Any) -> list[str]:
        emptied = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables]  # noqa: S608 - our own names
        return ["SET session_replication_role = replica", *emptied, "SET session_replication_role = DEFAULT"]

    if ON_POSTGRES:
        connection.ops.sql_flush = sql_flush


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of public datasets: PARLEY_DATA, or ../shared/data. Skips where there is none."""
    folder = Path(os.environ.get("PARLEY_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no public datasets: set PARLEY_DATA to their folder")
    return folder


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    """Counters of attempts, and the language of a page that was asked for, never reach another test."""
    from django.core.cache import cache
    from django.utils import translation

    cache.clear()
    translation.deactivate()
    yield


class Faults(logging.Handler):
    """Keeps what Django says about requests that ended with a fault of ours."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """See Handler."""
        self.said.append(record.getMessage())


@pytest.fixture(autouse=True)
def _no_page_breaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """A page that ends with status 500 fails the test that asked for it, unless it is marked `breaks`."""
    faults, logger = Faults(), logging.getLogger("django.request")
    logger.addHandler(faults)
    yield
    logger.removeHandler(faults)
    if faults.said and not request.node.get_closest_marker("breaks"):
        pytest.fail(f"a page broke: {faults.said}")
