"""Measuring a model with the runners that serve it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from modeling.artifact import Artifact
from modeling.configs import DecoderConfig
from modeling.errors import DataError
from modeling.inference import SamplingParams
from modeling.inference.evaluation import evaluate
from modeling.models import Decoder


def test_a_classifier_is_measured_by_accuracy_and_f1(classifier: Path) -> None:
    rows = [{"text": "fox " * (n % 7 + 1), "label": "abc"[n % 3]} for n in range(60)]
    report = evaluate(Artifact.load(classifier), rows, threads=1)
    assert report["rows"] == 60
    assert sum(map(sum, report["confusion_matrix"])) == 60
    diagonal = sum(row[place] for place, row in enumerate(report["confusion_matrix"]))
    assert report["metrics"]["accuracy"] == pytest.approx(diagonal / 60)
    assert set(report["metrics"]["f1"]) <= {"a", "b", "c"}


def test_a_language_model_is_measured_by_the_loss_that_pytorch_finds(writer: Path) -> None:
    artifact = Artifact.load(writer)
    module = Decoder(DecoderConfig(**artifact.config))
    module.load_state_dict({name: torch.tensor(array) for name, array in artifact.state_dict().items()})
    rows = [{"text": "The quick brown fox " * n} for n in (1, 3, 70)] + [{"text": "春眠不觉晓"}]
    total, count = 0.0, 0
    for row in rows:
        ids = [artifact.tokenizer.bos_id, *artifact.tokenizer.encode(row["text"]), artifact.tokenizer.eos_id]
        for start in range(0, len(ids) - 1, 320):
            piece = torch.tensor([ids[start : start + 321]])
            logits = module(piece[:, :-1]).detach()
            total += float(F.cross_entropy(logits[0], piece[0, 1:], reduction="sum"))
            count += piece.shape[1] - 1
    report = evaluate(artifact, rows, threads=1)
    assert report["tokens"] == count
    assert report["metrics"]["loss"] == pytest.approx(total / count, rel=1e-4)
    assert report["metrics"]["perplexity"] == pytest.approx(math.exp(total / count), rel=1e-3)


def test_a_translator_is_measured_in_each_direction_that_the_rows_allow(translator: Path) -> None:
    languages = {"source_language": "en", "target_language": "fr"}
    pairs = [("The fox.", "Le renard."), ("The fox.", "Un renard."), ("Nobody knows.", "Personne ne sait.")]
    rows = [{"source": source, "target": target, **languages} for source, target in pairs]
    report = evaluate(Artifact.load(translator), rows, threads=1, sampling=SamplingParams(beam=2, max_tokens=10))
    directions = report["metrics"]["directions"]
    assert {name: figures["sentences"] for name, figures in directions.items()} == {"en-fr": 2, "fr-en": 3}
    assert report["metrics"]["bleu"] == directions["en-fr"]["bleu"]


def test_a_reader_is_measured_by_its_best_span_over_all_windows(reader: Path) -> None:
    context = "The quick brown fox jumps over the lazy dog . " * 8
    answers: list[list[dict[str, object]]] = [[{"text": "fox", "start": 16}], []]
    rows = [{"id": "", "title": "", "context": context, "question": "How many words ?", "answers": found}
            for found in answers]
    report = evaluate(Artifact.load(reader), rows, threads=1)
    assert report["rows"] == 2
    assert 0 <= report["metrics"]["em"] <= report["metrics"]["f1"] <= 100
    assert report["metrics"]["refused"] in (0.0, 1.0) and 0 <= report["metrics"]["auc"] <= 1
    assert "refused" not in evaluate(Artifact.load(reader), rows[:1], threads=1)["metrics"]


def test_a_summariser_is_measured_where_summaries_are_given(summariser: Path) -> None:
    text = "Cats sleep. Dogs bark. Cats and dogs sleep."
    rows = [{"text": text, "summary": "Cats and dogs sleep."}, {"text": "One."}]
    report = evaluate(Artifact.load(summariser), rows, threads=1)
    assert report["rows"] == 1
    assert report["metrics"]["rouge1"] > 0


def test_nothing_to_measure_is_said(summariser: Path, reader: Path) -> None:
    with pytest.raises(DataError, match="nothing to measure"):
        evaluate(Artifact.load(reader), [], threads=1)
    with pytest.raises(DataError, match="summary"):
        evaluate(Artifact.load(summariser), [{"text": "One."}], threads=1)


def test_a_sentence_autoencoder_is_measured_by_its_bound(autoencoder: Path) -> None:
    found = evaluate(Artifact.load(autoencoder), [{"text": text} for text in ("The fox", "Nobody knows.")], threads=1)
    assert found["metrics"]["negative_elbo"] > found["metrics"]["kl"] > 0
    assert found["rows"] == 2 and found["metrics"]["loss"] > 0
