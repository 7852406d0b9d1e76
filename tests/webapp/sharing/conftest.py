"""A trainer, an assistant, and links to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from webapp.accounts.models import Role, User
from webapp.assistants.models import Assistant, Visibility
from webapp.sharing.models import ShareLink
from webapp.sharing.services import Terms, make_link

MakeLink = Callable[..., ShareLink]


@pytest.fixture
def trainer(db: None) -> User:
    return User.objects.create_user("tina", password="a long enough one", role=Role.TRAINER)


@pytest.fixture
def assistant(trainer: User) -> Assistant:
    return Assistant.objects.create(
        slug="poet", name_en="Poet", task="generation", artifact="/nowhere", owner=trainer,
        visibility=Visibility.PRIVATE)


@pytest.fixture
def link_to(trainer: User, assistant: Assistant) -> MakeLink:
    """Makes a link of the trainer's; `password` and what `Terms` takes."""

    def make(password: str = "", **terms: Any) -> ShareLink:
        return make_link(owner=trainer, assistant=assistant, terms=Terms(**terms), password=password)

    return make
