"""Figures as people read them."""

from __future__ import annotations

import pytest

from webapp.training.figures import deciding, figure_text, flat, name_of


@pytest.mark.parametrize(("name", "value", "interval", "text"), [
    ("accuracy", 0.941, [0.928, 0.952], "94.1 % (92.8 to 95.2)"), ("f1", 81.06, None, "81.1 %"),
    ("bleu", 32.44, [30.0, 35.25], "32.4 (30 to 35.2)"), ("sentences", 12_000, None, "12,000"),
    ("f1/spam", 0.5, None, "50.0 %"), ("perplexity", float("nan"), None, "–"),
])
def test_shares_are_told_as_per_cent(name, value, interval, text):
    assert figure_text(name, value, interval) == text


def test_names_are_words():
    words = {"loss_en-zh": "Loss en-zh", "macro_f1": "Macro-F1", "f1/ham": "F1 ham",
             "directions/en-zh/bleu": "BLEU en-zh", "perplexity": "Perplexity", "own": "own"}
    assert {name: name_of(name) for name in words} == words


def test_nested_figures_are_flat_and_texts_left_out():
    assert list(flat({"a": {"b": 1, "c": "x"}, "d": True, "e": 2.5})) == [("a/b", 1), ("e", 2.5)]


def test_the_deciding_figure_is_the_first_that_the_task_names():
    assert deciding("translation", {"chrf": 50.0, "bleu": 30.0}) == ("bleu", 30.0)
    assert deciding("translation", {}) is None
