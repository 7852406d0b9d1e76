"""What all tests share: a home of their own, the public datasets where they are, limits of the outside world."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import pytest

ROOT = Path(__file__).resolve().parent.parent
HOME = Path(tempfile.mkdtemp(prefix="parley-tests-"))
for name in ("HOST", "PORT", "PARLEY_PUBLIC_URL", "PARLEY_DEBUG", "PARLEY_METRICS_TOKEN"):
    os.environ.pop(name, None)
os.environ.update(
    PARLEY_HOME=str(HOME), OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", DJANGO_SETTINGS_MODULE="webapp.settings"
)
django.setup()  # here and not by pytest-django, which would read the settings before the home is set


def pytest_configure() -> None:
    """Compiled catalogs, so that pages come in both languages; passwords that cost nothing."""
    from django.conf import settings
    from django.core.management import call_command

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("compilecatalogs", verbosity=0)


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    shutil.rmtree(HOME, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `gpu` run where there is one."""
    if not shutil.which("nvidia-smi"):
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs an NVIDIA GPU"))


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of public datasets: PARLEY_DATA, or ../shared/data. Skips where there is none."""
    folder = Path(os.environ.get("PARLEY_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no public datasets: set PARLEY_DATA to their folder")
    return folder


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    """Counters of attempts and the like never reach another test."""
    from django.core.cache import cache

    cache.clear()
    yield
