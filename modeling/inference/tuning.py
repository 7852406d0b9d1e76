"""Confidence and threshold of a reader that is trained already, from rows that it has not seen; its weights stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from modeling import metrics
from modeling.artifact import Artifact, replace_preprocessing
from modeling.errors import ConfigError
from modeling.inference.evaluation import Measurement, predict
from modeling.inference.figures import Prediction
from modeling.refusal import Confidence, figures, tuned, unanswerable

Found = Sequence[Prediction]


def calibrate(asked: Measurement) -> tuple[Artifact, dict[str, Any]]:
    """Tune on the rows, rewrite the manifest, and say what came of it: the error of the confidence before and after,
    and how questions without an answer are told apart. Raises ConfigError for an artifact that is no reader."""
    if asked.artifact.task != "question-answering":
        raise ConfigError(f"{asked.artifact.name} is for {asked.artifact.task}", allowed="A reader can be calibrated")
    answered = [row for row in asked.rows if row["answers"]]
    found = predict(replace(asked, rows=[*answered, *unanswerable(asked.rows)]))
    kept, refused = (_margins(found, wanted) for wanted in (True, False))
    right, f1 = ([p.facts[name] / 100 for p in found if p.facts["answerable"]] for name in ("em", "f1"))
    before = Confidence.of(asked.artifact.preprocessing)
    after = tuned(kept, right, f1, refused)
    report = {"rows": len(answered), "without_answer": len(refused), **after.preprocessing(),
              "error_before": _error(before, kept, right), "error": _error(after, kept, right),
              **figures(kept, [100 * value for value in f1], refused, after.threshold)}
    return replace_preprocessing(asked.artifact.path, after.preprocessing(), {"calibration": report}), report


def _margins(found: Found, answerable: bool) -> list[float]:
    return [p.facts["margin"] for p in found if bool(p.facts["answerable"]) is answerable]


def _error(confidence: Confidence, margins: Sequence[float], right: Sequence[float]) -> float:
    found: Mapping[str, Any] = metrics.calibration([confidence.score(margin) for margin in margins], right)
    return float(found["error"])
