"""Sentences and normalisation."""

import time

import pytest

from modeling.text import folded, is_chinese, normalise, sentences


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(("text", "expected"), [
    ("One. Two! Three?", ["One.", "Two!", "Three?"]),
    ("Dr. Smith met Mr. Jones in Washington D.C. in Jan. 2020. He left.",
     ["Dr. Smith met Mr. Jones in Washington D.C. in Jan. 2020.", "He left."]),
    ('He said: "I like it." She did not.', ['He said: "I like it."', "She did not."]),
    ("It cost 3.5 million. Version 2.0 is out.", ["It cost 3.5 million.", "Version 2.0 is out."]),
    ("今天天气好。我们走吧！“好的。”他说。", ["今天天气好。", "我们走吧！", "“好的。”", "他说。"]),
    ("方法很好.结果也好.", ["方法很好.", "结果也好."]),
    ("第一行\n第二行", ["第一行", "第二行"]),
    ("A heading\n\nA paragraph that\ngoes on here.", ["A heading", "A paragraph that\ngoes on here."]),
    ("Points:\n- one\n- two", ["Points:", "- one", "- two"]),
    ("no end", ["no end"]),
    (" \n ", []),
])
def test_text_is_cut_where_sentences_end(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


def test_nothing_but_blanks_lies_between_sentences() -> None:
    text = " First... or not?! Then (maybe). 然后呢？\n\n- x\n- y  "
    starts, ends = zip(*sentences(text), strict=True)
    gaps = [text[end:start] for end, start in zip([0, *ends], [*starts, len(text)], strict=True)]
    assert not "".join(gaps).strip()


@pytest.mark.parametrize("unit", [".", "!", "\n", ". ", "。”", "\n-", "a.", " "])
def test_long_runs_of_marks_take_no_time(unit: str) -> None:
    started = time.monotonic()
    sentences(unit * 100_000 + "x")
    assert time.monotonic() - started < 5


def test_normalising_composes_and_cleans() -> None:
    assert normalise("\ufeff e\u0301t\u00e9 \r\n\r\n a\u200b\tb\x00 ") == "été\n\na b"


def test_folding_makes_the_same_of_what_looks_the_same() -> None:
    assert folded("ＡＢＣ  Straße\n") == folded("abc strasse")


def test_chinese_is_told_from_other_text() -> None:
    assert is_chinese("北京是首都 capital")
    assert not is_chinese("The character 中 means middle in this sentence")
    assert not is_chinese("")
