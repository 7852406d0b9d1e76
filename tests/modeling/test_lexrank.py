"""LexRank on English and Chinese."""

import numpy as np
import pytest

from modeling.errors import DataError
from modeling.lexrank import summarise

ENGLISH = ("Solar panels turn light into power. The price of solar panels has fallen by half. My aunt likes tea. "
           "Cheap solar panels make solar power grow fast. The price of solar panels has fallen by half!")
CHINESE = "太阳能电池把光变成电力。太阳能电池的价格下降了一半。我的阿姨喜欢喝茶。便宜的太阳能电池使太阳能电力快速增长。"


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_what_is_said_by_most_sentences_is_chosen_and_the_odd_one_is_not(text: str) -> None:
    chosen = summarise(text, sentences=2)
    assert 2 not in [sentence.index for sentence in chosen]
    assert all(text[s.start : s.end] == s.text for s in chosen)
    assert [s.index for s in chosen] == sorted(s.index for s in chosen)


def test_nothing_is_said_twice() -> None:
    chosen = summarise(ENGLISH, sentences=4)
    assert len(chosen) == 4
    assert sum("fallen by half" in sentence.text for sentence in chosen) == 1


def test_all_sentences_are_scored_to_one_in_sum() -> None:
    assert sum(s.score for s in summarise(CHINESE, sentences=10)) == pytest.approx(1)


def test_a_heading_is_no_sentence_of_a_summary() -> None:
    assert summarise("Solar panels\n\n" + ENGLISH, sentences=1)[0].index > 0


def test_the_length_follows_the_text() -> None:
    text = " ".join(f"Sentence {i} speaks about subject number {i % 7} at length." for i in range(100))
    assert len(summarise("One sentence only.")) == 1
    assert len(summarise(text)) == 7
    assert summarise(text) == summarise(text)


def test_odd_texts_do_no_harm() -> None:
    for text in ("?!", "...", "a", "# T", "的的的。的的的。", "1 2 3. 4 5 6."):
        assert len(summarise(text)) == 1


def test_limits_are_said() -> None:
    with pytest.raises(DataError, match="no text to summarise"):
        summarise(" \n")
    with pytest.raises(DataError, match="2,001 sentences. At most 2,000"):
        summarise("A word. " * 2001)
    with pytest.raises(DataError, match="At least 1"):
        summarise("A word.", sentences=0)


def test_vectors_find_alike_what_shares_no_word() -> None:
    text = "A cat slept here. The law is strict now. Kittens doze all day. Tomcats nap for hours."
    chosen = summarise(text, sentences=3, vectors=lambda found: np.eye(2)[[int("law" in one) for one in found]])
    assert [s.index for s in chosen] == [0, 1]  # the others say the same as the first
    assert [s.index for s in summarise(text, sentences=1, vectors=lambda found: np.zeros((len(found), 2)))] == [0]
