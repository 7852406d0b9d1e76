"""Texts as words: cut, thinned, joined."""

from __future__ import annotations

from opencc import OpenCC

from modeling.text.chinese import simplified
from modeling.text.words import segmenter, standard_stop_words, with_ngrams, without_stop_words


def test_languages_are_cut_each_in_its_way() -> None:
    assert segmenter()("I don't pay 3.50 in São Paulo!") == ["I", "don't", "pay", "3.50", "in", "São", "Paulo", "!"]
    assert segmenter()("我来到北京清华大学，学NLP") == ["我", "来到", "北京", "清华大学", "，", "学", "NLP"]
    assert segmenter()("") == segmenter()(" \n ") == []


def test_added_words_are_words() -> None:
    added = ("C++", "New York", "T恤", "量子纠缠态", "covid-19")
    cut = segmenter(added)
    assert segmenter()("量子纠缠态") != ["量子纠缠态"]
    assert cut("量子纠缠态很神奇") == ["量子纠缠态", "很", "神奇"]
    assert cut("use C++ in New  York, 买T恤吗") == ["use", "C++", "in", "New_York", ",", "买", "T恤", "吗"]
    assert cut("covid-199 newcovid-19")[:3] == ["covid", "-", "199"]  # never out of the middle of a word


def test_an_added_chinese_word_is_weighed_against_its_neighbours() -> None:
    assert segmenter(("和服",))("产品和服务") == ["产品", "和", "服务"]


def test_the_longest_added_word_wins() -> None:
    assert segmenter(("New", "New York", "New York Times"))("New York Times, New York, Newer") == [
        "New_York_Times", ",", "New_York", ",", "Newer"]


def test_twenty_thousand_added_words_cost_no_more_than_a_few() -> None:
    cut = segmenter([f"X-{n}" for n in range(20_000)])
    assert cut("X-7 " * 2000) == ["X-7"] * 2000


def test_stop_words_go_whatever_their_case() -> None:
    tokens = ["The", "cat", "is", "on", "the", "mat"]
    assert without_stop_words(tokens, standard_stop_words(["en"])) == ["cat", "mat"]
    assert "的" in standard_stop_words(["zh"])


def test_ngrams_stand_behind_their_last_word_and_cross_no_mark() -> None:
    assert with_ngrams(["not", "so", "good", ",", "at", "all"], 3) == [
        "not", "so", "not_so", "good", "so_good", "not_so_good", ",", "at", "all", "at_all"]
    assert with_ngrams(["<url>", "我"], 2) == ["<url>", "我", "<url>_我"]


def test_simplified_chinese_is_that_of_opencc() -> None:
    reference = OpenCC("t2s")
    for text in ("乾隆皇帝說乾燥的蘋果發麵", "臺灣的電腦軟體與網際網路", "後來皇后頭髮發現", "English",
                 "已经是简体", ""):
        assert simplified(text) == reference.convert(text)
        assert len(simplified(text)) == len(text)
