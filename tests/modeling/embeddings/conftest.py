"""A language in which words of one subject stand together, and vectors that learned it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from modeling.embeddings import METHODS, Vectors
from modeling.embeddings.training import train_vectors

SUBJECTS = {"sea": ["wave", "ship", "sail", "tide", "harbour", "anchor"],
            "farm": ["cow", "field", "barn", "wheat", "plough", "hen"],
            "sky": ["cloud", "star", "moon", "comet", "planet", "orbit"]}
SETTINGS = {"skipgram": {"epochs": 8, "learning_rate": 0.05}, "cbow": {"epochs": 12, "learning_rate": 0.1},
            "glove": {"epochs": 40, "learning_rate": 0.1, "x_max": 10.0, "memory": 1}}


def sentences(count: int = 1500) -> list[str]:
    """Lines of ten words, most of them of one subject, with "the", "of" and "new york" in between."""
    draw, every = random.Random(0), [word for words in SUBJECTS.values() for word in words]
    return [" ".join(word for _ in range(5) for word in (
        draw.choice(every if draw.random() < 0.15 else words), draw.choice(["the", "new york", "of"])))
        for _ in range(count) for words in [draw.choice(list(SUBJECTS.values()))]]


def trained(method: str, out: Path, **settings: object) -> Vectors:
    """Small vectors of the sentences, by one thread."""
    config = METHODS[method](**{"dimensions": 20, "window": 4, "threads": 1, **SETTINGS[method], **settings})
    return train_vectors(sentences, out, method=method, config=config, source="test")


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Method -> a folder of vectors."""
    folder = tmp_path_factory.mktemp("vectors")
    for method in METHODS:
        trained(method, folder / method)
    return {method: folder / method for method in METHODS}
