"""Cards and logs speak their reader's language."""

from __future__ import annotations

import re
from pathlib import Path

from django.utils.translation import override

from modeling.inference import adoption
from modeling.inference.adoption import Adoption
from modeling.training.card import model_card
from modeling.training.trained import TrainedModel
from webapp.training.cards import in_readers_language
from webapp.training.presentation import sentence


def card() -> str:
    import torch

    lineage = {"rows": {"train": 80, "validation": 10, "test": 10}, "seed": 3, "data": [], "validation": [], "test": [],
               "settings": {"epochs": 2.0}}
    result = TrainedModel(
        task="classification", model="lstm", config=None, module=torch.nn.Linear(3, 2), tokenizer=None,  # type: ignore[arg-type]
        labels=["a", "b"], preprocessing={"text": {"html": True, "stop_added": ["the"] * 30, "words": ["x", "y"]}},
        metrics={"accuracy": 0.5}, lineage=lineage, card="", test_rows=[], languages=("en", "zh"))
    return model_card(result, name="Tickets", about="## Data\n\nMeasured on our own desks.", storage="int8")


def test_a_card_is_chinese_for_chinese_readers_except_for_what_people_wrote() -> None:
    written = card()
    assert "Preprocessing: html True; stop_added (30); words x, y." in written
    with override("zh-hans"):
        shown = in_readers_language(written)
    left = [line for line in shown.split("\n") if re.search("[A-Za-z]{2,} [A-Za-z]{2,} [A-Za-z]{2,}", line)]
    assert left == ["Measured on our own desks."]
    assert "语言：en, zh。" in shown and "## 数据" in shown and "| accuracy | 0.5 |" in shown
    assert len(shown.split("\n")) == len(written.split("\n"))


def test_cards_of_what_came_from_elsewhere_are_chinese_too() -> None:
    adopted = adoption._card(Adoption(graph=Path("a.onnx"), labels=["x", "y"], samples=[]), "Mine",
                             {"samples": 9, "accuracy": 0.5, "rows": 8})
    imported = ("Text generation: a `llama` model of 1.2 million parameters, imported from `tiny`; nothing was trained "
                "here.\n\nLicence, as its makers say: apache-2.0.\n\nWeights stored as fp32, up to 32 tokens. The "
                "graph was compared with the network on a few texts; the quality of its answers was not measured.")
    with override("zh-hans"):
        shown = in_readers_language(adopted + imported)
    assert not re.search("[A-Za-z]{2,} [A-Za-z]{2,}", shown) and "50.0%" in shown and "apache-2.0" in shown


def test_a_card_stays_as_it_is_in_english() -> None:
    with override("en"):
        assert in_readers_language(card()) == card()


def test_what_a_child_logs_is_said_in_chinese() -> None:
    with override("zh-hans"):
        for text in ("3,531 train rows, 208 validation rows, 415 test rows; a vocabulary of 1,999 tokens",
                     "Stopped at step 5 of 10", "The weights are those of step 5, the best of all evaluations"):
            assert not re.search("[A-Za-z]", sentence({"event": "log", "text": text})), text
