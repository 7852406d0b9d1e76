"""Texts to vectors: for documents when they are indexed, for questions when asked, for the sentences of a summary."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modeling.artifact import Artifact
from modeling.errors import ConfigError, ParleyError
from modeling.inference.pass_runner import EmbedderRunner
from modeling.retrieval import Dense
from modeling.text import ClassifierInputs

log = logging.getLogger(__name__)

BATCH_TOKENS = 4096  # padding included


class Embedder:
    """`embedder(texts)` gives vectors [texts, D] of length 1."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str = "cpu") -> None:
        if not any(entry["role"] == "embedder" for entry in artifact.graphs):
            raise ConfigError(f"{artifact.name} makes no vectors of texts", allowed="an artifact of the model dual")
        self.runner = EmbedderRunner(artifact, threads=threads, device=device)
        self.inputs, self.tokenizer = ClassifierInputs.of(artifact.preprocessing), artifact.tokenizer
        self.path, self.digest, self.width = artifact.path, artifact.digest, self.runner.width

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> Embedder:
        """The one that a site names for questions and passages. Raises ArtifactError, ConfigError."""
        artifact = Artifact.load(folder, verify=False)
        if artifact.task != "question-answering":
            raise ConfigError(f"{artifact.name} makes no vectors of questions", allowed="an artifact of the model dual")
        return cls(artifact, threads=threads)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        encoded = self.inputs.encode(self.tokenizer, texts)
        found = np.zeros((len(texts), self.width), np.float32)
        batch: list[int] = []
        for place in sorted(range(len(encoded)), key=lambda n: len(encoded[n])):
            if batch and len(encoded[place]) * (len(batch) + 1) > BATCH_TOKENS:
                found[batch] = self.runner.vectors([encoded[n] for n in batch])
                batch = []
            batch.append(place)
        if batch:
            found[batch] = self.runner.vectors([encoded[n] for n in batch])
        return found


class Embedders:
    """Those whose vectors indexes hold, loaded when the first question comes."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._known: dict[tuple[str, str], Embedder | None] = {}

    def vector(self, dense: Dense | None, text: str) -> NDArray[np.float32] | None:
        """Of a question [D]; None where there are no vectors or nobody can make one that fits: words find it then."""
        if dense is None:
            return None
        key = (dense.embedder, dense.digest)
        if key not in self._known:
            self._known[key] = self._load(dense)
        embedder = self._known[key]
        return None if embedder is None else np.asarray(embedder([text])[0])

    def _load(self, dense: Dense) -> Embedder | None:
        try:
            embedder = Embedder.load(Path(dense.embedder), threads=self._threads)
        except ParleyError as error:
            log.warning("documents are searched by words only: %s", error)
            return None
        return embedder if embedder.digest == dense.digest else None
