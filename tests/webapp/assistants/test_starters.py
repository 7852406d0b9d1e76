"""The artifacts that ship become assistants."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import call_command

from modeling.retrieval import PassageIndex
from webapp.assistants.models import Assistant
from webapp.assistants.starters import INTRODUCTIONS


@pytest.fixture
def starters(tmp_path: Path) -> Path:
    folder = tmp_path / "starters"
    for name, manifest in {
        "en-fr": {"task": "translation", "config": {"directions": ["en-fr", "fr-en"]}},
        "squad-reader": {"task": "question-answering"},
        "own-model": {"task": "generation", "defaults": {"temperature": 0.7}},
    }.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "manifest.json").write_text(json.dumps(manifest))
    (folder / "documents").mkdir()
    (folder / "documents" / "tea.md").write_text("# Tea\n\nTea is a drink.\n")
    return folder


@pytest.mark.django_db
def test_each_artifact_becomes_an_assistant_with_its_words(starters: Path) -> None:
    call_command("registerstarters", folder=starters, verbosity=0)
    french = Assistant.objects.get(slug="en-fr")
    assert (french.name_en, french.directions) == ("English and French", ["en-fr", "fr-en"])
    own = Assistant.objects.get(slug="own-model")
    assert (own.name_en, own.defaults) == ("Own model", {"temperature": 0.7})
    reader = Assistant.objects.get(slug="squad-reader")
    assert PassageIndex.load(reader.documents[0]).search("tea")


@pytest.mark.django_db
def test_registering_again_keeps_what_an_admin_wrote(starters: Path) -> None:
    call_command("registerstarters", folder=starters, verbosity=0)
    Assistant.objects.filter(slug="en-fr").update(name_en="French", published=False)
    call_command("registerstarters", folder=starters, verbosity=0)
    french = Assistant.objects.get(slug="en-fr")
    assert (french.name_en, french.published) == ("French", False)


@pytest.mark.django_db
def test_an_assistant_whose_artifact_is_gone_is_not_offered(starters: Path) -> None:
    call_command("registerstarters", folder=starters, verbosity=0)
    (starters / "en-fr" / "manifest.json").unlink()
    call_command("registerstarters", folder=starters, verbosity=0)
    assert "en-fr" not in [one.slug for one in Assistant.objects.visible_to(None)]


@pytest.mark.parametrize("name", INTRODUCTIONS)
def test_every_introduction_is_whole_in_both_languages(name: str) -> None:
    intro = INTRODUCTIONS[name]
    assert intro.name_en and intro.name_zh and intro.welcome_en and intro.welcome_zh
    assert len(intro.examples) == 3
