"""A sentence autoencoder in the chat: its composer asks for what each mode needs."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from modeling.errors import RequestError
from modeling.inference import Latent
from webapp.assistants import models
from webapp.assistants.models import Assistant
from webapp.chat import options
from webapp.chat.models import USER, Message
from webapp.chat.presentation import present

pytestmark = pytest.mark.django_db


@pytest.fixture
def assistant(monkeypatch: pytest.MonkeyPatch) -> Assistant:
    monkeypatch.setattr(models, "model_in", lambda folder: "vae")
    return Assistant(task="generation", artifact="/nowhere", defaults={"temperature": 0.0})


def asked(assistant: Assistant, **raw: Any) -> Latent | None:
    return options.request_for(assistant, "One.", options.cleaned(assistant, raw), ()).latent


def test_each_mode_becomes_what_the_engine_is_asked(assistant: Assistant) -> None:
    assert asked(assistant) == Latent(mode="sample", lines=8)
    assert asked(assistant, mode="reconstruct", second="not used") == Latent(mode="reconstruct")
    assert asked(assistant, mode="interpolate", second=" Two. ", lines="99", path="linear") == Latent(
        mode="interpolate", second="Two.", lines=16, path="linear")


@pytest.mark.parametrize("raw", [{"mode": ["x"]}, {"mode": "interpolate", "second": 7}, {"lines": "many"}])
def test_what_is_no_option_counts_as_not_set(assistant: Assistant, raw: dict[str, Any]) -> None:
    found = asked(assistant, **raw)
    assert found is not None and found.lines == 8 and found.second == ""


def test_another_language_model_knows_no_modes(assistant: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "model_in", lambda folder: "lstm")
    assert asked(assistant, mode="interpolate", second="Two.") is None


def test_a_way_without_its_other_end_is_refused(assistant: Assistant) -> None:
    with pytest.raises(RequestError, match="other end"):
        options.require_whole(options.cleaned(assistant, {"mode": "interpolate", "second": "  "}))
    options.require_whole(options.cleaned(assistant, {"mode": "sample"}))


def test_the_composer_offers_the_modes_and_a_question_shows_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "model_in", lambda folder: "vae")
    Assistant.objects.create(slug="sentences", name_en="Sentences", task="generation", artifact="/nowhere")
    page = Client().get("/?assistant=sentences").content.decode()
    assert all(f'value="{mode}"' in page for mode in options.MODES) and 'name="second"' in page
    message = Message(pk=1, role=USER, text="One.", options={"mode": "interpolate", "second": "Two."})
    assert present(message, task="generation")["options"]["second"] == "Two."
