"""Text generation: sequences share one running batch, and a new one is prefilled in chunks between their steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from modeling.artifact import Artifact
from modeling.decoding import StopTexts
from modeling.errors import RequestError
from modeling.inference.model_runner import DecoderRunner
from modeling.inference.request import Chunk, FinishReason, Request
from modeling.inference.scheduler import Job, Scheduler
from modeling.text import Chat

CHUNK = 128  # prompt tokens a step, so that the others wait no longer than that takes


class Sequence(Job):
    """A text that grows."""

    def __init__(self, request: Request, prompt: list[int], detokenizer: Any) -> None:
        super().__init__(request)
        self.prompt = prompt
        self.row = -1
        self.prefilled = 0  # prompt tokens in the cache
        self.generated = 0
        self.random = np.random.default_rng(request.sampling.seed)
        self.detokenizer, self.stops = detokenizer, StopTexts(request.sampling.stop)
        self.ids: list[int] = []  # not sent yet: their text is not certain
        self.logprobs: list[float] = []
        self.candidates: list[list[tuple[str, float]]] = []


@dataclass(frozen=True, slots=True)
class Prefill:
    """The next chunk of one prompt."""

    sequence: Sequence
    ids: list[int]


@dataclass(frozen=True, slots=True)
class Decode:
    """One token for each of the sequences, which fill the first rows."""

    sequences: list[Sequence]


class GenerationScheduler(Scheduler[Sequence, Prefill | Decode, None]):
    """Decodes the sequences in rows 0 to n - 1 of the cache; the one that is being prefilled has a row behind them."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str, slots: int, max_waiting: int) -> None:
        super().__init__(slots=slots, max_waiting=max_waiting)
        self.runner = DecoderRunner(artifact, slots=slots, threads=threads, device=device)
        self.tokenizer = artifact.tokenizer
        self.chat = Chat(self.tokenizer, artifact.preprocessing)
        self.ends = frozenset(self.chat.ends)
        self.decoding: list[Sequence] = []  # by row
        self.prefilling: Sequence | None = None
        self._prefilled_last = False
        self._texts: dict[int, str] = {}

    def prepare(self, request: Request) -> Sequence:
        ids = self._prompt(request)
        if len(ids) >= self.runner.capacity:
            raise RequestError(f"The text has {len(ids)} tokens", remedy="Shorten the text",
                               allowed=f"This model takes up to {self.runner.capacity - 1} and writes on from there")
        if not ids:
            raise RequestError("The text is empty", remedy="Write the first words")
        return Sequence(request, ids, self.tokenizer.detokenizer())

    def _prompt(self, request: Request) -> list[int]:
        """A model with a template hears the conversation, of which the oldest messages make room for an answer."""
        if not self.chat.template:
            return [*self.chat.start, *self.tokenizer.encode(request.text)]
        if not request.text.strip():
            return []
        earlier = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(request.history)]
        room = self.runner.capacity - 1 - min(request.sampling.max_tokens, self.runner.capacity // 2)
        return self.chat.fitting([*earlier, {"role": "user", "content": request.text}], room)

    def schedule(self) -> Prefill | Decode | None:
        if self.prefilling is None and len(self.decoding) < self.slots and (sequence := self.next_waiting()):
            self._take_row(sequence)
        if self.prefilling and not (self._prefilled_last and self.decoding):
            done = self.prefilling.prefilled
            return Prefill(self.prefilling, self.prefilling.prompt[done : done + CHUNK])
        return Decode(self.decoding.copy()) if self.decoding else None

    def run(self, batch: Prefill | Decode) -> None:
        sequences = [batch.sequence] if isinstance(batch, Prefill) else batch.sequences
        for sequence in sequences:
            if isinstance(batch, Decode) or self._is_last(batch):
                self.runner.uniform[sequence.row] = sequence.random.random(dtype=np.float32)
        if isinstance(batch, Prefill):
            self.runner.prefill(batch.sequence.row, batch.ids)
        else:
            self.runner.decode(len(sequences))

    def update(self, batch: Prefill | Decode, output: None) -> None:
        self._prefilled_last = isinstance(batch, Prefill)
        if isinstance(batch, Decode):
            self.count(len(batch.sequences), len(batch.sequences))
            self._take_tokens(batch.sequences)
            return
        last = self._is_last(batch)
        batch.sequence.prefilled += len(batch.ids)
        if last:
            self._activate(batch.sequence)
            self._take_tokens([batch.sequence])

    def release(self, job: Sequence) -> None:
        """Free the row; the last decoding sequence moves into it, so that the rows stay together."""
        if job is self.prefilling:
            self.prefilling = None
            return
        last = self.decoding.pop()
        if last is not job:
            self.runner.move(last.row, job.row)
            last.row = job.row
            self.decoding[last.row] = last

    def _is_last(self, batch: Prefill) -> bool:
        return batch.sequence.prefilled + len(batch.ids) == len(batch.sequence.prompt)

    def _take_row(self, sequence: Sequence) -> None:
        """Give a sequence the first free row and write down how it wants to be sampled."""
        self.prefilling, sequence.row = sequence, len(self.decoding)
        runner, sampling, row = self.runner, sequence.request.sampling, sequence.row
        greedy = sampling.temperature == 0
        runner.clear(row)
        runner.inverse_temperature[row] = 1 if greedy else 1 / sampling.temperature
        runner.top_k[row], runner.top_p[row] = 1 if greedy else sampling.top_k, sampling.top_p
        runner.repetition_penalty[row] = sampling.repetition_penalty
        window = runner.recent.shape[1]
        runner.recent[row] = np.resize(sequence.prompt[-window:], window)

    def _activate(self, sequence: Sequence) -> None:
        """Let a prefilled sequence decode with the others; rows in front of it may have become free meanwhile."""
        row = len(self.decoding)
        if sequence.row != row:
            self.runner.move(sequence.row, row)
            sequence.row = row
        self.decoding.append(sequence)
        self.prefilling = None

    def _take_tokens(self, sequences: list[Sequence]) -> None:
        """Take the token that the model chose for each; read all first, because a sequence that ends moves others."""
        runner, rows = self.runner, [sequence.row for sequence in sequences]
        chosen = zip(runner.next[rows, 0].tolist(), runner.logprob[rows, 0].tolist(), runner.top_ids[rows].tolist(),
                     runner.top_logprobs[rows].tolist(), strict=True)  # fmt: skip
        for sequence, (token, logprob, ids, logprobs) in zip(sequences, list(chosen), strict=True):
            shown = dict(zip(ids, logprobs, strict=True))
            shown.setdefault(token, logprob)  # a daring choice lies outside of the best
            self._take(sequence, token, logprob, [(self._text(i), p) for i, p in shown.items()])

    def _take(self, sequence: Sequence, token: int, logprob: float, candidates: list[tuple[str, float]]) -> None:
        if token in self.ends:
            self._close(sequence, "stop")
            return
        sequence.generated += 1
        sequence.ids.append(token)
        sequence.logprobs.append(logprob if math.isfinite(logprob) else -1e9)
        sequence.candidates.append(candidates)
        text = sequence.stops.add(sequence.detokenizer.add([token]))
        length = int(self.runner.length[sequence.row])
        if sequence.stops.reached:
            self.finish(sequence, "stop", **_piece(sequence, text))
        elif sequence.generated == sequence.request.sampling.max_tokens or length == self.runner.capacity:
            self._close(sequence, "length", text)
        else:
            self._append(sequence, token)
            if text:
                sequence.emit(Chunk(**_piece(sequence, text)))

    def _append(self, sequence: Sequence, token: int) -> None:
        """Make a token the next input of its row."""
        window = self.runner.recent.shape[1]
        place = (min(len(sequence.prompt), window) + sequence.generated - 1) % window  # over the oldest
        self.runner.token[sequence.row], self.runner.recent[sequence.row, place] = token, token

    def _close(self, sequence: Sequence, reason: FinishReason, text: str = "") -> None:
        text += sequence.stops.add(sequence.detokenizer.flush())
        self.finish(sequence, reason, **_piece(sequence, text + sequence.stops.flush()))

    def _text(self, token: int) -> str:
        if token not in self._texts:
            self._texts[token] = self.tokenizer.decode([token])
        return self._texts[token]


def _piece(sequence: Sequence, text: str) -> dict[str, Any]:
    """What was not sent yet, as the fields of a chunk."""
    piece = {"text": text, "token_ids": tuple(sequence.ids), "logprobs": tuple(sequence.logprobs),
             "result": {"candidates": sequence.candidates} if sequence.candidates else None}  # fmt: skip
    sequence.ids, sequence.logprobs, sequence.candidates = [], [], []
    return piece
