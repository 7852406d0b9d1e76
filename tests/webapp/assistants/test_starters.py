"""The artifacts that ship become assistants."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from modeling.retrieval import PassageIndex
from tests.webapp.assistants.folders import write
from webapp.assistants import services
from webapp.assistants.models import Assistant, AssistantVersion
from webapp.assistants.starters import INTRODUCTIONS
from webapp.training.models import Artifact


@pytest.fixture
def starters(tmp_path: Path) -> Path:
    folder = tmp_path / "starters"
    write(folder / "en-fr", task="translation", config={"directions": ["en-fr", "fr-en"]})
    write(folder / "squad-reader", task="question-answering")
    write(folder / "own-model", task="generation", defaults={"temperature": 0.7})
    (folder / "documents").mkdir()
    (folder / "documents" / "tea.md").write_text("# Tea\n\nTea is a drink.\n")
    return folder


def register(folder: Path) -> None:
    call_command("registerstarters", folder=folder, verbosity=0)


@pytest.mark.django_db
def test_each_artifact_becomes_an_assistant_with_its_words(starters: Path) -> None:
    register(starters)
    french = Assistant.objects.get(slug="en-fr")
    assert (french.name_en, french.directions) == ("English and French", ["en-fr", "fr-en"])
    own = Assistant.objects.get(slug="own-model")
    assert (own.name_en, own.defaults) == ("Own model", {"temperature": 0.7})
    reader = Assistant.objects.get(slug="squad-reader")
    assert PassageIndex.load(reader.documents[0]).search("tea")


@pytest.mark.django_db
def test_registering_again_keeps_what_an_admin_wrote(starters: Path) -> None:
    register(starters)
    Assistant.objects.filter(slug="en-fr").update(name_en="French", published=False)
    register(starters)
    french = Assistant.objects.get(slug="en-fr")
    assert (french.name_en, french.published) == ("French", False)


@pytest.mark.django_db
def test_an_assistant_whose_artifact_is_gone_is_not_offered(starters: Path) -> None:
    register(starters)
    (starters / "en-fr" / "manifest.json").unlink()
    register(starters)
    assert "en-fr" not in [one.slug for one in Assistant.objects.visible_to(None)]


@pytest.mark.django_db
def test_registering_again_changes_nothing_that_is_right(starters: Path) -> None:
    register(starters)
    before = [list(model.objects.values()) for model in (Assistant, AssistantVersion, Artifact)]
    register(starters)
    assert [list(model.objects.values()) for model in (Assistant, AssistantVersion, Artifact)] == before
    assert {artifact.origin for artifact in Artifact.objects.all()} == {"starter"}


@pytest.mark.django_db
def test_what_an_admin_promoted_stays_when_the_starter_changes(starters: Path, artifact: Callable[..., Any]) -> None:
    register(starters)
    french = Assistant.objects.get(slug="en-fr")
    better = artifact("better", task="translation", config={"directions": ["en-fr"]})
    services.promote(assistant=french, artifact=better, by=None)
    shutil.rmtree(starters / "en-fr")
    write(starters / "en-fr", task="translation", config={"directions": ["fr-en"]}, languages=["fr"])
    register(starters)
    french.refresh_from_db()
    assert (french.artifact, french.directions) == (better.path, ["en-fr"])
    services.roll_back(assistant=french, by=None)
    assert (french.artifact, french.directions) == (str(starters / "en-fr"), ["fr-en"])


@pytest.mark.django_db
def test_an_installation_that_moved_finds_its_starters_again(starters: Path, tmp_path: Path) -> None:
    register(starters)
    moved = starters.rename(tmp_path / "elsewhere")
    register(moved)
    assert Artifact.objects.count() == AssistantVersion.objects.count() == Assistant.objects.count() == 3
    assert Assistant.objects.get(slug="en-fr").artifact == str(moved / "en-fr")


@pytest.mark.django_db
def test_an_assistant_from_before_there_were_versions_gets_one(starters: Path) -> None:
    Assistant.objects.create(slug="en-fr", name_en="My French", task="translation", artifact="/old/en-fr")
    register(starters)
    french = Assistant.objects.get(slug="en-fr")
    assert (french.name_en, french.current.number, french.artifact) == ("My French", 1, str(starters / "en-fr"))


@pytest.mark.parametrize("name", INTRODUCTIONS)
def test_every_introduction_is_whole_in_both_languages(name: str) -> None:
    intro = INTRODUCTIONS[name]
    assert intro.name_en and intro.name_zh and intro.welcome_en and intro.welcome_zh
    assert len(intro.examples) == 3
