"""A list of questions says which of them is meant, or that it is not sure."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from modeling.datasets.questions import questions_of
from modeling.errors import DataError
from modeling.faq import FILE, FaqIndex

THINGS = ("card", "bill", "letter", "parcel", "account", "password", "invoice", "contract")
ENTRIES = [(f"How do I {verb} my {thing}?", f"{verb} {thing}: ask us.") for thing in THINGS
           for verb in ("cancel", "find", "renew")]
CHINESE = [("保险里的豁免是什么意思", "免交以后的保费。"), ("没有户口能买学平险吗", "可以。"),
           ("怎么修改密码", "在设置里。")]


def test_the_question_that_is_meant_is_found_in_other_words() -> None:
    best = FaqIndex.build(ENTRIES).search("renew the contract, how?")[0]
    assert best.answer == "renew contract: ask us." and 0.5 < best.similarity < 1


def test_the_same_question_is_wholly_alike_and_another_subject_is_not() -> None:
    index = FaqIndex.build(ENTRIES)
    assert index.search(ENTRIES[3][0])[0].similarity == pytest.approx(1, abs=1e-5)
    assert index.search("Is it raining in Lisbon?")[:1] == [] or index.search("Is it raining?")[0].similarity < 0.3
    assert 0.3 <= index.threshold < 0.95


def test_chinese_is_found_by_its_characters() -> None:
    assert FaqIndex.build(CHINESE).search("豁免是啥意思？")[0].answer == "免交以后的保费。"


def test_a_list_of_rare_terms_takes_little_memory() -> None:
    entries = [(" ".join(f"w{20 * n + k}" for k in range(20)), str(n)) for n in range(1000)]
    tracemalloc.start()
    index = FaqIndex(entries)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 5e6 and index.search(entries[7][0])[0].similarity == pytest.approx(1, abs=1e-5)


def test_an_index_comes_back_from_its_folder_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    index = FaqIndex.build(ENTRIES)
    index.save(tmp_path / "index")
    again = FaqIndex.load(tmp_path / "index")
    assert (again.entries, again.threshold) == (index.entries, index.threshold)
    (tmp_path / "index" / FILE).write_text(json.dumps({"version": 9}))
    with pytest.raises(DataError, match="version 9"):
        FaqIndex.load(tmp_path / "index")


def test_tables_are_read_by_their_columns_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("title,question,reply\n怎么退保？,,打电话。\n怎么退保？,,写信。\n怎么续保？,,在网上。\n".encode("gb18030"))
    assert questions_of(path) == [("怎么退保？", "打电话。"), ("怎么续保？", "在网上。")]
    (tmp_path / "b.jsonl").write_text(json.dumps({"question": "Who?", "answer": "Me."}) + "\n")
    assert questions_of(tmp_path / "b.jsonl") == [("Who?", "Me.")]


def test_a_table_without_such_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,age,town\nann,5,rome\nbob,6,oslo\n")
    with pytest.raises(DataError, match="no columns of questions and answers"):
        questions_of(tmp_path / "a.csv")
