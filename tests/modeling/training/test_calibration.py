"""Temperatures and thresholds, on logits of which the truth is known."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from modeling.metrics import calibration
from modeling.training.calibration import best_thresholds, sure_threshold, temperature_of


def drawn(rows: int, labels: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and labels drawn as the logits say."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(rows, labels, generator=generator)
    target = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
    return logits, F.one_hot(target, labels).float()


def test_logits_that_are_three_times_too_sure_get_a_temperature_of_three() -> None:
    logits, target = drawn(4000, 4)
    assert abs(temperature_of(3 * logits, target, several=False) - 3) < 0.2
    assert abs(temperature_of(logits, target, several=False) - 1) < 0.1


def test_calibration_makes_the_error_small() -> None:
    logits, target = drawn(4000, 4)
    sure = 3 * logits
    right = target.gather(1, sure.argmax(1, keepdim=True))[:, 0].tolist()
    before, after = (calibration((sure / heat).softmax(1).amax(1).tolist(), right)["error"]
                     for heat in (1.0, temperature_of(sure, target, several=False)))
    assert before > 0.15 and after < 0.02


def test_rows_without_an_error_and_few_rows_give_no_false_certainty() -> None:
    logits = 4 * F.one_hot(torch.arange(60) % 3, 3).float()
    assert temperature_of(logits, (logits > 0).float(), several=False) > 0.5
    assert temperature_of(logits[:5], (logits[:5] > 0).float(), several=False) == 1.0


def test_each_label_for_itself_is_calibrated_too() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(4000, 3, generator=generator)
    target = torch.bernoulli(logits.sigmoid(), generator=generator)
    assert abs(temperature_of(2 * logits, target, several=True) - 2) < 0.25


def test_above_the_threshold_the_wanted_share_is_right() -> None:
    logits, target = drawn(4000, 3)
    probabilities = logits.softmax(1)
    threshold = sure_threshold(probabilities, target, 0.9)
    confidence, chosen = probabilities.max(1)
    right = target.gather(1, chosen[:, None])[:, 0]
    assert 0.89 < float(right[confidence >= threshold].mean()) < 0.92
    assert float(right.mean()) < 0.85
    assert sure_threshold(probabilities, target, 0.3) == 0.0
    assert sure_threshold(probabilities, 1 - target, 0.99) == 1.0


def test_a_rare_label_gets_a_lower_threshold() -> None:
    truth = torch.tensor([[1.0, 0.0]] * 30 + [[0.0, 1.0]] * 30)
    shares = torch.tensor([[0.9, 0.1]] * 30 + [[0.2, 0.3]] * 30)
    assert best_thresholds(shares, truth)[1] < 0.3 and best_thresholds(shares, truth)[0] == 0.5


def test_logits_that_are_right_already_stay_as_they_are_however_few_rows_judge() -> None:
    kept = [temperature_of(*drawn(300, 4, seed), several=False) for seed in range(10)]
    assert sum(heat == 1.0 for heat in kept) >= 7
    assert all(abs(heat - 1) < 0.15 for heat in kept)


def test_what_few_rows_say_is_taken_for_half_sure() -> None:
    found = []
    for seed in range(10):
        logits, target = drawn(200, 4, seed)
        found.append(temperature_of(1.7 * logits, target, several=False))
    assert sum(heat > 1.0 for heat in found) >= 8 and max(found) < 2.4
