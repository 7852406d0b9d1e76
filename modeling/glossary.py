"""A glossary that is kept: the terms of a source, and a beam search whose every result has their translations.

Lexically constrained decoding with one bank of hypotheses for each number of terms written (Hokamp & Liu 2017, with
the one beam shared by the banks of Post & Vilar 2018). The model decides where a term stands; it has to stand as it is
in the glossary, as a word of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from modeling.decoding import BeamSearch, Floats, Integers, Rules
from modeling.text import Tokenizer, is_chinese

WIDTH = 8  # hypotheses of a sentence with terms: each number of terms written needs some
MOST_TERMS, LONGEST_TERM = 2000, 200  # of a glossary; characters

Pairs = Sequence[tuple[str, str]]  # terms with their translations
_ENDING = tuple(".!?。！？…")


@dataclass(frozen=True, slots=True)
class Found:
    """A term in a text: its characters `start` to `end`."""

    source: str
    target: str
    start: int
    end: int


def found_terms(text: str, pairs: Pairs) -> list[Found]:
    """The terms that stand in a source, each once, the longest first where they overlap; case does not count."""
    taken = [False] * len(text)
    found: list[Found] = []
    for source, target in sorted(pairs, key=lambda pair: -len(pair[0])):
        start = place_of(source, text, taken)
        if start >= 0 and all(target != other.target for other in found):
            taken[start : start + len(source)] = [True] * len(source)
            found.append(Found(source, target, start, start + len(source)))
    return sorted(found, key=lambda one: one.start)


def place_of(term: str, text: str, taken: Sequence[bool] = ()) -> int:
    """Where a term stands in a text as a word of its own; -1 where it does not."""
    whole, wanted = _lower(text), _lower(term)
    start = whole.find(wanted) if wanted else -1
    while start >= 0:
        end = start + len(wanted)
        inside = (start and _joined(whole[start - 1], whole[start])) or (
            end < len(whole) and _joined(whole[end - 1], whole[end]))
        if not inside and not any(taken[start:end]):
            return start
        start = whole.find(wanted, start + 1)
    return -1


def _lower(text: str) -> str:
    """Lower case, character by character: places stay the same."""
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)


def _joined(first: str, second: str) -> bool:
    """Whether two neighbouring characters belong to one word."""
    return _wordlike(first) and _wordlike(second)


def _wordlike(character: str) -> bool:
    return character.isalnum() and not is_chinese(character)


@dataclass(frozen=True, slots=True)
class Spelling:
    """The tokens of a term, and where they may begin."""

    ids: tuple[int, ...]
    first: bool  # whether as the first of the text
    later: bool  # whether behind other words
    glued: bool  # whether it brings no space along, so that the text before it may not end in a letter


@dataclass(frozen=True, slots=True)
class Progress:
    """Which terms a hypothesis has, and which it is writing: (term, spelling, tokens written)."""

    done: frozenset[int] = frozenset()
    active: frozenset[tuple[int, int, int]] = frozenset()
    closed: bool = False  # a term has just ended: no letter may follow

    @property
    def bank(self) -> tuple[int, int]:
        """Terms written, and tokens of the one that is being written."""
        return len(self.done), max((at for _, _, at in self.active), default=0)


class Terms:
    """What has to stand in a text, as tokens."""

    def __init__(self, tokenizer: Tokenizer, targets: Iterable[str]) -> None:
        self.tokenizer = tokenizer
        self.spellings = [_spellings(tokenizer, target) for target in targets]

    def __len__(self) -> int:
        return len(self.spellings)

    def wanted(self, progress: Progress, previous: int | None) -> set[int]:
        """Tokens that go on with a term, or begin one."""
        if progress.active:
            return {self.spellings[term][way].ids[at] for term, way, at in progress.active}
        return {self.spellings[term][way].ids[0] for term, way in self._open(progress, previous)}

    def after(self, progress: Progress, previous: int | None, token: int) -> Progress | None:
        """The progress with one more token; None where that token may not follow."""
        piece = self.tokenizer.piece(token).decode("utf-8", "replace")  # a part of a character counts as a letter
        if progress.closed and piece and (piece[0] == "\ufffd" or _wordlike(piece[0])):
            return None
        begun = [(term, way, 0) for term, way in self._open(progress, previous)] if not progress.active else []
        going = [(term, way, at + 1) for term, way, at in (*progress.active, *begun)
                 if self.spellings[term][way].ids[at] == token]
        ended = [term for term, way, at in going if at == len(self.spellings[term][way].ids)]
        if ended:
            return Progress(progress.done | {ended[0]}, closed=piece == "\ufffd" or _wordlike(piece[-1:]))
        return Progress(progress.done, frozenset(going))

    def _open(self, progress: Progress, previous: int | None) -> list[tuple[int, int]]:
        """Terms with their spellings that can begin behind `previous`."""
        before = "" if previous is None else self.tokenizer.piece(previous).decode("utf-8", "replace")
        if before.strip()[-1:] in _ENDING:
            return []  # behind the end of a sentence a term would only hang on to it
        return [(term, way) for term, ways in enumerate(self.spellings) if term not in progress.done
                for way, spelling in enumerate(ways)
                if (spelling.first if previous is None else
                    spelling.later and not (spelling.glued and _wordlike(before[-1:])))]


def _spellings(tokenizer: Tokenizer, term: str) -> list[Spelling]:
    """As it stands, with a space before it, and with a capital letter at the beginning of a text."""
    found: dict[tuple[int, ...], Spelling] = {}
    glued = False  # whether it can be spelt without a space
    for text, first, later in ((term, True, True), (f" {term}", False, True),
                               (term[:1].upper() + term[1:], True, False)):
        ids = tuple(tokenizer.encode(text))
        spelt = b"".join(map(tokenizer.piece, ids)).decode("utf-8", "replace")
        if ids and spelt.strip() == text.strip() and not spelt.startswith("  "):
            glued = glued or not spelt.startswith(" ")
            found.setdefault(ids, Spelling(ids, first or not glued, later, glued=not spelt.startswith(" ")))
    return list(found.values())


Candidate = tuple[float, int, int, Progress]
"""Score, row, token, and the progress with it."""


class ConstrainedSearch(BeamSearch):
    """A beam search that ends a text only when it has all terms. Terms that the tokenizer cannot spell are left out."""

    needs_logits = True

    def __init__(self, *, width: int, rules: Rules, terms: Terms) -> None:
        super().__init__(width=width, rules=rules)
        terms.spellings = [ways for ways in terms.spellings if ways]
        self.terms, self.progress = terms, [Progress()] * width

    def advance(
        self, top_ids: Integers, top_logprobs: Floats, logits: Floats | None = None
    ) -> tuple[Integers, Integers]:
        assert logits is not None
        candidates = self._candidates(top_ids, top_logprobs, logits)
        for score, row, token, _ in candidates:
            if token == self.rules.end:
                self._finish(self.tokens[row, : self.length], score)
        chosen = _shared_out([one for one in candidates if one[2] != self.rules.end], self.width)
        if self.length + 1 == self.rules.max_tokens:  # the end is near: those with most terms count
            most = max((one[3].bank for one in chosen), default=(0, 0))
            chosen = [one for one in chosen if one[3].bank == most]
        filled = chosen + [(-np.inf, 0, 0, Progress())] * (self.width - len(chosen))
        scores, parents, tokens, progress = zip(*filled, strict=True)
        self.progress = list(progress)
        self._continue(np.array(parents), np.array(tokens), np.array(scores))
        return np.array(parents), np.array(tokens)

    def _candidates(
        self, top_ids: Integers, top_logprobs: Floats, logits: Floats
    ) -> list[Candidate]:
        """All that may follow, the best first."""
        ids, logprobs = self._lawful(top_ids, top_logprobs.astype(np.float64))
        found: list[Candidate] = []
        for row in np.flatnonzero(np.isfinite(self.scores)).tolist():
            follow = dict(zip(ids[row].tolist(), logprobs[row].tolist(), strict=True))
            previous = int(self.tokens[row, self.length - 1]) if self.length else None
            if self.length >= len(self.rules.forced):
                total = float(logits[row, top_ids[row, 0]] - top_logprobs[row, 0])
                follow |= {token: float(logits[row, token]) - total
                           for token in self.terms.wanted(self.progress[row], previous)}
            for token, logprob in follow.items():
                after = self.terms.after(self.progress[row], previous, token)
                unfinished = token == self.rules.end and len(self.progress[row].done) < len(self.terms)
                if after is not None and not unfinished and np.isfinite(logprob):
                    found.append((float(self.scores[row]) + logprob, row, token, after))
        return sorted(found, key=lambda one: -one[0])


def _shared_out(candidates: list[Candidate], width: int) -> list[Candidate]:
    """Numbers of terms take turns, the highest first, until the beam is full; of each number those hypotheses that
    write no term and those that do, the furthest first: what was begun is brought to its end."""
    banks: dict[int, dict[int, list[Candidate]]] = {}
    for one in candidates:
        done, begun = one[3].bank
        banks.setdefault(done, {}).setdefault(begun, []).append(one)
    ordered = [_in_turn([parts[begun] for begun in sorted(parts, key=lambda n: (n > 0, -n))])
               for _, parts in sorted(banks.items(), reverse=True)]
    return _in_turn(ordered)[:width]


def _in_turn(lists: list[list[Candidate]]) -> list[Candidate]:
    """The first of each list, the second of each, and so on."""
    return [one for place in zip_longest(*lists) for one in place if one is not None]
