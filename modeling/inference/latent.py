"""Sentences from latent numbers: drawn from the prior, on the way between two sentences, or one over again.

A request's sentences are written one after the other in one row of the running batch, each from its own numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeling.artifact import Artifact
from modeling.errors import RequestError
from modeling.inference.generation import GenerationScheduler, Sequence
from modeling.inference.graphs import Graph
from modeling.inference.request import Chunk, Latent, Request

Points = NDArray[np.float32]


class Sentences(Sequence):
    """A text of several lines; `points` [lines, L] are what they are written from."""

    def __init__(self, request: Request, start: int, detokenizer: Any, points: Points) -> None:
        super().__init__(request, [start], detokenizer)
        self.points, self.line = points, 0


class LatentScheduler(GenerationScheduler):
    """Serves a sentence autoencoder: its encoder, and its decoder as any language model."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str, slots: int, max_waiting: int) -> None:
        super().__init__(artifact, threads=threads, device=device, slots=slots, max_waiting=max_waiting)
        self.encoder = Graph(artifact, "encoder", threads=threads, device=device)
        self.longest, self.numbers = int(artifact.config["context"]), int(artifact.config["latent"])
        self.bos, self.eos = self.tokenizer.bos_id or 0, self.tokenizer.eos_id or 0

    def prepare(self, request: Request) -> Sentences:
        asked = request.latent or Latent(mode="reconstruct")
        return Sentences(request, self.bos, self.tokenizer.detokenizer(), self.points(request, asked))

    def points(self, request: Request, asked: Latent) -> Points:
        """The numbers [lines, L] of each line. Raises RequestError for sentences that cannot be read."""
        if asked.mode == "sample":
            random = np.random.default_rng(request.sampling.seed)
            return random.standard_normal((asked.lines, self.numbers)).astype(np.float32)
        texts = [request.text, asked.second] if asked.mode == "interpolate" else [request.text]
        means = self.encoded([self.sentence(text) for text in texts])[0]
        return between(means[0], means[1], asked.lines, asked.path) if asked.mode == "interpolate" else means

    def sentence(self, text: str) -> list[int]:
        """A sentence with its marks. Raises RequestError."""
        ids = self.tokenizer.encode(text.strip())
        if not ids:
            raise RequestError("The sentence is empty", remedy="Write a sentence")
        if len(ids) > self.longest:
            raise RequestError(f"The sentence has {len(ids)} tokens", remedy="Shorten it",
                               allowed=f"This model reads up to {self.longest}")
        return [self.bos, *ids, self.eos]

    def encoded(self, sentences: list[list[int]]) -> list[NDArray[np.float32]]:
        """Mean and log variance, [sentences, L] each."""
        ids = np.zeros((len(sentences), max(map(len, sentences))), np.int64)
        for row, sentence in zip(ids, sentences, strict=True):
            row[: len(sentence)] = sentence
        lengths = np.array([len(sentence) for sentence in sentences], np.int32)
        return self.encoder(["mean", "log_variance"], input_ids=ids, lengths=lengths)

    def _take_row(self, sequence: Sequence) -> None:
        super()._take_row(sequence)
        assert isinstance(sequence, Sentences)
        self.runner.write_state(sequence.row, "z", sequence.points[sequence.line])

    def _take(self, sequence: Sequence, token: int, logprob: float, candidates: list[tuple[str, float]]) -> None:
        assert isinstance(sequence, Sentences)
        full = sequence.generated + 1 >= min(sequence.request.sampling.max_tokens, self.longest)
        if (token == self.eos or full) and sequence.line + 1 < len(sequence.points):
            self._next_line(sequence, [] if token == self.eos else [token])
        elif full and token != self.eos:
            self._close(sequence, "length", sequence.stops.add(sequence.detokenizer.add([token])))
        else:
            super()._take(sequence, token, logprob, candidates)

    def _next_line(self, sequence: Sentences, rest: list[int]) -> None:
        """Say what is left of this line, and begin the next one from its own numbers and an empty state."""
        text = sequence.detokenizer.add(rest) + sequence.detokenizer.flush()
        text = sequence.stops.add(text) + sequence.stops.flush()
        sequence.ids, sequence.logprobs, sequence.candidates = [], [], []
        sequence.emit(Chunk(text=f"{text}\n"))
        sequence.line, sequence.generated, sequence.detokenizer = sequence.line + 1, 0, self.tokenizer.detokenizer()
        self.runner.clear(sequence.row)
        self.runner.write_state(sequence.row, "z", sequence.points[sequence.line])
        self.runner.token[sequence.row] = self.bos
        self.runner.recent[sequence.row] = self.bos


def between(first: Points, second: Points, lines: int, path: str) -> Points:
    """Points [lines, L] from `first` to `second`, both included.

    Along the line, or along the arc (Shoemake 1985; White 2016): points of a Gaussian lie near a sphere, which the
    line would leave.
    """
    shares = np.linspace(0, 1, lines, dtype=np.float32)[:, None]
    size = float(np.linalg.norm(first)) * float(np.linalg.norm(second))
    angle = float(np.arccos(np.clip(first @ second / max(size, 1e-9), -1, 1)))
    if path == "linear" or np.sin(angle) < 1e-4:
        return (1 - shares) * first + shares * second
    arc: Points = (np.sin((1 - shares) * angle) * first + np.sin(shares * angle) * second) / np.sin(angle)
    return arc.astype(np.float32)
