"""People, and artifacts that need no model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from tests.webapp.assistants.folders import write
from webapp.accounts.models import Role, User
from webapp.training.models import Artifact
from webapp.training.services import register_artifact


@pytest.fixture
def trainer(db: None) -> User:
    return get_user_model().objects.create_user("tess", role=Role.TRAINER)


@pytest.fixture
def other(db: None) -> User:
    return get_user_model().objects.create_user("theo", role=Role.TRAINER)


@pytest.fixture
def artifact(tmp_path: Path, trainer: User) -> Callable[..., Artifact]:
    """Makes artifacts: `artifact("name", task="generation", config={...})`."""

    def make(name: str, *, task: str = "classification", owner: User | None = None, **manifest: Any) -> Artifact:
        folder = write(tmp_path / "artifacts" / name, task=task, **manifest)
        return register_artifact(path=folder, owner=owner or trainer, origin="training", name=name)

    return make
