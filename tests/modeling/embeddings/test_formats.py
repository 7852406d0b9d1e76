"""Vectors in files: what goes out comes back, and what is damaged says where."""

from __future__ import annotations

import json

import numpy as np
import pytest

from modeling.embeddings import FORMATS, Vectors, load_vectors, read_vectors, save_vectors, write_vectors
from modeling.errors import DataError

WORDS = ["the", "naïve", "中文", "a_b"]


@pytest.fixture
def vectors():
    return Vectors(WORDS, np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32),
                   counts=np.array([9, 5, 3, 1]), facts={"method": "glove"})


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_gives_back_what_it_got(vectors, tmp_path, name):
    file = tmp_path / f"v{FORMATS[name]}"
    write_vectors(vectors, file, name)
    found = read_vectors(file)
    assert (found.words, found.facts["format"]) == (WORDS, name)
    np.testing.assert_allclose(found.matrix, vectors.matrix, rtol=1e-6)
    assert [*read_vectors(file, most=2).words] == WORDS[:2]


def test_a_folder_gives_back_all_and_maps_its_table(vectors, tmp_path):
    save_vectors(vectors, tmp_path / "v")
    save_vectors(vectors, tmp_path / "v")  # in the place of the old one
    found = load_vectors(tmp_path / "v", verify=True)
    assert found.words == WORDS and found.facts == {"method": "glove"} and found.counts.tolist() == [9, 5, 3, 1]
    assert isinstance(found.matrix, np.memmap) and np.array_equal(found.matrix, vectors.matrix)
    assert [path.name for path in tmp_path.iterdir()] == ["v"]


def test_a_folder_of_something_else_is_not_written_over(vectors, tmp_path):
    (tmp_path / "v").mkdir()
    with pytest.raises(DataError, match="holds no vectors"):
        save_vectors(vectors, tmp_path / "v")


@pytest.mark.parametrize(("content", "message"), [
    (b"", "line 1"),
    (b"hello\n", "line 1"),
    (b"2 3\na 1 2 3\nb 1 2\n", "line 3 .* has 2 numbers"),
    (b"2 3\na 1 2 3\nb 1 2 x\n", "line 3 .* no number"),
    (b"2 3\na 1.0000 2.0000 3\n", "line 2 .* is the last"),
    (b"2 3\na 1 2 3\nb 1 nan 2\n", "line 3 .* not finite"),
    (b"9999999 300\na 1 2 3\n", "line 1 .* promises 9,999,999 words"),
    (b"2 99999\na 1 2 3\n", "line 1 .* dimensions"),
    (b"a 1 2 3\nb 1 2\n", "line 2 .* has 2 numbers"),
    (b"1 2\nword \x00\x00\x80\x3f\x00", "promises|cut off"),
    (b"2 2\nword \x00\x00\x80\x3f\x00\x00\x80\x3f\nlonger \x00\x00\x80\x3f", "line 3 .* cut off"),
    (b"2 2\nword \x00\x00\x80\x3f\x00\x00\x80\x7f\nw \x00\x00\x80\x3f\x00\x00\x80\x3f", "line 2 .* not finite"),
])
def test_a_damaged_file_says_where(tmp_path, content, message):
    (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_vectors(tmp_path / "v.txt")


def test_more_words_than_all_processes_can_hold_are_refused_unless_only_some_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("modeling.embeddings.formats.MOST_WORDS", 2)
    path = tmp_path / "many.txt"
    path.write_text("3 2\na 1 0\nb 2 0\nc 3 0\n")
    with pytest.raises(DataError, match="3 words.*Up to 2"):
        read_vectors(path)
    assert read_vectors(path, most=2).words == ["a", "b"]


def test_a_word_that_comes_twice_counts_once(tmp_path):
    (tmp_path / "v.txt").write_bytes(b"a 1 2 3\nb 4 5 6\na 7 8 9\n. . . 1 1 1\n")
    found = read_vectors(tmp_path / "v.txt")
    assert found.words == ["a", "b", ". . ."] and found["a"].tolist() == [1, 2, 3] and found.facts["left_out"] == 1
    with pytest.raises(DataError, match="white space"):
        write_vectors(found, tmp_path / "out.txt", "glove")
    assert not (tmp_path / "out.txt").exists() and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("damage", ["cut", "shape", "offsets", "words", "schema", "hash"])
def test_a_damaged_folder_is_refused(vectors, tmp_path, damage):
    folder = save_vectors(vectors, tmp_path / "v")
    table, manifest = folder / "vectors.safetensors", json.loads((folder / "vectors.json").read_text())
    if damage == "cut":
        table.write_bytes(table.read_bytes()[:-8])
    elif damage == "shape":
        manifest["dimensions"] = 4
    elif damage == "offsets":
        table.write_bytes(table.read_bytes().replace(b'"shape":[4,5]', b'"shape":[9,9]'))
    elif damage == "words":
        (folder / "words.json").write_text("[1, 2, 3, 4]")
    elif damage == "schema":
        manifest["schema"] = 99
    else:
        (folder / "words.json").write_text(json.dumps([*WORDS[:3], "other"]))
    (folder / "vectors.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError):
        load_vectors(folder, verify=True)
