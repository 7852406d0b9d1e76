"""The reader: a question and a passage to spans of the passage, by windows where the passage is long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modeling.artifact import Artifact
from modeling.decoding import Span, best_spans, windows
from modeling.errors import ArtifactError, ConfigError
from modeling.inference.pass_runner import ReaderRunner
from modeling.refusal import Confidence
from modeling.text import PairMarks

_ANSWERS_A_WINDOW = 2


@dataclass(frozen=True, slots=True)
class Window:
    """What the reader sees at once: `[CLS] question [SEP] passage [SEP]`, or a part of the passage."""

    passage: int
    question: list[int]
    ids: list[int]  # of the passage
    offsets: list[tuple[int, int]]  # characters of each in the passage

    def __len__(self) -> int:
        """Tokens, all but the marks."""
        return len(self.question) + len(self.ids)


@dataclass(frozen=True, slots=True)
class Found:
    """A span of a passage, in characters."""

    passage: int
    start: int
    end: int
    span: Span


class Reader:
    """Makes windows and reads them."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str) -> None:
        self.runner = ReaderRunner(artifact, threads=threads, device=device)
        self.tokenizer = artifact.tokenizer
        known = {**artifact.config, **artifact.preprocessing}
        self.window, self.stride = int(known["window"]), int(known["stride"])
        self.longest_question = int(known.get("longest_question", 64))
        self.longest_answer = int(known.get("longest_answer", 30))
        self.confidence = Confidence.of(artifact.preprocessing)
        try:
            self.marks = PairMarks.of(self.tokenizer)
        except ConfigError as error:
            raise ArtifactError(f"{artifact.name} cannot read: {error}") from error

    def question(self, text: str) -> list[int]:
        return self.tokenizer.encode(text)[: self.longest_question]

    def windows(self, question: list[int], passages: Sequence[str]) -> list[Window]:
        """All windows of all passages."""
        encoded = [self.tokenizer.encode_with_offsets(text) for text in passages]
        return [window for number, (ids, offsets) in enumerate(encoded)
                for window in self.encoded_windows(number, question, ids, offsets)]

    def encoded_windows(
        self, number: int, question: list[int], ids: list[int], offsets: list[tuple[int, int]]
    ) -> list[Window]:
        """The windows of passage `number`."""
        return [Window(number, question, ids[a:b], offsets[a:b])
                for a, b in windows(len(ids), self.window - len(question) - len(self.marks), self.stride) if b > a]

    def read(self, batch: Sequence[Window]) -> list[list[Found]]:
        """The best spans of each window."""
        rows = [self.marks.window(window.question, window.ids) for window in batch]
        starts, ends = self.runner.logits(rows, [self.marks.start(window.question) for window in batch])
        return [self._found(window, starts[n, : len(row)], ends[n, : len(row)])
                for n, (window, row) in enumerate(zip(batch, rows, strict=True))]

    def _found(self, window: Window, starts: np.ndarray, ends: np.ndarray) -> list[Found]:
        first = self.marks.start(window.question)
        spans = best_spans(starts, ends, first=first, stop=first + len(window.ids), longest=self.longest_answer,
                           count=_ANSWERS_A_WINDOW)
        return [Found(window.passage, window.offsets[s.start - first][0], window.offsets[s.end - first][1], s)
                for s in spans]
