"""A glossary's terms: found in the source as words, and in every text that the search ends."""

from __future__ import annotations

import numpy as np
import pytest

from modeling.decoding import Rules
from modeling.glossary import ConstrainedSearch, Terms, found_terms, place_of
from modeling.text import Tokenizer

TEXTS = ["the red fox sees a blue house", "le renard roux voit une maison bleue.", "红色的狐狸看见蓝色的房子"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(TEXTS, vocabulary_size=330)


def searched(tokenizer: Tokenizer, terms: list[str], *, seed: int, width: int = 8) -> str:
    """What comes out of a random language model when it has to have the terms."""
    rules = Rules(end=tokenizer.eos_id or 0, max_tokens=40, forbidden=(0, 1, 2))
    search = ConstrainedSearch(width=width, rules=rules, terms=Terms(tokenizer, terms))
    live: list[tuple[int, ...]] = [()] * width
    while not search.done:
        logits = np.stack([np.random.default_rng([seed, *row]).normal(size=tokenizer.vocabulary_size) * 3
                           for row in live]).astype(np.float32)
        logprobs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        ids = np.argsort(-logits, axis=1)[:, :16]
        parents, tokens = search.advance(ids, np.take_along_axis(logprobs, ids, 1), logits)
        live = [(*live[parent], int(token)) for parent, token in zip(parents, tokens, strict=True)]
    return tokenizer.decode(search.best().tokens)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("terms", [["renard"], ["maison bleue", "renard"], ["狐狸"], ["fox", "house", "roux"]])
def test_every_text_has_all_terms_as_words_of_their_own(tokenizer: Tokenizer, terms: list[str], seed: int) -> None:
    found = searched(tokenizer, terms, seed=seed)
    assert all(place_of(term, found) >= 0 for term in terms), found


def test_terms_are_found_as_words_without_regard_to_case_the_longest_first() -> None:
    pairs = [("fox", "renard"), ("red fox", "renard roux"), ("house", "maison"), ("ox", "bœuf")]
    found = found_terms("The Red Fox lives in a greenhouse, a house.", pairs)
    assert [(one.source, one.start) for one in found] == [("red fox", 4), ("house", 37)]
    assert [one.target for one in found_terms("红色的狐狸", [("狐狸", "fox")])] == ["fox"]
    assert found_terms("foxes", [("fox", "renard")]) == []
    assert place_of("", "text") == -1
