"""A training computes where it is told to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from modeling.configs import MODELS
from modeling.datasets import read
from modeling.errors import ConfigError
from modeling.training.devices import CPU, device_of
from modeling.training.interruption import Interruption
from modeling.training.loop import Loop
from modeling.training.prepare import make_module, make_objective, read_parent
from tests.modeling.tiny import TINY
from tests.modeling.training.elsewhere import a_device_elsewhere

TRAINED = [(task, model) for task, models in MODELS.items() for model, entry in models.items() if not entry.counted]
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


def loop_of(task: str, model: str, folder: Path, **more: object) -> Loop:
    tiny = TINY[task, model]
    (folder / "parent").mkdir(exist_ok=True)
    parent = read_parent(tiny.parent(folder / "parent"), task, model) if tiny.parent else None
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in tiny.rows[:40]))
    rows = read([folder / "rows.jsonl"], task=task).rows
    cell = {"cell": "lstm"} if model == "pointer" else {}  # PyTorch's GRU turns a tensor in place, which Away cannot
    settings = {**tiny.common, **tiny.settings, "steps": 2, "evaluations": 1, **cell, **more}
    objective = make_objective(model, task, rows, settings, folder=folder, parent=parent)
    return Loop(objective, make_module(objective, seed=0, parent=parent), rows, rows[:2], folder=folder, seed=0,
                on_event=lambda event: None, interruption=Interruption())


@pytest.mark.parametrize(("task", "model"), TRAINED)
def test_no_step_evaluation_or_sample_mixes_devices(
    task: str, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_device_elsewhere() as device:
        monkeypatch.setattr("modeling.training.loop.device_of", lambda asked: device)
        loop = loop_of(task, model, tmp_path)
        module = loop.run()
    assert {p.device for p in loop.optimization.masters} == {device}
    assert {p.device for p in module.state_dict().values()} == {CPU} and loop.progress.evaluated == 2


def test_a_tensor_forgotten_on_the_processor_would_be_found() -> None:
    with a_device_elsewhere() as device, pytest.raises(RuntimeError, match="different devices"):
        torch.ones(2, device=device) + torch.ones(2)


def test_a_run_goes_on_from_its_checkpoint_on_another_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = loop_of("generation", "lstm", tmp_path, continuous=True, steps=1)
    first.run()
    with a_device_elsewhere() as device:
        monkeypatch.setattr("modeling.training.loop.device_of", lambda asked: device)
        loop = loop_of("generation", "lstm", tmp_path, continuous=True)
        loop.run()
    assert loop.progress.step == 2 and first.progress.step == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has an NVIDIA GPU")
def test_a_gpu_is_refused_where_there_is_none_and_auto_does_without() -> None:
    assert device_of("auto") == device_of("cpu") == CPU
    with pytest.raises(ConfigError, match="no NVIDIA GPU") as error:
        device_of("cuda")
    assert error.value.field == "device"


def test_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert device_of("auto") == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ConfigError, match="no GPU of its own"):
        device_of("cuda")


@needs_gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_training_on_a_gpu_ends_like_one_on_the_processor(precision: str, tmp_path: Path) -> None:
    ends = {}
    for device in ("cpu", "cuda"):
        (tmp_path / device).mkdir()
        loop = loop_of("classification", "lstm", tmp_path / device, device=device, precision=precision, dropout=0.0)
        ends[device] = loop.run().state_dict()
    for name, weights in ends["cpu"].items():
        torch.testing.assert_close(ends["cuda"][name], weights, atol=1e-2, rtol=1e-2)
