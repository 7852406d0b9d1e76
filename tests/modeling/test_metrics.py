"""Metrics against figures worked out by hand or by the published tools."""

import random

import numpy as np
import pytest

from modeling import metrics
from modeling.errors import DataError


def test_accuracy_f1_and_the_confusion_matrix_agree() -> None:
    predictions, references = ["a", "a", "b", "b", "c"], ["a", "b", "b", "b", "a"]
    assert metrics.accuracy(predictions, references) == 0.6
    assert metrics.f1_by_label(predictions, references) == {"a": 0.5, "b": 0.8, "c": 0.0}
    assert metrics.macro_f1(predictions, references) == pytest.approx(1.3 / 3)
    matrix = metrics.confusion_matrix(predictions, references, ["a", "b", "c"])
    assert matrix.tolist() == [[1, 0, 1], [1, 2, 0], [0, 0, 0]]


@pytest.mark.parametrize(("prediction", "answers", "em", "f1"), [
    ("The Denver Broncos!", ["Denver Broncos"], 100, 100),
    ("Denver", ["Denver Broncos", "Broncos"], 0, 200 / 3),
    ("", [], 100, 100),
    ("x", [], 0, 0),
    ("", ["x"], 0, 0),
    ("the", ["a"], 100, 100),
    ("《战国无双3》", ["战国无双3"], 100, 100),
    ("中国北京", ["北京"], 0, 200 * 2 / 6),
    ("in 1998", ["1998年"], 0, 200 * 1 / 4),
])
def test_squad_scores_follow_the_official_script(prediction: str, answers: list[str], em: float, f1: float) -> None:
    assert metrics.exact_match(prediction, answers) == em
    assert metrics.squad_f1(prediction, answers) == pytest.approx(f1)


def test_bleu_and_chrf_take_one_or_several_references() -> None:
    assert metrics.bleu(["the cat sat on the mat"], ["the cat sat on the mat"]) == pytest.approx(100)
    several = metrics.bleu(["the cat sat on the mat", "a dog ran away from us"],
                           [["a cat was there", "the cat sat on the mat"], "a dog ran away from us"])
    assert several == pytest.approx(100)
    assert metrics.chrf(["cats"], ["dogs"]) < 20
    assert metrics.bleu(["今天天气很好吗"], ["今天天气很好吗"], language="zh") == pytest.approx(100)
    assert metrics.bleu(["今天天气很好吗"], ["今天天气不好"], language="zh") > 0


def test_rouge_counts_chinese_by_character() -> None:
    assert metrics.rouge(["今天天气好"], ["今天天气好"]) == {"rouge1": 100, "rouge2": 100, "rougeL": 100}
    scores = metrics.rouge(["the cat sat"], ["The cat was sitting"])
    assert scores["rouge1"] == pytest.approx(200 * 2 / 7)
    assert scores["rouge2"] == pytest.approx(200 * 1 / 5)
    assert metrics.rouge([""], ["x"]) == {"rouge1": 0, "rouge2": 0, "rougeL": 0}


def test_the_longest_common_subsequence_is_that_of_the_textbook() -> None:
    generator = random.Random(1)
    for _ in range(100):
        first, second = ([generator.choice("abc") for _ in range(generator.randrange(12))] for _ in range(2))
        table = np.zeros((len(first) + 1, len(second) + 1), dtype=int)
        for i, a in enumerate(first):
            for j, b in enumerate(second):
                table[i + 1, j + 1] = table[i, j] + 1 if a == b else max(table[i, j + 1], table[i + 1, j])
        assert metrics._common_subsequence(first, second) == table[-1, -1]


def test_perplexity_is_the_exponent_of_the_loss() -> None:
    assert metrics.perplexity(np.log(42)) == pytest.approx(42)
    assert metrics.perplexity(1e6) == float("inf")


def test_the_interval_holds_the_mean_and_is_the_same_each_time() -> None:
    values = [1.0] * 90 + [0.0] * 10
    low, high = metrics.bootstrap_interval(values)
    assert 0.82 < low < 0.9 < high < 0.97
    assert (low, high) == metrics.bootstrap_interval(values)


def test_lists_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="2 predictions and 1 references"):
        metrics.accuracy(["a", "b"], ["a"])
    with pytest.raises(DataError, match="nothing to measure"):
        metrics.rouge([], [])
    with pytest.raises(DataError, match="does not know: z"):
        metrics.confusion_matrix(["a"], ["z"], ["a"])


def test_intervals_of_labels_hold_what_resampling_rows_gives() -> None:
    generator = np.random.default_rng(1)
    truth = generator.choice(["a", "b", "c"], 400, p=[0.6, 0.3, 0.1]).tolist()
    found = [t if generator.random() < 0.8 else "a" for t in truth]
    intervals = metrics.label_intervals(found, truth)
    low, high = intervals["accuracy"]
    right = [float(f == t) for f, t in zip(found, truth, strict=True)]
    assert (low, high) == pytest.approx(metrics.bootstrap_interval(right), abs=0.01)
    scores = []
    for _ in range(400):
        drawn = generator.integers(0, 400, 400)
        scores.append(metrics.macro_f1([found[i] for i in drawn], [truth[i] for i in drawn]))
    assert intervals["macro_f1"] == pytest.approx(np.quantile(scores, [0.025, 0.975]), abs=0.03)


def test_intervals_of_translations_hold_the_corpus_scores_and_narrow_with_more_sentences() -> None:
    generator = np.random.default_rng(0)
    words = "the cat sat on a mat while dogs ran far away from home".split()  # noqa: SIM905
    references = [" ".join(generator.choice(words, 8)) for _ in range(200)]
    outputs = [" ".join(w if generator.random() < 0.8 else "x" for w in text.split()) for text in references]
    few, many = (metrics.translation_intervals(outputs[:n], references[:n]) for n in (20, 200))
    for name, score in (("bleu", metrics.bleu(outputs, references)), ("chrf", metrics.chrf(outputs, references))):
        assert many[name][0] < score < many[name][1]
        assert many[name][1] - many[name][0] < few[name][1] - few[name][0]


def test_calibration_compares_confidence_with_how_often_it_is_right() -> None:
    perfect = metrics.calibration([0.85] * 100 + [0.35] * 100, [1.0] * 85 + [0.0] * 15 + [1.0] * 35 + [0.0] * 65)
    assert perfect["error"] == pytest.approx(0)
    assert [entry["rows"] for entry in perfect["bins"]] == [0, 0, 0, 100, 0, 0, 0, 0, 100, 0]
    boastful = metrics.calibration([1.0] * 10, [1.0, 0.0] * 5)
    assert boastful["error"] == pytest.approx(0.5)
    assert boastful["bins"][9]["rows"] == 10
