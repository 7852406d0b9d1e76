"""Passages found by meaning: an artifact makes the vectors of documents and of questions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from modeling.__main__ import main
from modeling.artifact import Artifact
from modeling.configs import DualConfig
from modeling.errors import ConfigError
from modeling.export import assemble
from modeling.inference import Chunk, Request
from modeling.inference.embedding import Embedder, Embedders
from modeling.inference.evaluation import evaluate
from modeling.models import Dual
from modeling.retrieval import Dense, PassageIndex

Ask = Callable[[Request], Awaitable[list[Chunk]]]
TEXTS = ["The quick brown fox jumps.", "Nobody knows.", "The lazy dog sleeps all day long."]


@pytest.fixture(scope="module")
def dual(reader: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(5)
    tokenizer = Artifact.load(reader).tokenizer
    config = DualConfig(vocabulary_size=tokenizer.vocabulary_size, width=32, layers=1, heads=4, hidden=48, positions=64,
                        length=32)
    return assemble(tmp_path_factory.mktemp("dual") / "dual", task="question-answering", model="dual", config=config,
                    state=Dual(config).state_dict(), tokenizer=tokenizer,
                    preprocessing={"length": 32, "first": [2], "last": [3]}).path


def test_vectors_have_the_length_one_and_do_not_hang_on_their_neighbours(dual: Path) -> None:
    embedder = Embedder.load(dual, threads=1)
    together, alone = embedder(TEXTS), np.concatenate([embedder([text]) for text in TEXTS])
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5) and np.allclose(together, alone, atol=1e-5)


def test_a_reader_makes_no_vectors(reader: Path) -> None:
    with pytest.raises(ConfigError, match="makes no vectors"):
        Embedder.load(reader, threads=1)


def test_vectors_of_another_embedder_are_left_alone(dual: Path) -> None:
    embedders, vectors = Embedders(1), np.zeros((1, 32), np.float16)
    assert embedders.vector(Dense(vectors, str(dual), Artifact.load(dual).digest), "fox") is not None
    assert embedders.vector(Dense(vectors, str(dual), "another"), "fox") is None
    assert embedders.vector(Dense(vectors, "/nowhere", "d"), "fox") is None


async def test_documents_are_embedded_when_they_are_indexed_and_a_reader_searches_with_them(
    dual: Path, reader: Path, ask: Ask, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text(" ".join(TEXTS))
    assert main(["index", str(tmp_path / "a.txt"), "--out", str(tmp_path / "index"), "--embedder", str(dual)]) == 0
    dense = PassageIndex.load(tmp_path / "index").dense
    assert dense is not None and dense.vectors.shape == (1, 32)
    # No word in common: only the vector finds it.
    asked = Request(artifact=str(reader), text="Zeppelin?", documents=(str(tmp_path / "index"),))
    result = (await ask(asked))[-1].result
    assert result and [passage["document"] for passage in result["passages"]] == ["a.txt"]


async def test_lists_of_questions_are_embedded_too(dual: Path, reader: Path, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,answer\nWhere do foxes sleep?,In holes.\n")
    assert main(["index", str(tmp_path / "a.csv"), "--out", str(tmp_path / "index"), "--embedder", str(dual)]) == 0
    # No word in common: only the vector finds it.
    asked = Request(artifact=str(reader), text="Zeppelin", documents=(str(tmp_path / "index"),))
    result = (await ask(asked))[-1].result
    assert result and [near["answer"] for near in result["questions"]] == ["In holes."]


async def test_a_model_that_only_finds_answers_with_the_passage(dual: Path, ask: Ask, documents: Path) -> None:
    last = (await ask(Request(artifact=str(dual), text="the fox", documents=(str(documents),))))[-1]
    assert last.result and last.text == last.result["passages"][0]["text"] == last.result["answers"][0]["text"]


def test_finding_is_measured_by_the_rank_of_the_right_passage(dual: Path) -> None:
    rows = [{"question": text, "context": text, "answers": []} for text in TEXTS]
    assert evaluate(Artifact.load(dual), rows, threads=1)["metrics"] == {"recall_1": 1.0, "recall_5": 1.0}
