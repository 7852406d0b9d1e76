"""LexRank on word vectors: made in one pass over texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from modeling.embeddings import Vectors, save_vectors
from modeling.errors import ConfigError
from modeling.lexrank import MOST_SENTENCES
from modeling.training.objectives import Objective
from modeling.training.prepare import make_module, make_objective

WORDS = ("the", "cat", "kitten", "dog", "law", "court", "judge", "国家", "政府", "苹果")
TEXTS = ("The cat and the kitten. The law of the court. The dog. 国家的政府。",) * 3
SENTENCES = ("The cat", "A KITTEN!", "the judge", "xyz", "国家", "政府")


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Animals lie near each other, so does the law, so does the state; all share a large first number."""
    groups = np.repeat(np.eye(3), [4, 3, 3], axis=0) + np.random.default_rng(0).normal(size=(10, 3)) / 20
    matrix = np.hstack([np.full((10, 1), 5.0), groups]).astype(np.float32)
    return str(save_vectors(Vectors(WORDS, matrix), tmp_path_factory.mktemp("vectors") / "small"))


def made(folder: Path, **given: Any) -> tuple[Objective, torch.nn.Module]:
    rows = [{"text": text} for text in TEXTS]
    objective = make_objective("lexrank", "summarisation", rows, given, folder=folder, parent=None)
    module = make_module(objective, seed=0, parent=None)
    objective.count(module, rows)
    return objective, module


def test_sentences_of_one_subject_are_alike_whatever_their_words(tmp_path: Path, vectors: str) -> None:
    objective, module = made(tmp_path, vectors=vectors)
    ids = objective.tokenizer.encode_batch(SENTENCES)
    found = torch.cat([module(torch.tensor([one]), torch.tensor([len(one)])) for one in ids]).detach().numpy()
    cosines = found @ found.T
    assert cosines[0, 1] > 0.7 and cosines[4, 5] > 0.7
    assert max(cosines[0, 2], cosines[0, 4], cosines[2, 4]) < 0.5  # what all share is taken out
    assert not found[3].any()


def test_a_common_word_says_less_than_a_rare_one(tmp_path: Path, vectors: str) -> None:
    objective, module = made(tmp_path, vectors=vectors)
    lengths = {word: float(module.embedding.weight[objective.tokenizer.token_id(word)].detach().norm())
               for word in WORDS}
    assert lengths["the"] < lengths["kitten"] / 2 and lengths["judge"] > lengths["dog"]


def test_the_share_of_words_without_a_vector_is_told_and_rouge_where_there_are_summaries(
    tmp_path: Path, vectors: str
) -> None:
    objective, module = made(tmp_path, vectors=vectors)
    row = {"text": "The cat sat. The dog sat, too."}
    assert objective.evaluate(module, [row]) == {"unknown": pytest.approx(3 / 7), "rows": 1}
    assert objective.evaluate(module, [row | {"summary": "The cat sat."}])["rouge1"] > 0


def test_a_text_of_too_many_sentences_is_measured_as_far_as_it_is_read(tmp_path: Path, vectors: str) -> None:
    objective, module = made(tmp_path, vectors=vectors)
    assert objective.samples(module, [{"text": "The dog. " * (MOST_SENTENCES + 1)}])[0]["output"]


def test_without_vectors_it_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="vectors=FOLDER") as caught:
        made(tmp_path)
    assert caught.value.field == "vectors"
