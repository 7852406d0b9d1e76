"""A reader's confidence means what it says, and it withholds what is likelier wrong than right."""

from __future__ import annotations

import numpy as np
import pytest

from modeling.metrics import calibration
from modeling.refusal import Confidence, figures, tuned, unanswerable


def test_confidence_becomes_the_share_that_is_right() -> None:
    generator = np.random.default_rng(0)
    margins = generator.normal(3, 4, 2000)
    right = (generator.random(2000) < 1 / (1 + np.exp(-(0.3 * margins - 1)))).astype(float)
    found = tuned(margins, right, right, generator.normal(-4, 2, 500))
    assert (found.slope, found.intercept) == (pytest.approx(0.3, abs=0.05), pytest.approx(-1, abs=0.2))
    before, after = (calibration([one.score(m) for m in margins], right)["error"] for one in (Confidence(), found))
    assert after < 0.04 < 0.1 < before


def test_the_threshold_lies_where_both_kinds_of_questions_part() -> None:
    found = tuned(np.linspace(4, 9, 40), np.ones(40), np.ones(40), np.linspace(-5, 3, 40))
    assert 3 < found.threshold < 4
    assert figures([5.0, 8.0], [100.0, 50.0], [1.0, 6.0], found.threshold) == {
        "answered": 1.0, "refused": 0.5, "auc": 0.75, "overall_f1": 62.5}


def test_an_answer_that_never_helps_is_never_given() -> None:
    assert tuned([1.0] * 40, [0.0] * 40, [0.0] * 40, [2.0] * 40).threshold > 2


def test_few_rows_tune_nothing() -> None:
    assert tuned([1.0], [1.0], [1.0], [0.0]) == Confidence()


def test_what_is_kept_in_an_artifact_comes_back() -> None:
    kept = Confidence(slope=0.25, intercept=-1.5, threshold=2.0)
    assert Confidence.of(kept.preprocessing()) == kept
    assert Confidence.of({}).score(0.0) == 0.5


def test_questions_without_an_answer_are_made_of_the_passage_that_a_search_would_bring() -> None:
    rows = [{"question": f"what colour has the {thing}", "context": f"the {thing} is {colour} and has no other colour",
             "answers": [{"text": colour, "start": 8}]}
            for thing, colour in (("house", "red"), ("boat", "blue"), ("tower", "red"))]
    made = unanswerable(rows)
    assert [row["answers"] for row in made] == [[], [], []]
    assert [row["context"].split()[1] for row in made] == ["boat", "house", "boat"]


def test_rows_that_have_such_questions_need_none() -> None:
    rows = [{"question": "q", "context": "c", "answers": []}] * 40
    assert unanswerable(rows) == rows
