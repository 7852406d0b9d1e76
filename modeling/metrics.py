"""Metrics, free of torch: what training's evaluation and `evaluate` count. Shares are 0 to 1; BLEU, chrF, ROUGE,
exact match and SQuAD's F1 are 0 to 100, as their papers print them."""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from modeling.errors import DataError

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation)
# Chinese counts by character; everything else by word.
_UNITS = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\U00020000-\U0003134f]|"
                    "[^\\W\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\U00020000-\U0003134f]+")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")


def _check_pairs(predictions: Sequence[object], references: Sequence[object]) -> None:
    if len(predictions) != len(references):
        raise DataError(f"there are {len(predictions)} predictions and {len(references)} references",
                        allowed="There is one reference, or one list of them, a prediction")
    if not predictions:
        raise DataError("there is nothing to measure", remedy="Give at least one row")


def accuracy(predictions: Sequence[Hashable], references: Sequence[Hashable]) -> float:
    """Share of predictions that are right."""
    _check_pairs(predictions, references)
    return sum(p == r for p, r in zip(predictions, references, strict=True)) / len(predictions)


def confusion_matrix(predictions: Sequence[str], references: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """Counts [true label, predicted label], int64, in the order of `labels`. Raises DataError on other labels."""
    _check_pairs(predictions, references)
    place = {label: index for index, label in enumerate(labels)}
    if unknown := (set(predictions) | set(references)) - set(place):
        raise DataError(f"labels that the model does not know: {', '.join(sorted(unknown))}",
                        allowed=f"Labels are {', '.join(labels)}")
    matrix = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(matrix, ([place[r] for r in references], [place[p] for p in predictions]), 1)
    return matrix


def f1_by_label(predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """F1 of each label that is predicted or true anywhere, sorted by label."""
    _check_pairs(predictions, references)
    predicted, true = Counter(predictions), Counter(references)
    hits = Counter(p for p, r in zip(predictions, references, strict=True) if p == r)
    return {label: 2 * hits[label] / (predicted[label] + true[label]) for label in sorted(predicted | true)}


def macro_f1(predictions: Sequence[str], references: Sequence[str]) -> float:
    """Mean of the labels' F1, each label counting the same."""
    scores = f1_by_label(predictions, references)
    return sum(scores.values()) / len(scores)


def squad_normalised(text: str) -> str:
    """SQuAD's official form: lower case, no ASCII punctuation, no articles, single blanks."""
    return " ".join(_ARTICLES.sub(" ", "".join(c for c in text.lower() if c not in _PUNCTUATION)).split())


def _squad_tokens(text: str) -> list[str]:
    """Words; text with Chinese by character and without any punctuation."""
    return _UNITS.findall(text.lower()) if _HAN.search(text) else squad_normalised(text).split()


def exact_match(prediction: str, answers: Sequence[str]) -> float:
    """100 if the prediction is one of the answers after normalising, else 0. No answer is ""."""
    tokens = _squad_tokens(prediction)
    return 100.0 * any(tokens == _squad_tokens(answer) for answer in answers or [""])


def squad_f1(prediction: str, answers: Sequence[str]) -> float:
    """0 to 100: the best overlap with one of the answers. No answer is ""."""
    tokens = _squad_tokens(prediction)
    return max(_overlap(tokens, _squad_tokens(answer)) for answer in answers or [""])


def _overlap(predicted: list[str], true: list[str]) -> float:
    if not predicted or not true:
        return 100.0 * (predicted == true)
    same = (Counter(predicted) & Counter(true)).total()
    return 200.0 * same / (len(predicted) + len(true))


def bleu(predictions: Sequence[str], references: Sequence[str | Sequence[str]], *, language: str = "") -> float:
    """Corpus BLEU of sacreBLEU; a row can have several references. `language` is that of the output."""
    from sacrebleu.metrics import BLEU

    _check_pairs(predictions, references)
    return float(BLEU(tokenize=_tokenizer(language)).corpus_score(list(predictions), _columns(references)).score)


def chrf(predictions: Sequence[str], references: Sequence[str | Sequence[str]]) -> float:
    """Corpus chrF of sacreBLEU; a row can have several references."""
    from sacrebleu.metrics import CHRF

    _check_pairs(predictions, references)
    return float(CHRF().corpus_score(list(predictions), _columns(references)).score)


def chrf_of_rows(predictions: Sequence[str], references: Sequence[str | Sequence[str]]) -> list[float]:
    """chrF of each row by itself."""
    from sacrebleu.metrics import CHRF

    _check_pairs(predictions, references)
    metric = CHRF()
    return [float(metric.sentence_score(found, [true] if isinstance(true, str) else list(true)).score)
            for found, true in zip(predictions, references, strict=True)]


def translation_intervals(
    predictions: Sequence[str], references: Sequence[str | Sequence[str]], *, language: str = ""
) -> dict[str, tuple[float, float]]:
    """95 % intervals of corpus BLEU and chrF by resampling sentences, from each sentence's n-gram counts."""
    from sacrebleu.metrics import BLEU, CHRF

    found: dict[str, tuple[float, float]] = {}
    for name, metric in (("bleu", BLEU(tokenize=_tokenizer(language))), ("chrf", CHRF())):
        counts = metric._extract_corpus_statistics(list(predictions), _columns(references))
        sums = resampled_sums(np.asarray(counts, dtype=np.float64))
        found[name] = quantiles([metric._compute_score_from_stats(row).score for row in sums.tolist()])
    return found


def _tokenizer(language: str) -> str:
    return {"zh": "zh", "ja": "char"}.get(language, "13a")


def _columns(references: Sequence[str | Sequence[str]]) -> list[Sequence[str]]:
    """Rows of references turned to sacreBLEU's streams; a row with fewer repeats none (None is skipped there)."""
    rows = [[row] if isinstance(row, str) else list(row) for row in references]
    width = max(map(len, rows))
    return [[row[i] if i < len(row) else None for row in rows] for i in range(width)]  # type: ignore[misc]


def rouge(predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Mean F1 of ROUGE-1, ROUGE-2 and ROUGE-L, 0 to 100; Chinese by character, no stemming."""
    return {name: float(np.mean(scores)) for name, scores in rouge_of_rows(predictions, references).items()}


def rouge_of_rows(predictions: Sequence[str], references: Sequence[str]) -> dict[str, list[float]]:
    """ROUGE-1, ROUGE-2 and ROUGE-L of each row."""
    _check_pairs(predictions, references)
    scores = [_rouge(_UNITS.findall(p.lower()), _UNITS.findall(r.lower()))
              for p, r in zip(predictions, references, strict=True)]
    return dict(zip(("rouge1", "rouge2", "rougeL"), map(list, zip(*scores, strict=True)), strict=True))


def _rouge(predicted: list[str], true: list[str]) -> tuple[float, float, float]:
    def pairs(units: list[str]) -> list[str]:
        return [f"{a} {b}" for a, b in zip(units, units[1:], strict=False)]

    total = len(predicted) + len(true)
    longest = 200.0 * _common_subsequence(predicted, true) / total if total else 0.0
    return (_overlap(predicted, true) if predicted and true else 0.0,
            _overlap(pairs(predicted), pairs(true)) if len(predicted) > 1 and len(true) > 1 else 0.0, longest)


def _common_subsequence(first: list[str], second: list[str]) -> int:
    """Length of the longest common subsequence, by bit-parallel rows (Hyyro 2004)."""
    places: dict[str, int] = {}
    for index, unit in enumerate(second):
        places[unit] = places.get(unit, 0) | 1 << index
    mask = (1 << len(second)) - 1
    row = mask
    for unit in first:
        match = row & places.get(unit, 0)
        row = ((row + match) | (row - match)) & mask
    return len(second) - row.bit_count()


def label_figures(found: np.ndarray, truth: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    """Of rows that can have several labels, both bool [rows, labels]: micro-F1, macro-F1, F1 by label, and "accuracy",
    the share of the rows whose labels are all right (subset accuracy). 0 to 1."""
    hits, total = (found & truth).sum(0), found.sum(0) + truth.sum(0)
    f1 = np.divide(2.0 * hits, total, out=np.zeros(len(labels)), where=total > 0)
    return {"accuracy": float((found == truth).all(1).mean()) if len(found) else 0.0,
            "micro_f1": float(2 * hits.sum() / max(1, total.sum())),
            "macro_f1": float(f1[total > 0].mean()) if (total > 0).any() else 0.0,
            "f1": dict(zip(labels, f1.tolist(), strict=True))}


def perplexity(loss: float) -> float:
    """exp of the mean loss a token in nats."""
    return math.exp(loss) if loss < 700 else math.inf


def bootstrap_interval(values: Sequence[float], *, statistic: Callable[[np.ndarray], np.ndarray] | None = None,
                       samples: int = 1000, confidence: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """(low, high) of a mean over rows by resampling rows. `statistic` maps [samples, rows] to [samples]."""
    if not len(values):
        raise DataError("there is nothing to measure", remedy="Give at least one row")
    data, generator = np.asarray(values, dtype=np.float64), np.random.default_rng(seed)
    results = []
    for _ in range(0, samples, 50):  # in blocks, so that 100,000 rows need little memory
        drawn = data[generator.integers(0, len(data), (50, len(data)))]
        results.append(statistic(drawn) if statistic else drawn.mean(axis=1))
    low, high = np.quantile(np.concatenate(results), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def resampled_sums(counts: np.ndarray, *, samples: int = 1000, seed: int = 0) -> np.ndarray:
    """Sums [samples, figures] of rows drawn with replacement from `counts` [rows, figures]."""
    generator, rows = np.random.default_rng(seed), len(counts)
    often = (generator.multinomial(rows, np.full(rows, 1 / rows), size=20) for _ in range(0, samples, 20))
    return np.concatenate([drawn @ counts for drawn in often])


def quantiles(values: Sequence[float] | np.ndarray, *, confidence: float = 0.95) -> tuple[float, float]:
    """(low, high) between which `confidence` of the values lie."""
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def label_intervals(predictions: Sequence[str], references: Sequence[str]) -> dict[str, tuple[float, float]]:
    """95 % intervals of "accuracy", "macro_f1" and "f1/LABEL" by resampling rows."""
    cells = Counter(zip(predictions, references, strict=True))
    labels = sorted({*predictions, *references})
    sides = np.array([[[cell[side] == label for label in labels] for cell in cells] for side in (0, 1)], dtype=float)
    share, generator = np.array([*cells.values()]) / len(predictions), np.random.default_rng(0)
    drawn = [generator.multinomial(len(predictions), share, size=20).astype(float) for _ in range(50)]
    hits = np.concatenate([often @ (sides[0] * sides[1]) for often in drawn])  # (samples, labels)
    total = np.concatenate([often @ (sides[0] + sides[1]) for often in drawn])
    f1 = np.divide(2 * hits, total, out=np.zeros(hits.shape), where=total > 0)
    macro = f1.sum(axis=1) / np.maximum(1, (total > 0).sum(axis=1))
    return {"accuracy": quantiles(hits.sum(axis=1) / len(predictions)), "macro_f1": quantiles(macro),
            **{f"f1/{label}": quantiles(f1[:, place]) for place, label in enumerate(labels)}}


def calibration(confidences: Sequence[float], right: Sequence[float], *, bins: int = 10) -> dict[str, Any]:
    """How often answers given with a confidence are right: bins of equal width, and their expected error (ECE)."""
    confidence, correct = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.float64)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    rows, sure, good = (np.bincount(place, weights, bins) for weights in (None, confidence, correct))
    found = [{"from": number / bins, "to": (number + 1) / bins, "rows": int(rows[number]),
              "confidence": float(sure[number] / rows[number]) if rows[number] else None,
              "accuracy": float(good[number] / rows[number]) if rows[number] else None} for number in range(bins)]
    return {"bins": found, "error": float(np.abs(sure - good).sum()) / max(1, len(confidence))}
