"""Trainings of vectors, on a language of three subjects."""

from __future__ import annotations

import json

import numpy as np
import pytest

from modeling.embeddings import METHODS, glove, load_vectors, read_vector_settings
from modeling.embeddings import training as under_test
from modeling.embeddings.config import GloVeConfig
from modeling.embeddings.cooccurrence import PAIR, count_pairs
from modeling.embeddings.corpus import read_corpus
from modeling.embeddings.progress import Progress
from modeling.errors import ConfigError, DataError
from tests.modeling.embeddings.conftest import SUBJECTS, sentences, trained


@pytest.mark.parametrize("method", METHODS)
def test_words_of_a_subject_are_near_each_other(learned, method):
    vectors = load_vectors(learned[method], verify=True)
    for words in SUBJECTS.values():
        assert {found.word for found in vectors.nearest(words[0], 5)} == set(words[1:])


def test_the_commonest_words_stand_first_with_their_counts(learned):
    vectors = load_vectors(learned["skipgram"])
    text = " ".join(sentences()).split()
    assert list(vectors.counts) == sorted(vectors.counts, reverse=True)
    assert all(vectors.counts[vectors.index[word]] == text.count(word) for word in ("the", "york", "tide"))


@pytest.mark.parametrize("method", METHODS)
def test_one_thread_gives_the_same_bits_again(learned, tmp_path, method):
    again = trained(method, tmp_path / "again")
    assert again.matrix.tobytes() == np.asarray(load_vectors(learned[method]).matrix).tobytes()


def test_products_of_glove_are_the_logarithms_of_the_counts(tmp_path):
    corpus = read_corpus(sentences(), tmp_path, min_count=5, most_words=1000)
    files = count_pairs(corpus, tmp_path / "pairs", window=4, memory=1 << 20, seed=0)
    config = GloVeConfig(dimensions=16, epochs=60, x_max=10, learning_rate=0.1, threads=1)
    matrices, progress = glove.first_matrices(len(corpus.words), config), Progress(1, print)
    for epoch in range(config.epochs):
        glove.train_epoch(files, matrices, epoch, config, progress)
    pairs = np.concatenate([np.fromfile(file, PAIR) for file in files])
    one, other = matrices["inward"][pairs["one"]], matrices["outward"][pairs["other"]]
    found = (one[:, :-1] * other[:, :-1]).sum(axis=1) + one[:, -1] + other[:, -1]
    assert np.abs(found - np.log(pairs["count"])).mean() < 0.1


def test_several_threads_learn_as_well(tmp_path):
    vectors = trained("skipgram", tmp_path / "two", threads=2)
    assert {found.word for found in vectors.nearest("cow", 5)} == set(SUBJECTS["farm"][1:])


@pytest.mark.parametrize("method", ["skipgram", "glove"])
def test_a_killed_training_goes_on_after_its_last_checkpoint(learned, tmp_path, monkeypatch, method):
    monkeypatch.setattr(under_test, "_BETWEEN", 0)
    keep = under_test._keep

    def killed(run, epoch, matrices):
        keep(run, epoch, matrices)
        if epoch == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(under_test, "_keep", killed)
    with pytest.raises(KeyboardInterrupt):
        trained(method, tmp_path / "out")
    monkeypatch.setattr(under_test, "read_corpus", None)  # the text is not read again
    monkeypatch.setattr(under_test, "_keep", keep)
    vectors = trained(method, tmp_path / "out")
    assert vectors.matrix.tobytes() == np.asarray(load_vectors(learned[method]).matrix).tobytes()
    assert not (tmp_path / "out.run").exists()


def test_other_settings_begin_anew(tmp_path, monkeypatch):
    (tmp_path / "out.run").mkdir()
    (tmp_path / "out.run" / "training.json").write_text("another")
    (tmp_path / "out.run" / "corpus.json").write_text(json.dumps({"words": []}))
    assert "cow" in trained("cbow", tmp_path / "out", epochs=1)


def test_words_that_come_together_become_a_phrase(tmp_path):
    vectors = trained("skipgram", tmp_path / "out", phrases=1, phrase_threshold=3.0, epochs=1)
    assert "new_york" in vectors and "york" not in vectors and "the_cow" not in vectors


def test_too_little_text_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="lower min_count"):
        under_test.train_vectors(lambda: ["a short text"], tmp_path / "out", method="cbow", config=METHODS["cbow"](),
                                 source="test")


@pytest.mark.parametrize("given", [{"method": "bert"}, {"windows": "5"}, {"window": "0"}, {"epochs": "many"},
                                   {"method": "glove", "negatives": "5"}, {"method": "glove", "alpha": "2"}])
def test_settings_that_cannot_be_are_refused_by_their_name(given):
    with pytest.raises(ConfigError) as caught:
        read_vector_settings(given)
    assert caught.value.field == list(given)[-1]
