"""Texts to labels in micro-batches, and on demand the words that carried an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeling.artifact import Artifact
from modeling.inference.foreign import ForeignClassifier
from modeling.inference.occlusion import MOST_SPANS, Span, spans, weighed, without
from modeling.inference.pass_runner import ClassifierRunner
from modeling.inference.request import Chunk, Request
from modeling.inference.scheduler import Job, Scheduler
from modeling.inference.single_pass import checked_text
from modeling.text import ClassifierInputs

EXPLAIN_SECONDS, FEWEST_SPANS = 0.5, 6
"""What finding the telling words may take: with a large model fewer spans are tried, but never fewer than these."""
CHARACTERS_OF_TOKEN = 12
"""What lies behind so many characters for each token that is read cannot have counted."""


class Classification(Job):
    """A text to classify."""

    def __init__(self, request: Request, ids: list[int]) -> None:
        super().__init__(request)
        self.ids = ids
        self.best: tuple[int, float] | None = None  # label and its probability, once it is known
        self.spans: list[Span] = []


Batch = list[Classification] | Classification
"""Texts to classify, or one to explain."""


class ClassificationScheduler(Scheduler[Classification, Batch, NDArray[np.float32]]):
    """All that waits, up to a micro-batch, goes through the model at once; then answers are explained one by one."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str, slots: int, max_waiting: int) -> None:
        super().__init__(slots=slots, max_waiting=max_waiting)
        self.labels = artifact.labels or []
        self.runner: Any  # ClassifierRunner or ForeignClassifier: each classifies the rows that it is given
        self.encode: Callable[[Sequence[str]], list[Any]]
        if artifact.model == "onnx":
            self.runner = foreign = ForeignClassifier(artifact, threads=threads)
            self.encode, self.length = foreign.encode, foreign.length
        else:
            self.runner = ClassifierRunner(artifact, threads=threads, device=device)
            facts = {"length": artifact.config["length"], **artifact.manifest["preprocessing"]}
            inputs = ClassifierInputs.of(facts)
            self.encode, self.length = partial(inputs.encode, artifact.tokenizer), inputs.length
        self.several = bool(artifact.config.get("several"))
        defaults = artifact.manifest.get("defaults", {})
        self.threshold = float(defaults.get("threshold", 0.0))
        self.thresholds = defaults.get("thresholds") or [0.5] * len(self.labels)
        self.seconds_per_id = 0.0

    def prepare(self, request: Request) -> Classification:
        return Classification(request, self.encoded(checked_text(request)))

    def encoded(self, text: str) -> list[int]:
        """Ids as the model was trained on them."""
        return self.encode([text])[0]

    def schedule(self) -> Batch | None:
        while len(self.running) < self.slots and self.next_waiting():
            pass
        return [job for job in self.running if job.best is None] or next(iter(self.running), None)

    def run(self, batch: Batch) -> NDArray[np.float32]:
        if isinstance(batch, list):
            started = time.monotonic()
            found = self.runner.probabilities([job.ids for job in batch])
            ids = len(batch) * max(len(job.ids) for job in batch)
            self.seconds_per_id = (time.monotonic() - started) / ids
            return found
        text = batch.request.text[: CHARACTERS_OF_TOKEN * self.length]
        affordable = EXPLAIN_SECONDS / max(1e-9, self.seconds_per_id * len(batch.ids))
        batch.spans = spans(text, int(min(MOST_SPANS, max(FEWEST_SPANS, affordable))))
        rows = self.encode(without(text, batch.spans)) if batch.spans else []
        return self.runner.probabilities(rows) if rows else np.zeros((0, len(self.labels)), np.float32)

    def update(self, batch: Batch, output: NDArray[np.float32]) -> None:
        if isinstance(batch, Classification):
            label, whole = batch.best or (0, 0.0)
            self.finish(batch, "stop", result={"words": weighed(batch.spans, whole, output[:, label].tolist())})
            return
        self.count(len(batch), len(batch))
        for job, probabilities in zip(batch, output.tolist(), strict=True):
            text, result = self.answer(probabilities, job.request.sampling.threshold)
            if job.request.explain:
                label = int(np.argmax(probabilities))
                job.best = label, probabilities[label]
                job.emit(Chunk(text=text, result=result))
            else:
                self.finish(job, "stop", text=text, result=result)

    def answer(self, probabilities: list[float], threshold: float | None = None) -> tuple[str, dict[str, Any]]:
        """The answer in words, and as `Chunk.result` has it; without a threshold the artifact's holds."""
        pairs = zip(self.labels, probabilities, strict=True)
        rows: list[dict[str, Any]] = [{"label": label, "probability": p} for label, p in pairs]
        if self.several:
            given = (p > limit for p, limit in zip(probabilities, self.thresholds, strict=True))
            rows = [row | {"given": above} for row, above in zip(rows, given, strict=True)]
        rows.sort(key=lambda row: -row["probability"])
        if self.several:
            return " | ".join(str(row["label"]) for row in rows if row["given"]), {"labels": rows}
        sure = rows[0]["probability"] >= (self.threshold if threshold is None else threshold)
        return str(rows[0]["label"]), {"labels": rows, "sure": bool(sure)}
