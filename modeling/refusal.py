"""When a reader says that there is no answer, and what its confidence is worth: tuned on rows held out.

The margin of an answer is what its span scores above the first token, which stands for "no answer here" (Devlin et al.
2019, 4.3). Confidence is the probability that the answer is right: a logistic curve over the margin (Platt 1999). An
answer below the threshold is withheld; the threshold is the one with the best F1 where the right reaction to a
question without an answer is to give none (Rajpurkar et al. 2018, SQuAD 2.0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from modeling.retrieval import PassageIndex

Row = Mapping[str, Any]
Numbers = Sequence[float] | np.ndarray
FEWEST = 30
"""Rows below which nothing is tuned: it would be chance."""
ENOUGH = 0.1
"""Share of questions without an answer from which on none have to be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """From the margin of an answer to the probability that it is right; as the artifact's preprocessing keeps it."""

    slope: float = 0.5
    intercept: float = 0.0
    threshold: float = 0.0
    """Margin from which on an answer is given: at 0 it is as likely as that there is none."""

    @classmethod
    def of(cls, preprocessing: Mapping[str, Any]) -> Confidence:
        """What was tuned for a model; the defaults for one that was never tuned."""
        return cls(**preprocessing.get("confidence", {}))

    def score(self, margin: float) -> float:
        """0 to 1."""
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, self.slope * margin + self.intercept))))

    def preprocessing(self) -> dict[str, Any]:
        return {"confidence": {name: round(value, 4) for name, value in asdict(self).items()}}


def tuned(margins: Numbers, right: Numbers, f1: Numbers, refusals: Numbers) -> Confidence:
    """From the rows of a validation split.

    `margins` of the best answers, whether each is `right` (0 or 1), its `f1` (0 to 1); `refusals` are the margins of
    the best answers to questions that have none.
    """
    if len(margins) < FEWEST or len(refusals) < FEWEST:
        return Confidence()
    slope, intercept = _logistic(np.asarray(margins), np.asarray(right))
    return Confidence(slope=slope, intercept=intercept,
                      threshold=_threshold(np.asarray(margins), np.asarray(f1), np.asarray(refusals)))


def _logistic(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of the likeliest curve, by Newton's steps; targets as in Platt 1999, 2.2."""
    count = y.sum()
    wanted = np.where(y > 0.5, (count + 1) / (count + 2), 1 / (len(y) - count + 2))
    spread = max(1e-6, float(x.std()))
    columns, weights = np.stack([x / spread, np.ones(len(x))], 1), np.zeros(2)  # (N, 2)
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(columns @ weights, -30, 30)))
        curvature = (columns * (p * (1 - p))[:, None]).T @ columns + 1e-3 * np.eye(2)
        weights += np.linalg.solve(curvature, columns.T @ (wanted - p) - 1e-3 * weights)
    return max(1e-3, float(weights[0]) / spread), float(weights[1])


def _threshold(margins: np.ndarray, f1: np.ndarray, refusals: np.ndarray) -> float:
    """The margin with the best F1 over both kinds of questions, each kind counting the same."""
    every = np.concatenate([margins, refusals])
    gain = np.concatenate([f1 / len(f1), np.full(len(refusals), -1 / len(refusals))])  # of an answer over none
    order = np.argsort(-every, kind="stable")
    total = np.cumsum(gain[order])
    best = int(total.argmax())
    if total[best] <= 0:
        return float(every.max()) + 1.0
    below = every[order][best + 1] if best + 1 < len(every) else every[order][best] - 1
    return float(every[order][best] + below) / 2


def unanswerable(rows: Sequence[Row]) -> list[Row]:
    """Rows without an answer to tune with: their own where there are enough, else each question with the passage that
    a search brings up first and that does not hold the answer."""
    own = [row for row in rows if not row["answers"]]
    if len(own) >= max(FEWEST, ENOUGH * len(rows)):
        return own
    contexts = list(dict.fromkeys(row["context"] for row in rows))
    index = PassageIndex.build(((str(n), "", text) for n, text in enumerate(contexts)), words=10**6)
    found = (_wrong(row, contexts, index) for row in rows if row["answers"])
    return own + [row for row in found if row is not None]


def _wrong(row: Row, contexts: Sequence[str], index: PassageIndex) -> Row | None:
    hits = (contexts[int(passage.document)] for passage, _ in index.search(row["question"], 8))
    wrong = next((text for text in hits if not any(answer["text"] in text for answer in row["answers"])), None)
    return None if wrong is None else {**row, "context": wrong, "answers": []}


def figures(margins: Numbers, f1: Numbers, refusals: Numbers, threshold: float) -> dict[str, float]:
    """`answered`: share of the questions with an answer that get one; `refused`: share of those without that get none;
    `auc`: how often a question with an answer has a higher margin than one without; `overall_f1` of both (SQuAD 2.0),
    each row counting the same. Shares 0 to 1, F1 0 to 100 as `f1`."""
    kept, other = np.asarray(margins), np.asarray(refusals)
    given = kept >= threshold
    total = float((np.asarray(f1) * given).sum()) + 100.0 * float((other < threshold).sum())
    return {"answered": float(given.mean()), "refused": float((other < threshold).mean()), "auc": _auc(kept, other),
            "overall_f1": total / (len(kept) + len(other))}


def _auc(above: np.ndarray, below: np.ndarray) -> float:
    """Probability that one of `above` is larger than one of `below`; ties count half (Mann & Whitney 1947)."""
    ordered = np.sort(below)
    wins = np.searchsorted(ordered, above, side="left") + np.searchsorted(ordered, above, side="right")
    return float(wins.mean()) / (2 * len(below))
