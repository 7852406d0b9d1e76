"""How answers are chosen from scores: stop texts, beam search, spans. NumPy only; used by serving and by evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class StopTexts:
    """Ends a text at the first of some stop texts, and holds back what may be the beginning of one.

    What `add` and `flush` return, joined, is the text up to (without) the stop text; `reached` tells whether one came.
    """

    def __init__(self, stop: tuple[str, ...]) -> None:
        self.stop, self.held, self.reached = stop, "", False

    def add(self, text: str) -> str:
        """Take more text; return what can be shown for certain."""
        if not self.stop:
            return text
        self.held += text
        found = [at for stop in self.stop if (at := self.held.find(stop)) >= 0]
        if found:
            self.reached = True
            shown, self.held = self.held[: min(found)], ""
        else:
            keep = max(_overlap(self.held, stop) for stop in self.stop)
            shown, self.held = self.held[: len(self.held) - keep], self.held[len(self.held) - keep :]
        return shown

    def flush(self) -> str:
        """Return what was held back, at the end of the text."""
        shown, self.held = self.held, ""
        return shown


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that is a beginning of `stop`, but not all of it."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if stop.startswith(text[-n:])), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a beam search has to keep to, and how it weighs lengths."""

    end: int  # the token that ends a text
    max_tokens: int  # of a text, without its end
    min_tokens: int = 0  # before which it may not end
    length_penalty: float = 1.0  # a finished text scores its log probability over its length to this power
    no_repeat: int = 0  # no run of so many tokens comes twice; 0 lets them
    forced: tuple[int, ...] = ()  # tokens that every text begins with
    forbidden: tuple[int, ...] = ()  # tokens that no text has


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """A finished candidate. `score` is its log probability divided by length ** length_penalty."""

    tokens: tuple[int, ...]
    score: float
    truncated: bool = False  # it ran into the length limit


class BeamSearch:
    """The hypotheses of one text, `width` at a time (Graves 2012; scores divided by a power of the length, which is
    what Wu et al. 2016, 7, come to without their constant of 5 tokens).

    Each step of the model gives the best continuations of each live hypothesis; `advance` keeps the best `width` of
    all of them and says which rows of the cache they continue. The search is done when no live hypothesis is better
    than the best finished one. `width` 1 is greedy search.
    """

    needs_logits = False  # whether `advance` wants the logits of the whole vocabulary

    def __init__(self, *, width: int, rules: Rules) -> None:
        self.width, self.rules = width, rules
        self.tokens = np.zeros((width, rules.max_tokens), np.int64)  # live hypotheses
        self.scores = np.full(width, -np.inf)  # their summed log probabilities
        self.scores[0] = 0.0  # all rows start alike: only one may be continued at first
        self.length = 0
        self.finished: Hypothesis | None = None  # the best so far
        self.done = False
        self.shared = 0  # tokens that all live hypotheses were seen to begin with

    def advance(
        self, top_ids: Integers, top_logprobs: Floats, logits: Floats | None = None
    ) -> tuple[Integers, Integers]:
        """Take one step. `top_ids`, `top_logprobs` [width, K] with K >= 2 * width, or the whole vocabulary; `logits`
        [width, V] for a search that needs them.

        Returns for each live hypothesis the row that it continues and its newest token, each [width].
        """
        ids, logprobs = self._lawful(top_ids, top_logprobs.astype(np.float64))
        sums = self.scores[:, None] + logprobs  # (W, K)
        best = np.argsort(-sums, axis=None, kind="stable")[: 2 * self.width]
        parents, tokens, scores = best // sums.shape[1], ids.ravel()[best], sums.ravel()[best]
        ends = tokens == self.rules.end
        for rank in np.flatnonzero(ends[: self.width]):
            if np.isfinite(scores[rank]):
                self._finish(self.tokens[parents[rank], : self.length], scores[rank])
        going = np.flatnonzero(~ends)[: self.width]
        if len(going) < self.width:  # only a vocabulary as small as the beam leaves fewer
            going = np.resize(going, self.width) if len(going) else np.zeros(self.width, np.int64)
        self._continue(parents[going], tokens[going], scores[going])
        return parents[going], tokens[going]

    def _lawful(self, ids: Integers, logprobs: NDArray[np.float64]) -> tuple[Integers, NDArray[np.float64]]:
        """The candidates with those ruled out at -inf."""
        if self.length < len(self.rules.forced):
            ids = np.where(np.arange(ids.shape[1]) == 0, self.rules.forced[self.length], ids)
            return ids, np.where(np.arange(ids.shape[1]) == 0, 0.0, np.full(ids.shape, -np.inf))
        wrong = np.isin(ids, self.rules.forbidden)
        if self.length < self.rules.min_tokens:
            wrong |= ids == self.rules.end
        if self.rules.no_repeat:
            wrong |= self._repeating(ids)
        return ids, np.where(wrong, -np.inf, logprobs)

    def _repeating(self, ids: Integers) -> NDArray[np.bool_]:
        """Which candidates [width, K] would close a run of tokens that their hypothesis has already."""
        before, size = self.rules.no_repeat - 1, self.length
        if size < before + 1:
            return np.zeros(ids.shape, bool)
        live = self.tokens[:, :size]
        runs = np.lib.stride_tricks.sliding_window_view(live[:, : size - 1], before, axis=1) if before else None
        same = np.ones(live.shape, bool) if runs is None else (runs == live[:, None, size - before :]).all(-1)
        followers = np.where(same, live[:, before:], -1)  # (W, places); no id is negative
        return (ids[:, :, None] == followers[:, None, :]).any(-1)

    def _continue(self, parents: Integers, tokens: Integers, scores: NDArray[np.float64]) -> None:
        before = self.tokens[:, : self.length], self.scores
        self.tokens = self.tokens[parents]
        self.tokens[:, self.length] = tokens
        self.scores = np.where(tokens == self.rules.end, -np.inf, scores)  # (an end stands here for want of others)
        self.length += 1
        live = np.flatnonzero(np.isfinite(self.scores))
        if not len(live) and self.finished is None:  # everything was ruled out: what stood before has to do
            self._finish(before[0][int(before[1].argmax())], float(before[1].max()), truncated=True)
        if self.finished and (not len(live) or self._beaten()):
            self.done = True
        elif self.length == self.rules.max_tokens:
            for row in live:
                self._finish(self.tokens[row], self.scores[row], truncated=True)
            self.done = True

    def _beaten(self) -> bool:
        """Whether no live hypothesis scores more than the best finished one."""
        assert self.finished is not None
        return self.finished.score >= self._normalised(float(self.scores.max()), self.length)

    def _normalised(self, score: float, length: int) -> float:
        return float(score / max(length, 1) ** self.rules.length_penalty)

    def _finish(self, tokens: Integers, score: float, *, truncated: bool = False) -> None:
        normalised = self._normalised(score, len(tokens) + (not truncated))  # the end token counts
        if self.finished is None or normalised > self.finished.score:
            self.finished = Hypothesis(tokens=tuple(tokens.tolist()), score=normalised, truncated=truncated)

    def best(self) -> Hypothesis:
        """Return the best finished hypothesis; there is one when `done`."""
        assert self.finished is not None
        return self.finished

    def agreed(self) -> list[int]:
        """Return the tokens that no later step can change: every hypothesis that may still win begins with them."""
        if self.done:
            return list(self.best().tokens)
        live = self.tokens[np.isfinite(self.scores), : self.length]
        first = live[0]
        same = (live == first).all(axis=0)
        limit = self.length if same.all() else int(same.argmin())
        if self.finished:
            limit = min(limit, _common(first, self.finished.tokens))
        self.shared = max(self.shared, limit)
        tokens: list[int] = first[: self.shared].tolist()
        return tokens


