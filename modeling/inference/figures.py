"""From what a model answered to its task's figures, each with the interval that resampling the rows gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from modeling import metrics, refusal
from modeling.artifact import Artifact

REFUSAL_SAMPLES = 200
"""Resamples of the rows for the intervals of refusals."""
Figures = dict[str, Any]
"""`metrics`, `intervals` by the paths of the metrics (directions/en-fr/bleu), `rows`, and what else the task has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a model answered to a row."""

    row: int  # its place among the rows
    input: Any  # a text, or texts by name
    expected: Any = None  # a text, or the list of those that are right
    output: str | None = None
    score: float  # 0 to 1: how good it is
    confidence: float | None = None  # 0 to 1: how sure the model was of it
    right: float | None = None  # 0 or 1
    direction: str = ""  # of a translation
    facts: Mapping[str, float] = field(default_factory=dict)  # what the figures are counted from


Predictions = Sequence[Prediction]


def _classification(artifact: Artifact, predictions: Predictions) -> Figures:
    found, truth = ([str(getattr(p, side)) for p in predictions] for side in ("output", "expected"))
    known = artifact.labels or []
    if artifact.config.get("several"):
        return _labelled(known, found, truth)
    labels = sorted({*known, *truth})
    by_label = metrics.f1_by_label(found, truth)
    intervals = metrics.label_intervals(found, truth)
    positive = known[1] if len(known) == 2 else None  # the one that is looked for
    if positive:
        intervals["f1"] = intervals.get(f"f1/{positive}", (0.0, 0.0))
    return {"metrics": {"accuracy": metrics.accuracy(found, truth), "macro_f1": metrics.macro_f1(found, truth),
                        "f1": by_label.get(positive, 0.0) if positive else by_label},
            "rows": len(predictions), "labels": labels, "intervals": intervals,
            "confusion_matrix": metrics.confusion_matrix(found, truth, labels).tolist()}  # fmt: skip


def _labelled(labels: list[str], found: list[str], truth: list[str]) -> Figures:
    """Of texts that can have several labels."""
    given, wanted = (np.array([[label in row.split(" | ") for label in labels] for row in side])
                     for side in (found, truth))
    right = [float(one) for one in (given == wanted).all(1)]
    return {"metrics": metrics.label_figures(given, wanted, labels), "rows": len(found),
            "intervals": {"accuracy": metrics.bootstrap_interval(right)}}


def _means(artifact: Artifact, predictions: Predictions) -> Figures:
    """Of tasks whose figures are means over the rows."""
    columns = {name: np.array([p.facts[name] for p in predictions]) for name in predictions[0].facts}
    return {"metrics": {name: float(values.mean()) for name, values in columns.items()}, "rows": len(predictions),
            "intervals": {name: metrics.quantiles(metrics.resampled_sums(values[:, None])[:, 0] / len(values))
                          for name, values in columns.items()}}  # fmt: skip


def _reading(artifact: Artifact, predictions: Predictions) -> Figures:
    """Exact match and F1 of the questions with an answer; where others are among them, how these are told apart."""
    if "recall_1" in predictions[0].facts:
        return _means(artifact, predictions)
    answered, without = ([p for p in predictions if bool(p.facts["answerable"]) is wanted] for wanted in (True, False))
    shown = [replace(p, facts={name: p.facts[name] for name in ("em", "f1")}) for p in answered]
    found = _means(artifact, shown) | {"rows": len(predictions)}
    if without:
        kept = np.array([(p.facts["margin"], p.facts["f1"]) for p in answered])
        refusals = np.array([p.facts["margin"] for p in without])
        threshold, generator = predictions[0].facts["threshold"], np.random.default_rng(0)
        found["metrics"] |= refusal.figures(kept[:, 0], kept[:, 1], refusals, threshold)
        drawn = [(generator.choice(kept, len(kept)), generator.choice(refusals, len(refusals)))
                 for _ in range(REFUSAL_SAMPLES)]
        draws = [refusal.figures(rows[:, 0], rows[:, 1], others, threshold) for rows, others in drawn]
        found["intervals"] |= {name: metrics.quantiles(np.array([draw[name] for draw in draws])) for name in draws[0]}
    return found


def _translation(artifact: Artifact, predictions: Predictions) -> Figures:
    """BLEU and chrF of each direction; those without a name are of the first one in which a row was given."""
    figures: dict[str, Figures] = {}
    intervals: dict[str, tuple[float, float]] = {}
    by_direction: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        by_direction.setdefault(prediction.direction, []).append(prediction)
    ordered = sorted(by_direction, key=artifact.config["directions"].index)
    first = next((name for name in ordered if any(p.facts["as_given"] for p in by_direction[name])), ordered[0])
    for name in ordered:
        outputs, references = [p.output or "" for p in by_direction[name]], [p.expected for p in by_direction[name]]
        language = name.split("-")[1]
        figures[name] = {"bleu": metrics.bleu(outputs, references, language=language),
                         "chrf": metrics.chrf(outputs, references), "sentences": len(outputs)}  # fmt: skip
        for figure, interval in metrics.translation_intervals(outputs, references, language=language).items():
            intervals |= {f"directions/{name}/{figure}": interval} | ({figure: interval} if name == first else {})
    return {"metrics": {**figures[first], "directions": figures}, "rows": len({p.row for p in predictions}),
            "intervals": intervals}  # fmt: skip


def _generation(artifact: Artifact, predictions: Predictions) -> Figures:
    counts = np.array([(p.facts["nats"], p.facts["tokens"]) for p in predictions])
    nats, tokens = counts.sum(axis=0).tolist()
    sums = metrics.resampled_sums(counts)
    loss = metrics.quantiles(sums[:, 0] / np.maximum(1, sums[:, 1]))
    rest = {} if "kl" not in predictions[0].facts else {
        "negative_elbo": nats / len(predictions), "kl": float(np.mean([p.facts["kl"] for p in predictions]))}
    return {"metrics": {"loss": nats / tokens, "perplexity": metrics.perplexity(nats / tokens), **rest},
            "rows": len(predictions), "tokens": round(tokens),
            "intervals": {"loss": loss, "perplexity": tuple(map(metrics.perplexity, loss))}}  # fmt: skip


FIGURES: dict[str, Callable[[Artifact, Predictions], Figures]] = {
    "question-answering": _reading,
    "translation": _translation,
    "summarisation": _means,
    "classification": _classification,
    "generation": _generation,
}
