"""Text to numbers, and words to phrases."""

from __future__ import annotations

import numpy as np
import pytest

from modeling.embeddings import corpus as under_test
from modeling.embeddings.corpus import load_corpus, read_corpus, save_corpus
from modeling.embeddings.words import words

TEXT = ["the cat saw the dog\nthe dog ran", "a cat and the the dog"]


def test_words_are_numbered_by_how_often_they_come(tmp_path):
    corpus = read_corpus(TEXT, tmp_path, min_count=2, most_words=10)
    assert (corpus.words, corpus.counts.tolist(), corpus.total) == (["the", "dog", "cat"], [5, 3, 2], 14)
    assert corpus.tokens.tolist() == [0, 2, 0, 1, -1, 0, 1, -1, 2, 0, 0, 1, -1]


def test_only_the_commonest_words_stay(tmp_path):
    assert read_corpus(TEXT, tmp_path, min_count=1, most_words=2).words == ["the", "dog"]


def test_rare_words_are_forgotten_when_there_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(under_test, "MOST_DISTINCT", 50)
    monkeypatch.setattr(under_test, "PIECE", 64)
    text = [f"the dog {'z' * (number + 1)} the cat" for number in range(200)]
    corpus = read_corpus(text, tmp_path, min_count=2, most_words=10)
    assert (corpus.words[0], corpus.counts.tolist()) == ("the", [400, 200, 200])


def test_what_was_read_is_found_again_when_it_is_whole(tmp_path):
    corpus = read_corpus(TEXT, tmp_path, min_count=2, most_words=10)
    assert load_corpus(tmp_path) is None
    save_corpus(corpus, tmp_path)
    found = load_corpus(tmp_path)
    assert found and found.words == corpus.words and np.array_equal(found.tokens, corpus.tokens)


@pytest.mark.parametrize(("text", "wanted"), [
    ("It's <br />a TEST, isn’t it? 3 times", ["it's", "a", "test", "isn’t", "it", "3", "times"]),
    ("我们喜欢自然语言处理。GPT很好", ["我们", "喜欢", "自然语言", "处理", "gpt", "很", "好"]),
    ("Tom &amp; Jerry", ["tom", "jerry"]),
    ("…", []),
])
def test_words_of_both_languages(text, wanted):
    assert words(text) == wanted


def test_a_number_that_no_character_has_is_no_fault():
    assert words(f"one &#{'9' * 5000}; two") == ["one", "two"]