def _common(first: Integers, second: tuple[int, ...]) -> int:
    return next((n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), len(second))


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Tokens `start` to `end` (included) of a window."""

    start: int
    end: int
    score: float  # start logit + end logit: comparable between windows of one question
    margin: float  # score minus that of [CLS], the window's first token, which means "no answer here"


def best_spans(
    start_logits: Floats, end_logits: Floats, *, first: int, stop: int, longest: int = 30, count: int = 1
) -> list[Span]:
    """Return the best spans of at most `longest` tokens within tokens `first` to `stop` (excluded), best first.

    Logits are [tokens of the window], without padding. Spans that overlap a better one are left out.
    """
    starts, ends = start_logits[first:stop].astype(np.float64), end_logits[first:stop].astype(np.float64)
    if not len(starts):
        return []
    padded = np.concatenate([ends, np.full(longest - 1, -np.inf)])
    sums = starts[:, None] + np.lib.stride_tricks.sliding_window_view(padded, longest)  # (tokens, longest)
    none = float(start_logits[0]) + float(end_logits[0])
    spans: list[Span] = []
    while len(spans) < count and np.isfinite(best := sums.max()):
        start, extra = divmod(int(sums.argmax()), longest)
        end = start + extra
        spans.append(
            Span(start=first + start, end=first + end, score=float(best), margin=float(best - none))
        )
        _strike_out(sums, start, end)
    return spans


def _strike_out(sums: NDArray[np.float64], start: int, end: int) -> None:
    """Forbid every span that overlaps tokens `start` to `end`."""
    sums[start : end + 1] = -np.inf
    for row in range(max(0, start - sums.shape[1] + 1), start):
        sums[row, start - row :] = -np.inf


def windows(length: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """Cut `length` tokens into stretches of at most `size` that overlap by `overlap`; together they cover all."""
    overlap = min(overlap, size - 1)
    starts = range(0, length - overlap, size - overlap) if length > size else range(1)
    return [(start, min(start + size, length)) for start in starts]
