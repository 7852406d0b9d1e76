"""Trainings that start from word vectors."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from modeling.artifact import Artifact
from modeling.embeddings import Vectors, load_vectors, save_vectors
from modeling.errors import ConfigError, DataError
from modeling.training import Request, train
from modeling.training.prepare import make_module, make_objective

WORDS = ["good", "bad", "film", "plot"]
ROWS = [{"text": f"a {mood} film, number {n}, with a {mood} plot", "label": mood} for mood in ("good", "bad")
        for n in range(30)]
SMALL = {"tokenizer": "words", "steps": 6, "vocabulary_size": 40, "hidden": 6, "threads": 1, "precision": "fp32",
         "weight_decay": 0.1}


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    rows = np.random.default_rng(0).normal(size=(4, 10)).astype(np.float32)
    return save_vectors(Vectors(WORDS, rows), tmp_path_factory.mktemp("vectors") / "v")


def begun(folder, vectors, model="lstm", **settings):
    folder.mkdir(exist_ok=True)
    given = {"tokenizer": "words", "vocabulary_size": 40, "vectors": str(vectors), **settings}
    objective = make_objective(model, "classification", ROWS, given, folder=folder, parent=None)
    return objective, make_module(objective, seed=0, parent=None)


@pytest.mark.parametrize("model", ["lstm", "cnn", "bag"])
def test_words_that_the_vectors_know_start_from_them(tmp_path, vectors, model):
    objective, module = begun(tmp_path / "run", vectors, model)
    weights = module.state_dict()["embedding.weight"]
    known = np.array(load_vectors(vectors).matrix)
    assert weights.shape[1] == 10 == objective.config.embedding
    for word, row in zip(WORDS, known, strict=True):
        found = weights[objective.tokenizer.token_id(word)]
        assert torch.cosine_similarity(found, torch.from_numpy(row), dim=0) == pytest.approx(1)


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_rows_stay_and_all_others_learn(tmp_path, vectors, frozen):
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    events = []
    settings = SMALL | {"vectors": str(vectors), "freeze_vectors": frozen}
    train(Request(task="classification", model="lstm", data=[tmp_path / "rows.jsonl"], out=tmp_path / "out",
                  settings=settings, storage="fp32"), on_event=events.append)
    artifact = Artifact.load(tmp_path / "out")
    _, fresh = begun(tmp_path / "again", vectors, hidden=6)
    before, after = fresh.state_dict()["embedding.weight"], torch.from_numpy(
        artifact.state_dict()["embedding.weight"].copy())
    good, other = artifact.tokenizer.token_id("good"), artifact.tokenizer.token_id("a")
    assert torch.equal(before[good], after[good]) == frozen and not torch.equal(before[other], after[other])
    said = next(event["text"] for event in events if event["event"] == "log")
    assert "4 tokens start from word vectors" in said and ("stay" in said) == frozen
    assert str(vectors) not in json.dumps(artifact.manifest)


def test_pieces_count_only_where_they_are_whole_words(tmp_path, vectors):
    objective, _ = begun(tmp_path / "run", vectors, tokenizer="bpe", vocabulary_size=320, freeze_vectors=True)
    kept = {objective.tokenizer.token(int(i)) for i in objective.fixed_rows["embedding.weight"].nonzero()}
    assert kept and all(piece.startswith(" ") for piece in kept)


def test_what_does_not_fit_is_told_beside_its_field(tmp_path, vectors):
    with pytest.raises(ConfigError, match="10 dimensions") as caught:
        begun(tmp_path / "run", vectors, embedding=12)
    assert caught.value.field == "embedding"
    with pytest.raises(DataError):
        begun(tmp_path / "run", tmp_path / "nowhere")
