"""Settings that suit the size of the data: so many rows, with so many characters in their texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modeling.text import Preprocessing

TEXTS = ("text", "source", "target", "context", "question")
"""Fields of a row that a model reads."""


def characters_of(row: Mapping[str, Any]) -> int:
    """Characters of a row that a model reads."""
    return sum(len(str(row[name])) for name in TEXTS if row.get(name))


def classification(rows: int, characters: int) -> dict[str, Any]:
    return {"epochs": min(40.0, max(8.0, round(120_000 / max(1, rows), 1))),
            "batch_tokens": 1024 if rows < 3000 else 2048, "learning_rate": 2e-3, "decay": 0.7, "patience": 6,
            "evaluations": 30, "vocabulary_size": 8000, "validation": 0.1, "test": 0.1}


def bag(rows: int, characters: int) -> dict[str, Any]:
    return {"epochs": min(30.0, max(5.0, round(60_000 / max(1, rows), 1))),
            "batch_tokens": 512 if rows < 10_000 else 2048, "learning_rate": 1e-2, "decay": 1.0, "precision": "fp32",
            "tokenizer": "words", "lowercase": True, "weight_decay": 0.0,
            "vocabulary_size": min(50_000, max(2000, characters // 20)),
            "buckets": min(500_000, max(10_000, characters // 4)),
            "patience": 4, "evaluations": 15, "validation": 0.1, "test": 0.1}


def convolution(rows: int, characters: int) -> dict[str, Any]:
    return classification(rows, characters) | {"tokenizer": "words", "lowercase": True, "learning_rate": 1e-3,
                                               "vocabulary_size": min(30_000, max(2000, characters // 40))}


def encoder(rows: int, characters: int) -> dict[str, Any]:
    return classification(rows, characters) | {"learning_rate": 1e-3, "precision": "auto", "dropout": 0.2}


def fine_tuned(rows: int, characters: int) -> dict[str, Any]:
    return {"epochs": 4.0 if rows < 20_000 else 2.0, "batch_tokens": 1024 if rows < 5000 else 2048,
            "learning_rate": 1e-4, "warmup": 0.1, "decay": 0.9, "evaluations": 12, "patience": 5, "validation": 0.1,
            "test": 0.1}


def translation(rows: int, characters: int) -> dict[str, Any]:
    return {"epochs": 20.0 if rows < 100_000 else 6.0, "optimizer": "muon", "learning_rate": 2e-3,
            "label_smoothing": 0.1, "vocabulary_size": min(8000, max(500, characters // 200)),
            "dropout": 0.1 if rows < 100_000 else 0.0}


def reading(rows: int, characters: int) -> dict[str, Any]:
    return {"epochs": 1.0 if rows > 20_000 else 2.0, "batch_tokens": 6000, "learning_rate": 2e-4, "warmup": 0.06,
            "decay": 0.94, "validation": 0.02, "test": 0.1, "optimizer": "adamw"}


def pairing(rows: int, characters: int) -> dict[str, Any]:
    """Of the finder of passages; it is trained already as a rule, and only fitted to the data."""
    return {"epochs": 1.0, "batch_tokens": 8000, "learning_rate": 2e-5, "warmup": 0.1, "decay": 0.9,
            "validation": 0.05, "test": 0.1}


def first_reading(rows: int, characters: int) -> dict[str, Any]:
    """Of a reader that learns from nothing."""
    return {"epochs": min(20.0, max(3.0, round(260_000 / max(1, rows), 1))), "batch_tokens": 6000,
            "learning_rate": 1e-3, "decay": 0.8, "lowercase": True, "validation": 0.02, "test": 0.1,
            "vocabulary_size": min(8000, max(500, characters // 100)), "patience": 6, "evaluations": 20}


def tuning(rows: int, characters: int) -> dict[str, Any]:
    return {"epochs": 3.0 if rows < 10_000 else 1.0, "batch_tokens": 4096, "learning_rate": 3e-4, "weight_decay": 0.0,
            "decay": 0.9, "lora_rank": 16, "validation": 0.05, "test": 0.05}


def generation(rows: int, characters: int) -> dict[str, Any]:
    small = characters < 3_000_000
    return {"epochs": 12.0 if small else 4.0, "batch_tokens": 8192, "optimizer": "muon", "learning_rate": 2e-3,
            "dropout": 0.2 if small else 0.0, "patience": 5 if small else 0, "evaluations": 20,
            "vocabulary_size": 8000 if not small else 4000}


def recurrence(rows: int, characters: int) -> dict[str, Any]:
    long, small = characters > 1000 * rows, characters < 3_000_000
    dropped = 0.3 if small else 0.1
    return {"epochs": 20.0 if small else 6.0, "batch_tokens": 2048, "learning_rate": 3e-3, "weight_decay": 1e-3,
            "precision": "fp32", "clip": 0.25, "decay": 0.7, "patience": 5 if small else 0, "evaluations": 20,
            "vocabulary_size": 4000 if small else 8000, "continuous": long, "hidden": 512 if small else 1024,
            "dropout": dropped, "dropout_between": dropped, "dropout_input": dropped, "dropout_weights": dropped,
            "dropout_words": 0.1 if small else 0.0, "activation": 2.0 if small else 0.0,
            "slowness": 1.0 if small else 0.0}


def autoencoding(rows: int, characters: int) -> dict[str, Any]:
    return {"epochs": min(60.0, max(8.0, round(1_000_000 / max(1, rows), 1))), "batch_tokens": 1536,
            "learning_rate": 3e-3, "weight_decay": 1e-3, "evaluations": 10,
            "vocabulary_size": 4000 if characters > 500_000 else 1500}


def recurrent_translation(rows: int, characters: int) -> dict[str, Any]:
    return {"epochs": 12.0 if rows < 100_000 else 4.0, "learning_rate": 2e-3, "label_smoothing": 0.1,
            "precision": "fp32", "vocabulary_size": min(8000, max(500, characters // 200)), "batch_tokens": 4000}


def summarisation(rows: int, characters: int) -> dict[str, Any]:
    return {"epochs": 20.0 if rows < 20_000 else 8.0, "optimizer": "muon", "learning_rate": 2e-3, "dropout": 0.1,
            "vocabulary_size": min(8000, max(500, characters // 200)), "batch_tokens": 8000, "patience": 4,
            "evaluations": 20}


def pointing(rows: int, characters: int) -> dict[str, Any]:
    return {"epochs": 12.0 if rows < 20_000 else 6.0, "learning_rate": 2e-3, "precision": "fp32",
            "vocabulary_size": min(8000, max(500, characters // 200)), "batch_tokens": 8000, "patience": 4,
            "evaluations": 20}


def ranking(rows: int, characters: int) -> dict[str, Any]:
    """Of LexRank on word vectors: texts are cut into words as those of the vectors were."""
    return {"tokenizer": "words", "precision": "fp32", "batch_tokens": 10**6, "vocabulary_size": 50_000,
            "preprocessing": Preprocessing(html=True, lowercase=True, segment=True)}


def counting(rows: int, characters: int) -> dict[str, Any]:
    return {"batch_tokens": 10**6, "precision": "fp32", "vocabulary_size": 4000 if characters < 3_000_000 else 8000,
            "order": 4 if characters < 300_000 else 5, "least": 1 if characters < 30_000_000 else 2}
