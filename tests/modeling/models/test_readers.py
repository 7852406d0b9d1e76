"""Readers that learn from nothing but their rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from modeling.configs import QANetConfig, TransformerReaderConfig
from modeling.models import network_of
from modeling.models.transformer_reader import matched
from modeling.training.objectives.reading import Reading
from modeling.training.optimization import Optimization
from modeling.training.prepare import make_module, make_objective
from tests.modeling.tiny import QUESTIONS

READERS: dict[str, Any] = {
    "qanet": QANetConfig(vocabulary_size=50, width=16, heads=2, hidden=24, blocks=1),
    "transformer": TransformerReaderConfig(vocabulary_size=50, width=16, heads=2, hidden=24, layers=1),
}
IDS = torch.tensor([[2, 10, 11, 3, 12, 10, 13, 3]])
TYPES = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1]])


def test_a_token_that_stands_in_both_texts_is_told_and_a_mark_is_not() -> None:
    assert matched(IDS, TYPES).tolist() == [[0, 1, 0, 0, 0, 1, 0, 0]]


@pytest.mark.parametrize("name", READERS)
def test_padding_changes_nothing(name: str) -> None:
    torch.manual_seed(0)
    module = network_of(READERS[name]).eval()
    padded = [torch.nn.functional.pad(x, (0, 5)) for x in (IDS, TYPES)]
    for short, long in zip(module(IDS, TYPES, torch.tensor([8])), module(*padded, torch.tensor([8])), strict=True):
        assert torch.allclose(short, long[:, :8], atol=1e-5)


@pytest.mark.parametrize("name", READERS)
def test_a_reader_learns_from_nothing_to_point_at_answers(name: str, tmp_path: Path) -> None:
    settings = {"width": 32, "heads": 2, "hidden": 48, "window": 40, "stride": 8, "tokenizer": "words",
                "vocabulary_size": 64, "dropout": 0.0, "negatives": 0.0}
    objective = make_objective(name, "question-answering", QUESTIONS, settings, folder=tmp_path, parent=None)
    assert isinstance(objective, Reading)
    module, examples = make_module(objective, seed=0, parent=None), objective.examples(QUESTIONS, training=True)
    optimization = Optimization(module, objective.training, bf16=False)
    for _ in range(60):
        objective.loss(module, examples[::3]).backward()
        optimization.gather()
        optimization.update(5e-3)
    assert objective.evaluate(module.eval(), QUESTIONS)["em"] > 90


def test_a_span_of_subwords_has_no_blank_before_it(tmp_path: Path) -> None:
    settings = {"vocabulary_size": 420, "window": 40, "stride": 8}
    objective = make_objective("transformer", "question-answering", QUESTIONS, settings, folder=tmp_path, parent=None)
    assert isinstance(objective, Reading)
    context = "the Red stands on the stone"
    first, last = objective.windows(0, [], objective.passage(context), [{"text": "stone", "start": 22}])[0].spans[0]
    offsets = objective.passage(context).offsets
    assert context[offsets[first, 0] : offsets[last, 1]] == "stone"
