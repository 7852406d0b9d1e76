"""Questions with passages to the span that answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modeling.configs import TrainingConfig
from modeling.errors import ConfigError
from modeling.metrics import exact_match, squad_f1
from modeling.refusal import Confidence, figures, tuned, unanswerable
from modeling.text import PairMarks, Tokenizer
from modeling.training.batches import by_length, pad
from modeling.training.objectives.base import Objective, Row, Rows, Sample
from modeling.training.objectives.packing import flattened, restored

LONGEST_QUESTION = 64
LONGEST_ANSWER = 30
"""Tokens."""
TUNED = 1000
"""Rows of the validation split that confidence is tuned on."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage in tokens, shared by all its windows."""

    ids: np.ndarray
    """(tokens)"""
    offsets: np.ndarray
    """(tokens, 2): first character, and the one after the last."""


@dataclass(frozen=True, slots=True)
class Window:
    """One view of a passage with a question before it: tokens `start` to `stop`."""

    row: int
    question: list[int]
    passage: Passage
    start: int
    stop: int
    spans: list[tuple[int, int]]
    """First and last token of each right answer, counted from `start`; empty: no answer here."""


class Reading(Objective):
    """A span is right if it is any of the row's answers; a window without one points at its first mark."""

    measure = "exact_span"

    @classmethod
    def make_tokenizer(cls, rows: Rows, size: int, training: TrainingConfig) -> Tokenizer:
        texts = dict.fromkeys(text for row in rows for text in (row["context"], row["question"]))
        return Tokenizer.train(texts, vocabulary_size=size, kind=training.tokenizer, lowercase=training.lowercase,
                               preprocessing=training.preprocessing)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.confidence = Confidence()
        self.marks = PairMarks.of(self.tokenizer)
        if self.tokenizer.pad_id is None:
            raise ConfigError("the tokenizer has no [PAD] or <pad>", allowed="the tokenizer of a BERT or of its kin")
        self.pad_id: int = self.tokenizer.pad_id

    def examples(self, rows: Rows, *, training: bool) -> Sequence[Window]:
        contexts = list(dict.fromkeys(row["context"] for row in rows))
        encoded = {context: self.passage(context) for context in contexts}
        questions = self.tokenizer.encode_batch([row["question"] for row in rows])
        found: list[Window] = []
        for index, (row, question) in enumerate(zip(rows, questions, strict=True)):
            found += self.windows(index, question[:LONGEST_QUESTION], encoded[row["context"]], row["answers"])
        return found + self.without_answer(rows, questions, encoded) if training else found

    def pack(self, example: Window) -> list[int]:
        """Without the rest of the passage, and where its tokens stand in it: the loss needs neither."""
        ids = example.passage.ids[example.start : example.stop]
        return flattened((example.row, example.question, ids, example.spans))

    def unpack(self, numbers: list[int]) -> Window:
        row, question, ids, spans = restored(numbers)
        return Window(row, question, Passage(ids, np.zeros((0, 2), np.int32)), 0, len(ids), spans)

    def passage(self, context: str) -> Passage:
        ids, offsets = self.tokenizer.encode_with_offsets(context)
        return Passage(np.array(ids, np.int32), np.array(offsets, np.int32).reshape(-1, 2))

    def windows(self, index: int, question: list[int], passage: Passage, answers: Sequence[Row]) -> list[Window]:
        """The passage in overlapping pieces that fit beside the question."""
        spans, length = token_spans(answers, passage.offsets), len(passage.ids)
        room = self.config.window - len(question) - len(self.marks)
        step = max(1, room - self.config.stride)
        starts = range(0, max(1, length - self.config.stride) if length > room else 1, step)
        return [
            Window(index, question, passage, s, min(length, s + room),
                   [(a - s, b - s) for a, b in spans if a >= s and b < s + room])
            for s in starts
        ]

    def without_answer(self, rows: Rows, questions: list[list[int]], encoded: dict[str, Passage]) -> list[Window]:
        """Some questions with another passage of the same title: what a search brings up beside the right one."""
        generator = np.random.default_rng(0)
        by_title: dict[str, list[str]] = {}
        for row in rows:
            passages = by_title.setdefault(row["title"], [])
            if not passages or passages[-1] != row["context"]:
                passages.append(row["context"])
        found: list[Window] = []
        for index in np.flatnonzero(generator.random(len(rows)) < self.training.negatives).tolist():
            row, others = rows[index], by_title[rows[index]["title"]]
            context = others[int(generator.integers(len(others)))]
            if not any(answer["text"] in context for answer in row["answers"]):
                question = questions[index][:LONGEST_QUESTION]
                found += self.windows(index, question, encoded[context], ())[:1]
        return found

    def cost(self, example: Window) -> int:
        return len(example.question) + example.stop - example.start + len(self.marks)

    def collate(self, examples: Sequence[Window]) -> tuple[Tensor, Tensor, Tensor]:
        """Ids and types (B, T) and lengths (B)."""
        rows, types = [], []
        for example in examples:
            ids = example.passage.ids[example.start : example.stop].tolist()
            rows.append(self.marks.window(example.question, ids))
            first = self.marks.start(example.question)
            types.append([0] * first + [1] * (len(rows[-1]) - first))
        padded, lengths = pad(rows, value=self.pad_id)
        return padded, pad(types)[0], lengths

    def loss(self, module: nn.Module, examples: Sequence[Window]) -> Tensor:
        """Negative log of the probability that all right starts, and all right ends, have together."""
        ids, types, lengths = self.collate(examples)
        wanted = np.zeros((2, *ids.shape), np.bool_)
        for i, example in enumerate(examples):
            first = self.marks.start(example.question)
            for start, end in example.spans:
                wanted[0, i, first + start] = wanted[1, i, first + end] = True
            if not example.spans:
                wanted[:, i, 0] = True
        padding = torch.arange(ids.shape[1]) >= lengths[:, None]
        logits = torch.stack(module(ids, types, lengths)).float().masked_fill(padding, -1e4)  # (2, B, T)
        return (logits.logsumexp(-1) - logits.masked_fill(~torch.as_tensor(wanted), -1e4).logsumexp(-1)).mean()

    @torch.no_grad()
    def spans(self, module: nn.Module, examples: Sequence[Window]) -> Iterator[tuple[Window, float, float, int, int]]:
        """Each window with the margin over "no answer", the score, first and last token of its best span."""
        for batch in by_length([self.cost(example) for example in examples]):
            chosen = [examples[i] for i in batch]
            starts, ends = (logits.float().cpu().numpy() for logits in module(*self.collate(chosen)))
            for i, example in enumerate(chosen):
                first, size = self.marks.start(example.question), example.stop - example.start
                score, a, b = best_span(starts[i, first : first + size], ends[i, first : first + size])
                yield example, score - float(starts[i, 0] + ends[i, 0]), score, a, b

    def answers(self, module: nn.Module, examples: Sequence[Window], rows: Rows) -> list[tuple[str, float]]:
        """The best span of each row over all its windows, and its margin."""
        best = [(-math.inf, "", -math.inf)] * len(rows)
        for example, margin, score, a, b in self.spans(module, examples):
            offsets = example.passage.offsets[example.start :]
            text = rows[example.row]["context"][offsets[a, 0] : offsets[b, 1]]
            best[example.row] = max(best[example.row], (score, text, margin))
        return [(text, margin) for _, text, margin in best]

    def finish(self, module: nn.Module, rows: Rows) -> None:
        """Tune confidence and threshold on at most TUNED of the rows."""
        answered = [row for row in rows if row["answers"]]
        answered = answered[:: max(1, len(answered) // TUNED)]
        without = unanswerable(answered + [row for row in rows if not row["answers"]][:TUNED])
        found, refusals = (self.answers(module, self.examples(part, training=False), part)
                           for part in (answered, without))
        scores = np.array(self.scores(answered, found)).reshape(-1, 2) / 100
        self.confidence = tuned([margin for _, margin in found], scores[:, 0].tolist(), scores[:, 1].tolist(),
                                [margin for _, margin in refusals])

    def scores(self, rows: Rows, found: Sequence[tuple[str, float]]) -> list[tuple[float, float]]:
        """Exact match and F1 of each row."""
        truth = [[answer["text"] for answer in row["answers"]] for row in rows]
        return [(exact_match(text, t), squad_f1(text, t)) for (text, _), t in zip(found, truth, strict=True)]

    def validate(self, module: nn.Module, examples: Sequence[Window]) -> dict[str, float]:
        """Share of the windows with an answer whose best span is exactly it."""
        answered = [example for example in examples if example.spans]
        right = sum((a, b) in example.spans for example, _, _, a, b in self.spans(module, answered))
        return {"exact_span": right / max(1, len(answered))}

    def samples(self, module: nn.Module, rows: Rows) -> list[Sample]:
        found = self.answers(module, self.examples(rows, training=False), rows)
        expected = [row["answers"][0]["text"] if row["answers"] else "" for row in rows]
        return [{"input": row["question"], "output": output, "expected": right}
                for row, (output, _), right in zip(rows, found, expected, strict=True)]

    def evaluate(self, module: nn.Module, rows: Rows) -> dict[str, Any]:
        answered = [row for row in rows if row["answers"]]
        found = self.answers(module, self.examples(answered, training=False), answered)
        scores = self.scores(answered, found)
        em, f1 = (float(np.mean(column)) for column in zip(*scores, strict=True))
        return {"em": em, "f1": f1, "rows": len(answered)} | self.refusals(module, rows, found, scores)

    def refusals(self, module: nn.Module, rows: Rows, found: Sequence[tuple[str, float]],
                 scores: Sequence[tuple[float, float]]) -> dict[str, float]:
        """How questions without an answer are told from the others, where the rows have such."""
        without = [row for row in rows if not row["answers"]]
        if not without:
            return {}
        margins = [margin for _, margin in self.answers(module, self.examples(without, training=False), without)]
        return figures([margin for _, margin in found], [f1 for _, f1 in scores], margins, self.confidence.threshold)

    def preprocessing(self) -> dict[str, Any]:
        return {"window": self.config.window, "stride": self.config.stride, "longest_question": LONGEST_QUESTION,
                "longest_answer": LONGEST_ANSWER, **self.confidence.preprocessing()}


def token_spans(answers: Sequence[Row], offsets: np.ndarray) -> list[tuple[int, int]]:
    """First and last token of each answer that tokens cover."""
    starts, ends = offsets.T
    found = []
    for answer in answers:
        start, end = answer["start"], answer["start"] + len(answer["text"])
        first = int(np.searchsorted(ends, start, side="right"))
        last = int(np.searchsorted(starts, end, side="left")) - 1
        if first <= last:
            found.append((first, last))
    return sorted(set(found))


def best_span(starts: np.ndarray, ends: np.ndarray) -> tuple[float, int, int]:
    """Score, first and last token of the best span of at most LONGEST_ANSWER tokens."""
    scores = starts[:, None] + ends[None, :]
    scores = np.where(np.tri(len(starts), k=-1, dtype=bool) | ~np.tri(len(starts), k=LONGEST_ANSWER - 1, dtype=bool),
                      -np.inf, scores)
    first, last = divmod(int(scores.argmax()), len(starts))
    return float(scores[first, last]), first, last
