"""An export proves itself or writes nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import modeling.export.package
from modeling.errors import ParityError
from modeling.export import Storage, export
from modeling.export.parity import Compared, Tally
from modeling.export.weights import Weights
from modeling.training.trained import TrainedModel

Trained = Callable[[str], TrainedModel]
MODELS = ["lstm", "bert", "qanet", "decoder", "transformer"]


@pytest.mark.parametrize("storage", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_proved_on_its_test_rows(trained: Trained, tmp_path: Path, model: str, storage: Storage) -> None:
    run = trained(model)
    artifact = export(run, tmp_path / "out", storage=storage, name="A model")
    parity = artifact.manifest["parity"]
    assert parity["rows"] == 20
    assert parity["differing"] == 0
    assert parity["decisions"] >= 20
    assert 0 < parity["max_difference"] < 1e-4
    assert (artifact.name, artifact.model, artifact.metrics) == ("A model", model, {"loss": 1.5})
    assert artifact.card.startswith("# A model")
    assert artifact.defaults == {"temperature": 0.5}
    assert artifact.tokenizer.encode("the cat") == run.tokenizer.encode("the cat")


@pytest.mark.parametrize("model", MODELS)
def test_a_graph_with_other_weights_is_refused_and_nothing_is_written(
    trained: Trained, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(model)
    real = modeling.export.package.encode_weights

    def spoilt(state: dict[str, torch.Tensor], storage: Storage) -> Weights:
        name = next(name for name in reversed(state) if state[name].ndim > 1)
        return real({**state, name: state[name] + 0.05 * torch.randn_like(state[name])}, storage)

    monkeypatch.setattr(modeling.export.package, "encode_weights", spoilt)
    with pytest.raises(ParityError, match=f"The exported {model} differs .* Nothing was written"):
        export(run, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_an_export_leaves_the_trained_network_as_it_was(trained: Trained, tmp_path: Path) -> None:
    run = trained("lstm")
    before = copy.deepcopy(run.module.state_dict())
    export(run, tmp_path / "out", storage="int8")
    assert all(torch.equal(tensor, before[name]) for name, tensor in run.module.state_dict().items())


def test_an_export_without_test_rows_is_refused(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(ParityError, match="no test rows"):
        export(replace(trained("lstm"), test_rows=[]), tmp_path / "out")


def test_decisions_may_differ_only_where_the_best_two_are_as_close_as_the_tolerance() -> None:
    tally = Tally()
    expected = np.array([[1.0, 1.0005, 0.0], [1.0, 2.0, 0.0], [0.0, 1.0, -np.inf]])
    tally.add(Compared(expected, expected, np.array([0, 0, 1])))
    assert (tally.decisions, tally.near_ties, tally.differing) == (3, 1, 1)


def test_a_graph_that_answers_nan_is_refused(trained: Trained, tmp_path: Path) -> None:
    run = trained("lstm")
    module = copy.deepcopy(run.module)
    for parameter in module.parameters():
        parameter.data.fill_(float("nan"))
    with pytest.raises(ParityError):
        export(replace(run, module=module), tmp_path / "out")
