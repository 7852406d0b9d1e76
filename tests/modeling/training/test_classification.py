"""What is special about learning labels: skewed data, several labels, the head that is calibrated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from modeling.training.objectives.classification import Classification, balanced
from modeling.training.prepare import make_module, make_objective

ROWS = [{"text": f"word{n % 7} other{n % 3}", "label": "rare" if n % 10 == 0 else "common"} for n in range(60)]


def objective(folder: Path, rows: list[dict[str, Any]] = ROWS, **settings: Any) -> Classification:
    given = {"embedding": 8, "vocabulary_size": 60, "dropout": 0.0, **settings}
    found = make_objective("bag", "classification", rows, given, folder=folder, parent=None)
    assert isinstance(found, Classification)
    return found


def test_balanced_labels_weigh_the_same_together() -> None:
    targets = [(0,)] * 90 + [(1,)] * 10
    weights = balanced(targets, 2, several=False)
    assert weights[0] * 90 == pytest.approx(float(weights[1]) * 10)
    assert balanced(targets, 2, several=True).tolist() == pytest.approx([10 / 90, 9.0], rel=1e-4)


def test_class_weights_change_the_loss_of_rare_labels_alone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    plain, weighed = objective(tmp_path / "a"), objective(tmp_path / "b", class_weights="balanced")
    module = make_module(plain, seed=0, parent=None).eval()
    rare, common = ([row for row in ROWS if row["label"] == label] for label in ("rare", "common"))
    for rows, more in ((rare, True), (common, False)):
        examples = plain.examples(rows, training=True)
        assert bool(weighed.loss(module, examples) > plain.loss(module, examples)) is more


def test_the_end_of_a_training_divides_the_logits_by_one_temperature(tmp_path: Path) -> None:
    learnt = objective(tmp_path, wanted_accuracy=0.5)
    module = make_module(learnt, seed=0, parent=None).eval()
    with torch.no_grad():
        module.head.weight.mul_(50)  # type: ignore[operator, union-attr]
    before = learnt.predict(module, learnt.encode(["word1 other2"]))
    learnt.finish(module, ROWS)
    after = learnt.predict(module, learnt.encode(["word1 other2"]))
    assert learnt.temperature != 1.0
    assert torch.allclose(after, before / learnt.temperature, atol=1e-5)
    assert set(learnt.defaults()) == {"threshold"}


def test_rows_with_bars_make_a_network_with_a_logit_a_label(tmp_path: Path) -> None:
    rows = [{"text": "a b", "label": "x|y"}, {"text": "c", "label": "x"}, {"text": "d", "label": "|"}] * 10
    several = objective(tmp_path, rows)
    assert several.config.several and several.config.outputs == 2 and several.measure == "micro_f1"
    assert several.targets(several.examples(rows[:3], training=False)).tolist() == [[1, 1], [1, 0], [0, 0]]
