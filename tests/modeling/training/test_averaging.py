"""The recurrent language model's weights are averaged once its validation figure stands still (NT-ASGD)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from modeling.runs import RunInterrupted
from modeling.training import loop as loops
from tests.modeling.training.test_devices import loop_of

SETTINGS = {"optimizer": "nt-asgd", "learning_rate": 30.0, "clip": 0.0, "steps": 12, "evaluations": 12}


def averaging(folder: Path, *, cut: int = 0) -> loops.Loop:
    folder.mkdir(exist_ok=True)
    loop = loop_of("generation", "lstm", folder, **SETTINGS)
    loop.validation = loop.validation[:1]

    def hear(event: loops.Event) -> None:
        if event["event"] == "evaluation" and event["step"] == cut:
            loop.interruption.ask()

    loop.on_event = hear
    return loop


def test_averaging_begins_when_stuck_and_a_killed_run_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "NONMONO", 1)
    whole = averaging(tmp_path / "whole")
    found = whole.run().state_dict()
    began = 1 + whole.steps - whole.optimization.averaged
    seen = whole.progress.seen
    assert seen[began - 1] < max(seen[: began - 2])
    assert all(seen[at] >= max(seen[: at - 1]) for at in range(2, began - 1))
    for (name, mean), master in zip(whole._weights(), whole.optimization.masters, strict=True):
        assert torch.equal(found[name], mean) and not torch.equal(mean, master)
    with pytest.raises(RunInterrupted):
        averaging(tmp_path / "killed", cut=began + 1).run()
    again = averaging(tmp_path / "killed").run().state_dict()
    assert all(torch.equal(again[name], weights) for name, weights in found.items())
