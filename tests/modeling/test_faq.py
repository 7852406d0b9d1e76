"""A list of questions says which of them is meant, or that it is not sure."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from modeling.datasets.questions import questions_of
from modeling.errors import DataError
from modeling.faq import FILE, WRONG, FaqIndex
from modeling.retrieval import VECTORS

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
    assert 0.3 <= index.thresholds[False] < 0.95


def test_chinese_is_found_by_its_characters() -> None:
    assert FaqIndex.build(CHINESE).search("豁免是啥意思？")[0].answer == "免交以后的保费。"


def test_few_questions_of_a_list_would_get_the_answer_of_another_were_they_taken_out() -> None:
    words, generator = [f"w{n}" for n in range(40)], np.random.default_rng(0)
    entries = [(" ".join(generator.choice(words, 6, replace=False)), str(n)) for n in range(80)]
    index = FaqIndex.build(entries)
    reached = [sorted(index.similar(question).tolist())[-2] for question, _ in entries]
    assert 0.5 * WRONG < np.mean([similarity >= index.thresholds[False] for similarity in reached]) <= WRONG


def test_a_question_in_other_words_is_known_by_its_vector(tmp_path: Path) -> None:
    index, vectors = FaqIndex.build(ENTRIES), np.eye(len(ENTRIES), dtype=np.float32)
    assert index.search("Terminate the plastic rectangle", vector=vectors[0]) == []
    index.add_vectors(vectors, embedder="e", digest="d")
    index.save(tmp_path / "index")
    again = FaqIndex.load(tmp_path / "index")
    assert again.thresholds == index.thresholds and 0.3 <= index.thresholds[True] < index.thresholds[False]
    best = again.search("Terminate the plastic rectangle", vector=vectors[0])[0]
    assert (best.question, best.sure) == (ENTRIES[0][0], True) and best.similarity == pytest.approx(0.5)
    assert again.search("Terminate the plastic rectangle") == []
    np.save(tmp_path / "index" / VECTORS, vectors[:3].astype(np.float16))
    with pytest.raises(DataError, match="do not fit"):
        FaqIndex.load(tmp_path / "index")


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
    assert (again.entries, again.thresholds[False]) == (index.entries, index.thresholds[False])
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
