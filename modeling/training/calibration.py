"""Probabilities that mean what they say: temperature scaling (Guo et al. 2017, 4.2) and thresholds chosen on held-out
rows."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

FEWEST = 20
"""Rows below which nothing is chosen: it would be chance."""
COLDEST, HOTTEST = 0.2, 10.0
FOLDS = 5


def temperature_of(logits: Tensor, target: Tensor, *, several: bool) -> float:
    """What to divide logits (N, labels) by, so that they fit target (N, labels) best; 1 where there are few rows.

    It has to prove itself on rows that it was not fitted to (cross-fitting over FOLDS): the less sure their gain, in
    standard errors, the nearer to 1 it is drawn (as James & Stein 1961 shrink), and with a gain of less than one the
    logits stay as they are.
    """
    if len(logits) < FEWEST:
        return 1.0
    gained = torch.zeros(len(logits))  # (N): how much likelier each row gets, in nats
    for fold in range(FOLDS):
        held = torch.arange(len(logits)) % FOLDS == fold
        heat = _fitted(logits[~held], target[~held], several)
        gained[held] = (_losses(logits, target, 0.0, several) - _losses(logits, target, heat, several))[held]
    error = float(gained.std() / len(gained) ** 0.5)
    evidence = float(gained.mean()) / max(error, 1e-9)  # in standard errors
    if evidence <= 1:
        return 1.0
    return 2.0 ** (_fitted(logits, target, several) * (1 - evidence**-2))


def _losses(logits: Tensor, target: Tensor, heat: float, several: bool) -> Tensor:
    """Of each row (N), with its logits divided by 2 to the power of `heat`.

    The targets are a little less than certain, as in Platt 1999, 2.2: rows without an error must not give a certainty
    without bounds.
    """
    sure = 1 - 1 / (len(logits) + 2)
    soft = target * sure + (1 - target) * (1 - sure) / (1 if several else max(1, target.shape[1] - 1))
    if several:
        return F.binary_cross_entropy_with_logits(logits / 2.0**heat, soft, reduction="none").mean(1)
    return F.cross_entropy(logits / 2.0**heat, soft, reduction="none")


def _fitted(logits: Tensor, target: Tensor, several: bool) -> float:
    """The logarithm of the best temperature, to the base 2."""
    low, high = (float(torch.log2(torch.tensor(bound))) for bound in (COLDEST, HOTTEST))
    for _ in range(40):  # the loss has one minimum: keep the third of the range that has it
        third = (high - low) / 3
        if _losses(logits, target, low + third, several).mean() < _losses(logits, target, high - third, several).mean():
            high -= third
        else:
            low += third
    return (low + high) / 2


def sure_threshold(probabilities: Tensor, target: Tensor, wanted: float) -> float:
    """The lowest confidence from which on a share `wanted` of the answers is right; 0 where it always is.

    Rows of the validation split decide: probabilities and target are (N, labels). Where no confidence gives it, 1.
    """
    confidence, chosen = probabilities.max(1)
    right = target.gather(1, chosen[:, None])[:, 0]
    order = confidence.argsort(descending=True)
    share = right[order].cumsum(0) / torch.arange(1, len(order) + 1)
    good = (share >= wanted).nonzero()[:, 0]
    if len(good) == 0:
        return 1.0
    last = int(good[-1])
    return 0.0 if last == len(order) - 1 else round(float(confidence[order[last]]), 4)


def best_thresholds(probabilities: Tensor, target: Tensor) -> list[float]:
    """For each label the threshold with the highest F1 on these rows, nearest to a half where several are as good."""
    steps = torch.arange(0.05, 0.96, 0.05)
    chosen = []
    for column, truth in zip(probabilities.T, target.bool().T, strict=True):
        above = column[None] > steps[:, None]  # (steps, N)
        hits = (above & truth).sum(1)
        f1 = 2 * hits / (above.sum(1) + truth.sum()).clamp(min=1)
        best = steps[f1 >= f1.max() - 1e-6]
        chosen.append(round(float(best[(best - 0.5).abs().argmin()]), 2) if len(column) >= FEWEST else 0.5)
    return chosen
