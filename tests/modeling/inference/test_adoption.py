"""Classifiers that were exported elsewhere: scikit-learn with its text processing, Keras on token ids."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from modeling.artifact import Artifact
from modeling.errors import ArtifactError, ConfigError, DataError, ParleyError
from modeling.inference import Chunk, Request, Stream
from modeling.inference.adoption import Adoption, adopt, vocabulary_of
from modeling.inference.engine import LocalEngine

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
Collect = Callable[[Stream], Awaitable[list[Chunk]]]
HAM, SPAM = "see you at home later tonight mum dinner".split(), "win a free prize call now cash urgent".split()  # noqa: SIM905
ROWS = [{"text": " ".join(np.random.default_rng(seed).choice(words, 6)), "label": label}
        for label, words in (("ham", HAM), ("spam", SPAM)) for seed in range(40)]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scikit-learn pipeline as skl2onnx writes it by default: texts in, labels and a map of each row out."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import StringTensorType
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10))
    model.fit([row["text"] for row in ROWS], [row["label"] for row in ROWS])
    path = tmp_path_factory.mktemp("sklearn") / "pipeline.onnx"
    found = convert_sklearn(model, initial_types=[("texts", StringTensorType([None, 1]))], target_opset=18,
                            options={TfidfVectorizer: {"locale": "C.UTF-8"}})
    path.write_bytes(found.SerializeToString())
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classic Keras network, trained for a moment and exported by Keras itself, with its vocabulary beside it."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    folder = tmp_path_factory.mktemp("keras")
    words = ["", "[UNK]", *dict.fromkeys(HAM + SPAM)]
    (folder / "words.txt").write_text("\n".join(words) + "\n")
    ids = np.array([[words.index(word) for word in row["text"].split()] + [0, 0] for row in ROWS], np.int32)
    target = np.array([row["label"] == "spam" for row in ROWS], np.float32)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,), dtype="int32"), keras.layers.Embedding(len(words), 8),
                              keras.layers.LSTM(8), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss="binary_crossentropy")
    model.fit(ids, target, epochs=8, batch_size=16, verbose=0)
    model.export(folder / "network.onnx", format="onnx", verbose=False)
    return folder / "network.onnx"


def asked(graph: Path, **changed: Any) -> Adoption:
    return replace(Adoption(graph=graph, labels=["ham", "spam"], samples=ROWS), **changed)


async def answers(artifact: Artifact, collect: Collect) -> list[str]:
    async with LocalEngine(threads=1) as engine:
        streams = [await engine.submit(Request(artifact=str(artifact.path), text=text, explain=True))
                   for text in ("free cash prize call", "dinner at home mum", "zzz")]
        return [("".join(chunk.text for chunk in await collect(stream))) for stream in streams]


async def test_a_scikit_learn_pipeline_answers_in_the_engine(pipeline: Path, tmp_path: Path, collect: Collect) -> None:
    artifact = adopt(asked(pipeline), tmp_path / "model")
    assert artifact.metrics["accuracy"] == 1.0 and "80 sample texts" in artifact.card
    assert (await answers(artifact, collect))[:2] == ["spam", "ham"]


async def test_a_keras_network_reads_its_own_vocabulary(network: Path, tmp_path: Path, collect: Collect) -> None:
    artifact = adopt(asked(network, vocabulary=network.with_name("words.txt")), tmp_path / "model")
    assert artifact.metrics["accuracy"] > 0.95
    assert artifact.preprocessing["output"]["kind"] == "probability"
    assert artifact.preprocessing["input"]["length"] == 8
    assert (await answers(artifact, collect))[:2] == ["spam", "ham"]


def test_what_is_missing_or_wrong_is_said_and_nothing_is_written(pipeline: Path, network: Path, tmp_path: Path) -> None:
    pickled = tmp_path / "model.pkl"
    pickled.write_bytes(pickle.dumps({"weights": [1.0]}))
    wrong: list[tuple[Adoption, type[ParleyError], str]] = [
        (asked(network), ConfigError, "its vocabulary is missing"),
        (asked(network, vocabulary=network.with_name("words.txt"), length=9), ConfigError, "reads 8 tokens, not 9"),
        (asked(network, vocabulary=network.with_name("words.txt"), labels=["a", "b", "c"]), ConfigError, "3 labels"),
        (asked(network, vocabulary=network), DataError, "word twice"),
        (asked(pipeline, labels=["ham", "eggs"]), ConfigError, "knows no label 'eggs'"),
        (asked(pipeline, labels=["ham"]), ConfigError, "At least two"),
        (asked(pipeline, samples=[]), DataError, "no sample text"),
        (asked(pipeline, samples=[{"text": "x", "label": "other"}]), ConfigError, "have a label 'other'"),
        (asked(network, vocabulary=network.with_name("words.txt"), kind="probabilities"), ConfigError, "is no prob"),
        (asked(pickled), ArtifactError, "never opened"),
        (asked(tmp_path / "none.onnx"), DataError, "no file"),
    ]
    for adoption, error, said in wrong:
        with pytest.raises(error, match=said):
            adopt(adoption, tmp_path / "model")
        assert not (tmp_path / "model").exists()


def test_an_operator_that_nobody_knows_and_weights_elsewhere_are_refused(tmp_path: Path) -> None:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", 2]) for name in ("x", "y")]
    made = helper.make_graph([helper.make_node("Clairvoyance", ["x"], ["y"], domain="evil.example")], "g", ends[:1],
                             ends[1:])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("evil.example", 1)]
    (tmp_path / "strange.onnx").write_bytes(helper.make_model(made, opset_imports=opsets).SerializeToString())
    with pytest.raises(ArtifactError, match="standard operators"):
        adopt(asked(tmp_path / "strange.onnx"), tmp_path / "model")
    elsewhere = TensorProto(name="w", dims=[2, 2], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    elsewhere.external_data.add(key="location", value="../secret.bin")
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [elsewhere])
    onnx.save(helper.make_model(graph, opset_imports=opsets[:1]), str(tmp_path / "outside.onnx"))
    with pytest.raises(ArtifactError, match="keeps its weights in ../secret.bin"):
        adopt(asked(tmp_path / "outside.onnx"), tmp_path / "model")


def test_the_vocabularies_of_keras_are_read(tmp_path: Path) -> None:
    old = {"class_name": "Tokenizer", "config": {"num_words": 3, "oov_token": None,
                                                 "word_index": json.dumps({"free": 1, "cash": 2, "mum": 3})}}
    (tmp_path / "old.json").write_text(json.dumps(old))
    tokenizer, drops = vocabulary_of(tmp_path / "old.json")
    assert drops and tokenizer.encode("FREE, cash!")[:2] == [1, 2]
    (tmp_path / "twice.txt").write_text("a\na\n")
    with pytest.raises(DataError, match="twice"):
        vocabulary_of(tmp_path / "twice.txt")
