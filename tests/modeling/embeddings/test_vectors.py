"""What is near to what."""

from __future__ import annotations

import numpy as np
import pytest

from modeling.embeddings import Vectors, evaluate, map_svg, word_map
from modeling.embeddings.evaluation import spearman
from modeling.errors import ConfigError, DataError


@pytest.fixture
def vectors():
    """Royalty and sex, each a direction."""
    table = {"king": (3, 1, 0), "queen": (3, -1, 0), "man": (0, 1, 0.1), "woman": (0, -1, 0.1), "apple": (0, 0, 2)}
    return Vectors(list(table), np.array(list(table.values()), np.float32))


def test_the_nearest_words_are_those_of_the_same_direction(vectors):
    found = vectors.nearest("king", 2)
    assert [one.word for one in found] == ["queen", "man"] and found[0].similarity == pytest.approx(0.8)
    assert vectors.similarity("king", "queen") == pytest.approx(0.8)
    assert len(vectors.nearest("king", 100)) == 4


@pytest.mark.parametrize("rule", ["add", "multiply"])
def test_man_is_to_king_as_woman_is_to_queen(vectors, rule):
    assert vectors.analogy("man", "king", "woman", 1, rule=rule)[0].word == "queen"


def test_a_word_is_found_in_small_letters_and_a_strange_one_named(vectors):
    assert "King" in vectors and vectors["KING"].tolist() == [3, 1, 0]
    with pytest.raises(DataError, match="Did you mean king"):
        vectors.nearest("kings")


def test_words_and_vectors_must_be_as_many():
    with pytest.raises(DataError, match="2 words"):
        Vectors(["a", "b"], np.zeros((3, 2), np.float32))
    with pytest.raises(DataError, match="1 different"):
        Vectors(["a", "a"], np.zeros((2, 2), np.float32))


def test_figures_come_with_coverage_and_interval(vectors, tmp_path):
    (tmp_path / "EN-WS-353-ALL.txt").write_text("king\tqueen\t9\nking\tman\t4\nking\tapple\t0\nking\tzebra\t3\n")
    (tmp_path / "questions-words.txt").write_text(": family\nman king woman queen\nking man queen woman\n"
                                                  "king queen man apple\nking zebra man apple\n")
    similar, analogies = evaluate(vectors, tmp_path)
    assert (similar.name, similar.value, similar.covered, similar.total) == ("WordSim-353", pytest.approx(1), 3, 4)
    assert (analogies.kind, analogies.value, analogies.covered) == ("analogy", pytest.approx(2 / 3), 3)
    assert analogies.low <= analogies.value <= analogies.high


@pytest.mark.parametrize("line", ["king queen", "king queen near", "a b c d e", ""])
def test_a_file_that_asks_nothing_is_refused_with_its_line(vectors, tmp_path, line):
    (tmp_path / "bad.txt").write_text(f"king queen 9\n{line}\n" if line else "")
    with pytest.raises(DataError, match="line 2 of bad.txt" if line else "no questions"):
        evaluate(vectors, tmp_path)


def test_ranks_share_what_is_equal():
    assert spearman(np.array([[1, 1], [2, 3], [2, 2], [3, 4]])) == pytest.approx(0.9486833)


@pytest.mark.parametrize("projection", ["pca", "tsne"])
def test_a_map_keeps_subjects_together(projection):
    draw = np.random.default_rng(0)
    rows = np.concatenate([draw.normal(0, 0.1, (30, 8)) + 3 * np.eye(8)[group] for group in range(3)])
    names = [f"word{place}" for place in range(90)]
    words, places = word_map(Vectors(names, rows.astype(np.float32)), projection=projection, words=names)
    centres = np.array([places[group * 30 : group * 30 + 30].mean(axis=0) for group in range(3)])
    nearest = np.linalg.norm(places[:, None] - centres[None], axis=2).argmin(axis=1)
    assert words == names and nearest.tolist() == [group for group in range(3) for _ in range(30)]


def test_a_map_is_a_picture_in_which_words_are_data(vectors):
    words, places = word_map(vectors, words=["king", "queen", "man"])
    picture = map_svg(["<script>", *words[1:]], places)
    assert picture.count("<circle") == 3 and "<script>" not in picture and "&lt;script&gt;" in picture
    with pytest.raises(ConfigError, match="3 to 1,000"):
        word_map(vectors, words=["king"])
    with pytest.raises(DataError, match="zebra"):
        word_map(vectors, words=["king", "queen", "zebra"])
