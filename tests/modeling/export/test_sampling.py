"""Choosing the next token in the graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from modeling.export.graph import GraphBuilder
from modeling.export.sampling import sample
from modeling.export.weights import Weights

VOCABULARY = 500


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    graph = GraphBuilder(Weights(b"", {}))
    sample(graph, graph.input("logits", "f32", ["B", VOCABULARY]), VOCABULARY)
    model = graph.finish(role="sampler", file="sampler.onnx").model
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def draw(
    session: onnxruntime.InferenceSession, logits: np.ndarray, *, temperature: float = 1.0, top_k: int = 64,
    top_p: float = 1.0, penalty: float = 1.0, recent: tuple[int, ...] = (0,), uniform: np.ndarray | float = 0.5,
) -> dict[str, np.ndarray]:
    rows = len(logits)

    def column(value: object, dtype: type) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype).reshape(-1, 1), (rows, 1)).copy()

    names = [output.name for output in session.get_outputs()]
    values = session.run(names, {
        "logits": logits.astype(np.float32), "inverse_temperature": column(1 / temperature, np.float32),
        "top_p": column(top_p, np.float32), "top_k": column(top_k, np.int64), "uniform": column(uniform, np.float32),
        "repetition_penalty": column(penalty, np.float32),
        "recent": np.tile(np.resize(np.array(recent, np.int64), 64), (rows, 1)),
    })
    return dict(zip(names, values, strict=True))


def logits(rows: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, VOCABULARY)) * 3


def test_top_k_one_is_the_argmax_for_every_uniform_number(session: onnxruntime.InferenceSession) -> None:
    values = logits(200)
    for uniform in (0.0, 0.5, np.nextafter(np.float32(1), np.float32(0))):
        chosen = draw(session, values, top_k=1, uniform=float(uniform))["next"][:, 0]
        assert (chosen == values.argmax(-1)).all()


def test_draws_follow_the_tempered_probabilities_of_the_best_candidates(session: onnxruntime.InferenceSession) -> None:
    values, count = logits(), 20_000
    uniform = np.random.default_rng(1).random(count).astype(np.float32)
    chosen = draw(session, np.repeat(values, count, axis=0), temperature=0.7, top_k=5, uniform=uniform)["next"][:, 0]
    best = np.argsort(-values[0])[:5]
    shares = np.exp(values[0, best] / 0.7)
    found = np.array([(chosen == token).mean() for token in best])
    assert np.abs(found - shares / shares.sum()).max() < 0.01


def test_top_p_keeps_the_smallest_set_that_reaches_the_mass(session: onnxruntime.InferenceSession) -> None:
    values = np.full((1, VOCABULARY), -20.0)
    values[0, [3, 7, 9]] = np.log([0.5, 0.3, 0.2])
    uniform = np.linspace(0, 1, 1001, endpoint=False, dtype=np.float32)
    chosen = draw(session, np.repeat(values, 1001, axis=0), top_p=0.7, uniform=uniform)["next"][:, 0]
    assert set(chosen) == {3, 7}
    assert abs((chosen == 3).mean() - 0.5 / 0.8) < 0.01


def test_a_tiny_top_p_still_leaves_the_best_token(session: onnxruntime.InferenceSession) -> None:
    values = logits(50)
    chosen = draw(session, values, top_p=1e-6, uniform=0.999)["next"][:, 0]
    assert (chosen == values.argmax(-1)).all()


def test_a_uniform_number_next_to_one_never_draws_what_top_k_excludes(session: onnxruntime.InferenceSession) -> None:
    values = logits(300, seed=2)
    chosen = draw(session, values, top_k=3, uniform=float(np.nextafter(np.float32(1), np.float32(0))))["next"]
    assert (np.argsort(-values)[:, :3] == chosen).any(axis=1).all()


def test_the_repetition_penalty_divides_positive_and_multiplies_negative_logits(
    session: onnxruntime.InferenceSession
) -> None:
    values = np.full((1, VOCABULARY), -9.0)
    values[0, [4, 5, 6]] = [2.0, 1.5, 1.2]
    assert draw(session, values, top_k=1, penalty=1.4, recent=(4, 4, 8))["next"][0, 0] == 5
    assert draw(session, values, top_k=1, penalty=1.3, recent=(4,))["next"][0, 0] == 4
    values[0, [4, 5, 6]] = [-1.0, -1.5, -8.0]
    assert draw(session, values, top_k=1, penalty=1.6, recent=(4,))["next"][0, 0] == 5


def test_log_probabilities_are_those_of_the_untouched_distribution(session: onnxruntime.InferenceSession) -> None:
    values = logits(3)
    full = values - np.log(np.exp(values).sum(-1, keepdims=True))
    found = draw(session, values, temperature=0.3, top_k=4, penalty=1.2, recent=(1, 2))
    assert np.allclose(found["logprob"], np.take_along_axis(full, found["next"], 1), atol=1e-5)
    assert np.allclose(found["top_logprobs"], np.take_along_axis(full, found["top_ids"], 1), atol=1e-5)
    assert (draw(session, values)["top_ids"] == np.argsort(-values)[:, :8]).all()


def test_rows_have_settings_of_their_own(session: onnxruntime.InferenceSession) -> None:
    values = np.repeat(logits(), 2, axis=0)
    best = np.argsort(-values[0])
    uniform = np.array([0.9999, 0.9999], np.float32)
    names = ["next"]
    inputs = {
        "logits": values.astype(np.float32), "inverse_temperature": np.array([[1], [0.01]], np.float32),
        "top_p": np.ones((2, 1), np.float32), "top_k": np.array([[1], [64]]), "uniform": uniform[:, None],
        "repetition_penalty": np.ones((2, 1), np.float32), "recent": np.zeros((2, 64), np.int64),
    }
    chosen = session.run(names, inputs)[0][:, 0]
    assert chosen[0] == best[0]
    assert chosen[1] in best[40:64]


def test_a_vocabulary_smaller_than_the_candidates_works(tmp_path: Path) -> None:
    graph = GraphBuilder(Weights(b"", {}))
    sample(graph, graph.input("logits", "f32", ["B", 5]), 5)
    model = graph.finish(role="sampler", file="sampler.onnx").model
    small = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = np.array([[0.1, 0.2, 3.0, 0.3, 0.4]])
    assert draw(small, values, top_k=1)["next"][0, 0] == 2
