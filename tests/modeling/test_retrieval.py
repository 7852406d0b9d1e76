"""PassageIndex: passages and BM25."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from modeling.datasets import read
from modeling.errors import DataError
from modeling.retrieval import PassageIndex, passages, terms

DOCUMENTS = [
    ("cats.txt", "Cats", "Cats sleep in the sun. They hunt mice at night."),
    ("dogs.txt", "Dogs", "Dogs bark at strangers. They guard the house."),
    ("bj.txt", "北京", "北京是中国的首都。上海是最大的城市。"),
]


def test_the_best_passage_comes_first_in_both_languages() -> None:
    index = PassageIndex.build(DOCUMENTS)
    assert index.search("Who hunts MICE?")[0][0].document == "cats.txt"
    assert index.search("中国首都是哪里？")[0][0].document == "bj.txt"
    assert index.search("zebra") == []
    assert index.search("") == []


def test_scores_are_those_of_the_formula() -> None:
    index = PassageIndex.build([("a", "", "cat cat dog"), ("b", "", "dog fox fox fox")])
    (passage, score), = index.search("cat")
    length, mean = 3, 3.5
    expected = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5)) * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * length / mean))
    assert passage.document == "a"
    assert score == pytest.approx(expected, rel=1e-5)


def test_chinese_is_indexed_by_characters_and_pairs() -> None:
    assert terms("GPU训练快 v2") == ["gpu", "训", "练", "快", "训练", "练快", "v2"]


@pytest.mark.parametrize("text", [
    " ".join(f"This is sentence number {i} of a long document." for i in range(200)),
    "".join(f"这是一篇很长的文章的第{i}句话，没有什么内容。" for i in range(100)),
    "word " * 1000, "字" * 5000, "x" * 10_000, "Short.\n\n\n  Another.",
])
def test_passages_are_pieces_of_the_text_of_about_the_wanted_size(text: str) -> None:
    found = list(passages("d", "t", text))
    assert all(text[p.start : p.start + len(p.text)] == p.text for p in found)
    assert all(len(p.text.split()) <= 121 and len(p.text) <= 2000 for p in found)
    assert "".join("".join(p.text for p in found).split()) == "".join(text.split())


def test_it_is_the_same_after_saving_and_loading_and_replaces_what_was_there(tmp_path) -> None:
    index = PassageIndex.build(DOCUMENTS)
    PassageIndex.build(DOCUMENTS[:1]).save(tmp_path / "index")
    index.save(tmp_path / "index")
    loaded = PassageIndex.load(tmp_path / "index")
    assert loaded.search("dogs bark 城市") == index.search("dogs bark 城市")
    assert len(loaded) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_an_empty_index_finds_nothing(tmp_path) -> None:
    PassageIndex.build([]).save(tmp_path / "index")
    assert PassageIndex.load(tmp_path / "index").search("cat") == []


def test_a_damaged_index_is_refused(tmp_path) -> None:
    PassageIndex.build(DOCUMENTS).save(tmp_path / "index")
    np.save(tmp_path / "index" / "passages.npy", np.array([0, 99], dtype=np.int32))
    with pytest.raises(DataError, match="is damaged"):
        PassageIndex.load(tmp_path / "index")
    np.save(tmp_path / "index" / "passages.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read"):
        PassageIndex.load(tmp_path / "index")
    with pytest.raises(DataError, match="cannot be read"):
        PassageIndex.load(tmp_path / "absent")


def test_squad_passages_are_found_as_often_as_bm25_should(public_data) -> None:
    rows = read(public_data / "squad" / "dev-v1.1.json").rows
    contexts = {row["context"]: (str(i), row["title"].replace("_", " "), row["context"]) for i, row in enumerate(rows)}
    index = PassageIndex.build(contexts.values(), words=100_000)
    sample = rows[::5]
    hits = sum(index.search(row["question"], 1)[0][0].text == row["context"].strip() for row in sample)
    assert 0.74 < hits / len(sample) < 0.79


def test_a_passage_is_found_by_its_meaning_too_and_vectors_are_kept(tmp_path: Path) -> None:
    index = PassageIndex.build([("a", "", "Felines sleep."), ("b", "", "A cat food shop closes.")])
    index.add_vectors(np.array([[1.0, 0.0], [0.0, 1.0]]), embedder="/models/dual", digest="d")
    index.save(tmp_path / "index")
    again = PassageIndex.load(tmp_path / "index")
    assert again.dense is not None and (again.dense.embedder, again.dense.digest) == ("/models/dual", "d")
    asked = np.array([1.0, 0.0], np.float32)
    assert [passage.document for passage, _ in again.search("where is the cat")] == ["b"]
    assert [passage.document for passage, _ in again.search("where is the cat", vector=asked, weight=2.0)] == ["a", "b"]


def test_an_index_of_the_first_version_is_read(tmp_path: Path) -> None:
    PassageIndex.build([("a", "", "The cat sleeps.")]).save(tmp_path / "index")
    file = tmp_path / "index" / "index.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": 1}))
    assert PassageIndex.load(tmp_path / "index").dense is None


def test_vectors_that_do_not_fit_are_told(tmp_path: Path) -> None:
    index = PassageIndex.build([("a", "", "The cat sleeps.")])
    index.add_vectors(np.ones((2, 3)), embedder="e", digest="d")
    index.save(tmp_path / "index")
    with pytest.raises(DataError, match="do not fit"):
        PassageIndex.load(tmp_path / "index")
