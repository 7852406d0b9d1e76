"""Large batches in parts: one process after the other, or several at once; the weights are those of one batch."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from modeling.configs import TrainingConfig
from modeling.runs import RunInterrupted
from modeling.training import Request, train
from modeling.training.interruption import Interruption
from modeling.training.optimization import Optimization

WORDS = ["red", "blue", "green", "stone", "river", "cloud", "apple", "house", "seven", "winter"]
SETTINGS = {"width": 32, "layers": 1, "heads": 2, "kv_heads": 1, "hidden": 48, "context": 32, "dropout": 0.2,
            "tokenizer": "characters", "vocabulary_size": 60, "precision": "fp32", "steps": 12, "batch_tokens": 128,
            "evaluations": 4, "threads": 1, "accumulate": 4}


def request(data: Path, out: Path) -> Request:
    return Request(task="generation", model="decoder", data=[data], out=out, settings=SETTINGS, storage="fp32")


def told_to_end_once(data: Path, out: Path) -> None:
    """What each of several processes does: train until the first one is told to end, then go on."""
    interruption = Interruption()

    def tell(event: dict[str, Any]) -> None:
        print(json.dumps(event), flush=True)
        if event.get("event") == "evaluation" and event["step"] == 6:
            interruption.ask()

    try:
        train(request(data, out), on_event=tell, interruption=interruption)
    except RunInterrupted:
        train(request(data, out), on_event=tell)


def test_two_processes_told_to_end_and_started_again_end_with_the_weights_of_one(tmp_path: Path) -> None:
    data = tmp_path / "texts.jsonl"
    data.write_text("".join(json.dumps({"text": f"{a} {b} {a}"}) + "\n" for a in WORDS for b in WORDS))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = os.environ | {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}  # as torchrun does
    both = [subprocess.Popen([sys.executable, "-m", __name__, str(data), str(tmp_path / "together")], text=True,
                             stdout=subprocess.PIPE, env=given | {"RANK": str(rank)}) for rank in range(2)]
    train(request(data, tmp_path / "alone"))
    first, second = (process.communicate(timeout=120)[0] for process in both)
    heard = [json.loads(line) for line in first.splitlines()]
    assert [process.returncode for process in both] == [0, 0]
    assert second == ""
    assert next(event["step"] for event in heard if event["event"] == "resumed") in (6, 7)
    assert [event["step"] for event in heard if event["event"] == "evaluation"] == [3, 6, 9, 12]
    alone, together = (load_file(tmp_path / name / "weights.safetensors") for name in ("alone", "together"))
    for name, tensor in alone.items():
        torch.testing.assert_close(together[name], tensor, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("bf16", [False, True])
def test_gradients_of_parts_make_the_gradient_of_the_whole(bf16: bool) -> None:
    def updated(parts: list[slice]) -> list[Tensor]:
        torch.manual_seed(0)
        optimization = Optimization(nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1)), TrainingConfig(),
                                    bf16=bf16)
        x = torch.randn(12, 8).to(torch.bfloat16 if bf16 else torch.float32)
        for part in parts:
            optimization.module(x[part]).float().square().mean().backward()
            optimization.gather(len(x[part]) / len(x))
        optimization.update(0.01)
        return optimization.masters

    whole, parts = updated([slice(0, 12)]), updated([slice(0, 3), slice(3, 5), slice(5, 12)])
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3 if bf16 else 1e-5)


if __name__ == "__main__":
    told_to_end_once(Path(sys.argv[1]), Path(sys.argv[2]))
