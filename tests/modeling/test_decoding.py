"""Stop texts, beam search against an exhaustive search, spans, windows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from modeling.decoding import BeamSearch, Rules, StopTexts, best_spans, windows

VOCABULARY, END, LONGEST = 4, 0, 4


def shown(stops: StopTexts, pieces: list[str]) -> list[str]:
    return [stops.add(piece) for piece in pieces]


def test_a_stop_text_is_found_across_pieces_and_cut_off() -> None:
    stops = StopTexts(("END", "\n\n"))
    assert shown(stops, ["one E", "N", "D two"]) == ["one ", "", ""]
    assert stops.reached


def test_what_only_begins_like_a_stop_text_comes_out_later() -> None:
    stops = StopTexts(("END",))
    assert shown(stops, ["one E", "N", "ough"]) == ["one ", "", "ENough"]
    assert shown(stops, ["E"]) == [""]
    assert stops.flush() == "E"
    assert not stops.reached


def test_the_first_of_several_stop_texts_counts() -> None:
    stops = StopTexts(("bc", "ab"))
    assert stops.add("xabc") == "x"


class Model:
    """A random language model over four tokens: a distribution for each beginning."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def logprobs(self, tokens: tuple[int, ...]) -> np.ndarray:
        logits = np.random.default_rng([self.seed, *tokens]).normal(size=VOCABULARY) * 2
        return (logits - np.log(np.exp(logits).sum())).astype(np.float32)

    def score(self, tokens: tuple[int, ...], penalty: float) -> float:
        """Of a whole text; the end counts unless the length limit cut it off."""
        path = tokens if len(tokens) == LONGEST else (*tokens, END)
        total = sum(float(self.logprobs(path[:n])[token]) for n, token in enumerate(path))
        return total / len(path) ** penalty


def search(model: Model, width: int, penalty: float) -> BeamSearch:
    beams = BeamSearch(width=width, rules=Rules(end=END, max_tokens=LONGEST, length_penalty=penalty))
    live: list[tuple[int, ...]] = [()] * width
    while not beams.done:
        scores = np.stack([model.logprobs(tokens) for tokens in live])
        ids = np.argsort(-scores, axis=1)
        parents, tokens = beams.advance(ids, np.take_along_axis(scores, ids, axis=1))
        live = [(*live[parent], int(token)) for parent, token in zip(parents, tokens, strict=True)]
    return beams


@pytest.mark.parametrize("seed", range(30))
def test_a_wide_beam_finds_what_an_exhaustive_search_finds(seed: int) -> None:
    model, words = Model(seed), [token for token in range(VOCABULARY) if token != END]
    everything = [text for n in range(LONGEST + 1) for text in itertools.product(words, repeat=n)]
    best = max(everything, key=lambda text: model.score(text, 0.0))
    found = search(model, 81, 0.0).best()
    assert found.tokens == best
    assert found.score == pytest.approx(model.score(best, 0.0), abs=1e-5)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("width", [1, 3])
def test_a_score_is_the_log_probability_by_length(seed: int, width: int) -> None:
    model = Model(seed)
    found = search(model, width, 1.0).best()
    assert found.score == pytest.approx(model.score(found.tokens, 1.0), abs=1e-5)


@pytest.mark.parametrize("seed", range(10))
def test_width_one_is_greedy(seed: int) -> None:
    model, tokens = Model(seed), ()
    while len(tokens) < LONGEST and (token := int(model.logprobs(tokens).argmax())) != END:
        tokens = (*tokens, token)
    found = search(model, 1, 1.0).best()
    assert found.tokens == tokens
    assert found.truncated == (len(tokens) == LONGEST)


@pytest.mark.parametrize("seed", range(20))
def test_what_was_agreed_on_is_never_taken_back(seed: int) -> None:
    model = Model(seed)
    beams = BeamSearch(width=3, rules=Rules(end=END, max_tokens=LONGEST))
    live: list[tuple[int, ...]] = [()] * 3
    agreed: list[list[int]] = []
    while not beams.done:
        scores = np.stack([model.logprobs(tokens) for tokens in live])
        ids = np.argsort(-scores, axis=1)
        parents, tokens = beams.advance(ids, np.take_along_axis(scores, ids, axis=1))
        live = [(*live[parent], int(token)) for parent, token in zip(parents, tokens, strict=True)]
        agreed.append(beams.agreed())
    final = list(beams.best().tokens)
    assert all(final[: len(tokens)] == tokens for tokens in agreed)


def walked(rules: Rules, seed: int, width: int = 2) -> tuple[int, ...]:
    """The best text of a random model with eight tokens."""
    beams, live = BeamSearch(width=width, rules=rules), [()] * width
    while not beams.done:
        scores = np.stack([np.random.default_rng([seed, *row]).normal(size=8) for row in live]).astype(np.float32)
        parents, tokens = beams.advance(np.tile(np.arange(8), (width, 1)), scores - 3)
        live = [(*live[parent], int(token)) for parent, token in zip(parents, tokens, strict=True)]
    return beams.best().tokens


@pytest.mark.parametrize("seed", range(8))
def test_a_search_keeps_to_its_rules(seed: int) -> None:
    found = walked(Rules(end=END, max_tokens=9, min_tokens=7, no_repeat=2, forced=(5, 3), forbidden=(1, 2)), seed)
    assert found[:2] == (5, 3) and len(found) >= 7 and not {1, 2} & set(found[2:])
    pairs = list(itertools.pairwise(found))
    assert len(set(pairs)) == len(pairs)
    once = walked(Rules(end=END, max_tokens=9, min_tokens=5, no_repeat=1), seed)
    assert len(set(once)) == len(once)


def test_a_search_that_may_write_nothing_ends_with_what_it_has() -> None:
    assert walked(Rules(end=END, max_tokens=9, min_tokens=9, no_repeat=1, forbidden=(1, 2, 3, 4)), 0)


def test_the_best_span_is_the_best_pair_within_the_passage_and_the_length() -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        start, end = generator.normal(size=(2, 20)).astype(np.float32)
        pairs = {(s, e): float(start[s] + end[e]) for s in range(5, 18) for e in range(s, min(18, s + 4))}
        (span,) = best_spans(start, end, first=5, stop=18, longest=4)
        assert (span.start, span.end) == max(pairs, key=lambda pair: pairs[pair])
        assert span.margin == pytest.approx(span.score - float(start[0] + end[0]), abs=1e-5)


def test_several_spans_do_not_overlap() -> None:
    start, end = np.random.default_rng(1).normal(size=(2, 30)).astype(np.float32)
    spans = best_spans(start, end, first=2, stop=30, longest=5, count=4)
    places = sorted((span.start, span.end) for span in spans)
    assert all(first[1] < second[0] for first, second in itertools.pairwise(places))
    assert [span.score for span in spans] == sorted((span.score for span in spans), reverse=True)
    assert best_spans(start, end, first=4, stop=4) == []


@pytest.mark.parametrize(("length", "size", "overlap"), [(0, 5, 2), (5, 5, 2), (6, 5, 2), (23, 5, 2), (9, 3, 0),
                                                         (9, 2, 5)])
def test_windows_cover_all_and_overlap(length: int, size: int, overlap: int) -> None:
    found = windows(length, size, overlap)
    assert {place for start, end in found for place in range(start, end)} == set(range(length))
    assert all(end - start <= size for start, end in found)
    if overlap < size:
        assert all(first[1] - second[0] == overlap for first, second in itertools.pairwise(found) if second[1] < length)
