"""Runs graphs that answer in one pass: classifiers, embedders, readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeling.artifact import Artifact
from modeling.inference.graphs import Graph
from modeling.inference.model_runner import padded


class ClassifierRunner:
    """Texts to probabilities, in micro-batches."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str) -> None:
        self.graph = Graph(artifact, "classifier", threads=threads, device=device)

    def probabilities(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """[rows, labels]."""
        ids, lengths = padded(rows)
        (found,) = self.graph(["probabilities"], input_ids=ids, lengths=lengths)
        return np.asarray(found, np.float32)


class EmbedderRunner:
    """Texts to vectors, in micro-batches."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str) -> None:
        self.graph = Graph(artifact, "embedder", threads=threads, device=device)
        (entry,) = (one for one in artifact.graphs if (one["role"], one["device"]) == ("embedder", "cpu"))
        self.width = int(entry["outputs"][0]["shape"][-1])
        """Numbers of a vector."""

    def vectors(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """[rows, D]."""
        ids, lengths = padded(rows)
        (found,) = self.graph(["vectors"], input_ids=ids, lengths=lengths)
        return np.asarray(found, np.float32)


class ReaderRunner:
    """Windows of question and passage to start and end logits."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str) -> None:
        self.graph = Graph(artifact, "reader", threads=threads, device=device)

    def logits(self, rows: Sequence[Sequence[int]], questions: Sequence[int]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Start and end logits, each [rows, longest row]; `questions` says how many tokens are of type 0."""
        ids, lengths = padded(rows)
        places = np.arange(ids.shape[1])
        mask = places < lengths[:, None]
        types = mask & (places >= np.array(questions)[:, None])
        start, end = self.graph(["start_logits", "end_logits"], input_ids=ids, token_type_ids=types.astype(np.int64),
                                attention_mask=mask.astype(np.int64))
        return start, end
