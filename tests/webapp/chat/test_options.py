"""Options are read from forms, and never trusted."""

from __future__ import annotations

from typing import Any

import pytest

from modeling.errors import ConfigError
from webapp.assistants.models import Assistant
from webapp.chat.options import cleaned, request_for


def translator(*directions: str) -> Assistant:
    return Assistant(task="translation", artifact="x", directions=list(directions))


@pytest.mark.parametrize(("wanted", "text", "direction"), [
    ("en-zh", "Good morning", "en-zh"), ("en-zh", "早上好", "zh-en"), ("zh-en", "Good morning", "en-zh"),
    ("zh-en", "早上好 OK", "zh-en"), ("nonsense", "Good morning", "en-zh"), (None, "", "en-zh"),
])
def test_the_direction_follows_the_writing_where_it_is_plain(wanted: Any, text: str, direction: str) -> None:
    assert cleaned(translator("en-zh", "zh-en"), {"direction": wanted}, text) == {"direction": direction}


def test_a_model_with_one_direction_keeps_to_it() -> None:
    assert cleaned(translator("en-zh"), {}, "早上好") == {"direction": "en-zh"}
    assert cleaned(translator(), {}, "x") == {}


@pytest.mark.parametrize(("raw", "sentences"), [({}, 3), ({"sentences": "7"}, 7), ({"sentences": "1e9"}, 10),
                                               ({"sentences": "nan"}, 3), ({"sentences": [1]}, 3)])
def test_numbers_stay_within_their_range(raw: dict[str, Any], sentences: int) -> None:
    assert cleaned(Assistant(task="summarisation"), raw) == {"sentences": sentences}


def test_the_assistants_defaults_reach_the_engine_and_unknown_ones_do_not() -> None:
    assistant = Assistant(task="generation", artifact="x", defaults={"top_k": 8, "stop": ["\n\n"], "colour": "red"})
    sampling = request_for(assistant, "text", {"temperature": 0.5}, ()).sampling
    assert (sampling.top_k, sampling.stop, sampling.temperature) == (8, ("\n\n",), 0.5)
    with pytest.raises(ConfigError):
        request_for(Assistant(task="generation", artifact="x", defaults={"top_k": 999}), "text", {}, ())
