"""Options are read from forms, and never trusted."""

from __future__ import annotations

from typing import Any

import pytest

from modeling.errors import ConfigError, RequestError
from webapp.assistants.models import Assistant
from webapp.chat.options import cleaned, request_for, require_whole


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


def test_a_visitors_own_terms_take_the_place_of_the_assistants_and_hold_in_their_direction() -> None:
    assistant = translator("en-fr", "fr-en")
    assistant.defaults = {"glossary": [["Fox", "renard"], ["owl", "hibou"]]}
    chosen = cleaned(assistant, {"direction": "en-fr", "terms": "fox = goupil\n\nhen=poule"})
    require_whole(chosen)
    assert request_for(assistant, "The fox", chosen, ()).glossary == (
        ("fox", "goupil"), ("hen", "poule"), ("owl", "hibou"))
    back = cleaned(assistant, {"direction": "fr-en", "terms": "poule=hen"})
    assert request_for(assistant, "Le renard", back, ()).glossary == (
        ("poule", "hen"), ("renard", "Fox"), ("hibou", "owl"))


@pytest.mark.parametrize(("raw", "told"), [
    ("fox", "Line 1"), ("a=b\nfox=", "Line 2"), ("a=b\n" * 21, "At most 20"), ("a=" + "b" * 5000, "2000 characters"),
    ("a=\0", "Line 1"), ("a=\ud800", "Line 1"), ("a=" + "b" * 201, "more than 200"),
])
def test_terms_that_cannot_be_are_refused_before_anything_is_written(raw: str, told: str) -> None:
    with pytest.raises(RequestError, match=told):
        require_whole(cleaned(translator("en-fr"), {"terms": raw}))


@pytest.mark.parametrize("raw", [None, 7, ["a=b"], {"a": "b"}, " \n "])
def test_terms_of_another_kind_count_as_not_set(raw: Any) -> None:
    assert cleaned(translator("en-fr"), {"terms": raw}) == {"direction": "en-fr"}
