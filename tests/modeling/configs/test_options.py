"""What a form is told about the settings."""

from __future__ import annotations

import subprocess
import sys

import pytest

from modeling.configs import TRAINABLE, options, read_settings
from modeling.errors import ConfigError

BOTH = [(task, model) for task, models in TRAINABLE.items() for model in models]


@pytest.mark.parametrize(("task", "model"), BOTH)
def test_every_option_says_what_it_is_and_takes_its_own_default(task: str, model: str) -> None:
    found = options(task, model, rows=5000, characters=300_000)
    assert all(option.help.endswith(".") and option.label for option in found)
    main = [option.name for option in found if option.main]
    assert 3 <= len(main) <= 6
    assert [option.name for option in found][: len(main)] == main
    given = {option.name: str(option.default) for option in found if option.default not in (None, "")}
    assert set(read_settings(task, model, given)) == set(given)


def test_the_help_is_the_line_under_the_field() -> None:
    by_name = {option.name: option for option in options("classification", "lstm", rows=100, characters=5000)}
    assert by_name["length"].help == "Most tokens of a text that are read."
    assert by_name["optimizer"].choices == ("adamw", "muon", "nt-asgd")
    assert by_name["bidirectional"].kind == "bool"
    assert by_name["steps"].kind == "int"
    assert by_name["learning_rate"].label == "Learning rate"


def test_defaults_follow_the_size_of_the_data() -> None:
    few, many = (
        {option.name: option.default for option in options("classification", "lstm", rows=rows, characters=90 * rows)}
        for rows in (1000, 100_000)
    )
    assert few["epochs"] > many["epochs"]


def test_what_the_weights_decide_is_not_asked_when_they_are_there_already() -> None:
    fresh = {option.name for option in options("generation", "decoder", rows=100, characters=10**6)}
    continued = {option.name for option in options("generation", "decoder", rows=100, characters=10**6, continued=True)}
    sizes = {"vocabulary_size", "width", "layers", "heads", "kv_heads", "hidden", "theta"}
    assert fresh - continued == sizes | {"vectors", "freeze_vectors"}
    reader = {option.name for option in options("question-answering", "bert", rows=100, characters=10**6)}
    assert not reader & {"width", "heads", "vocabulary_size"}


def test_what_needs_no_training_has_no_options() -> None:
    assert "onnx" not in TRAINABLE["classification"]
    with pytest.raises(ConfigError, match="cannot be trained"):
        options("classification", "onnx", rows=10, characters=100)


def test_a_site_without_torch_can_offer_them() -> None:
    code = ("import sys; import modeling.configs; "
            "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'onnx', 'onnxruntime')))")
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_what_is_counted_offers_no_settings_of_steps() -> None:
    names = {option.name for option in options("generation", "ngram", rows=100, characters=10_000)}
    assert {"order", "least", "tokenizer"} <= names and not {"epochs", "learning_rate", "batch_tokens"} & names
    ranking = {option.name for option in options("summarisation", "lexrank", rows=100, characters=10_000)}
    assert ranking == {"vectors", "smoothing", "vocabulary_size"}
