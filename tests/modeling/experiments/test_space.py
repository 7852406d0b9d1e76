"""What a search may vary."""

from __future__ import annotations

import pytest

from modeling.errors import ConfigError
from modeling.experiments import read_space


def test_ranges_and_choices_are_read_by_the_types_of_the_settings() -> None:
    found = read_space("classification", "lstm", {"learning_rate": "1e-4..1e-2:log", "hidden": "16..64",
                                                  "bidirectional": "true|false"})
    rate = found["learning_rate"]
    assert (rate.kind, rate.log, rate.low) == ("float", True, 1e-4)
    assert (found["hidden"].kind, found["hidden"].low, found["hidden"].high) == ("int", 16, 64)
    assert found["bidirectional"].choices == ("true", "false")


@pytest.mark.parametrize(("name", "text"), [
    ("learning_rate", "1e-2..1e-4"), ("learning_rate", "-1..1"), ("learning_rate", "0.001"), ("hidden", "0..64"),
    ("hidden", "a..b"), ("stepz", "1..3"), ("hidden", "16..64:loud"), ("optimizer", "adamw|sgd"),
    ("bidirectional", "false..true"), ("dropout", "0..0.5:log"),
])  # fmt: skip
def test_a_bad_range_names_its_setting(name: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_space("classification", "lstm", {name: text})
    assert caught.value.field == name


def test_a_search_without_ranges_is_none() -> None:
    with pytest.raises(ConfigError, match="nothing to vary"):
        read_space("classification", "lstm", {})
