"""Texts as streams: windows follow each other, states go on, and a checkpoint has them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from modeling.configs import RecurrentLMConfig, TrainingConfig
from modeling.runs import RunInterrupted
from modeling.text import Tokenizer
from modeling.training.interruption import Interruption
from modeling.training.loop import Loop
from modeling.training.objectives.recurrence import Piece, Recurrence

ROWS = [{"text": "abcdefgh" * 12} for _ in range(6)]


def objective(
    kind: type[Recurrence] = Recurrence, *, continuous: bool = True, steps: int = 12, dropout: float = 0.0
) -> Recurrence:
    tokenizer = Tokenizer.train([row["text"] for row in ROWS], vocabulary_size=32, kind="characters")
    config = RecurrentLMConfig(vocabulary_size=tokenizer.vocabulary_size, embedding=16, hidden=16, layers=1, context=8,
                               continuous=continuous, dropout=dropout, activation=0.1, slowness=0.1)
    return kind(tokenizer, config, TrainingConfig(steps=steps, batch_tokens=32, precision="fp32", threads=1,
                                                  learning_rate=0.02, evaluations=1))


def test_the_windows_of_a_stream_follow_each_other_and_cover_the_text_once() -> None:
    task = objective()
    examples = task.examples(ROWS, training=True)
    batches = task.ordered(examples)
    assert batches is not None and {len(batch) for batch in batches} == {4}
    for row in range(4):
        windows = [examples[batch[row]] for batch in batches]
        assert [follows for _, follows in windows] == [False] + [True] * (len(windows) - 1)
        assert all(a[-1] == b[0] for (a, _), (b, _) in zip(windows, windows[1:], strict=False))
    assert sum(len(ids) - 1 for ids, _ in examples) >= 6 * (96 + 2) - 4 - 1


def test_a_state_that_goes_on_knows_more_than_one_that_begins_anew() -> None:
    task = objective()
    torch.manual_seed(0)
    module, examples = task.module(), task.examples(ROWS, training=True)
    batches = task.ordered(examples) or []
    first, second = ([examples[index] for index in batch] for batch in batches[:2])
    task.loss(module, first)
    carried = task.loss(module, second)
    anew = task.loss(module, [(ids, False) for ids, _ in second])
    assert not math.isclose(float(carried.detach()), float(anew.detach()))


class Interrupted(Recurrence):
    """Is told to end at its fifth step."""

    def loss(self, module: nn.Module, examples: Sequence[Piece]) -> torch.Tensor:
        self.seen = getattr(self, "seen", 0) + 1
        self.interruption.asked |= self.seen == 5
        return super().loss(module, examples)


def test_a_training_that_goes_on_from_a_checkpoint_has_the_states_too(tmp_path: Path) -> None:
    def run(folder: Path, kind: type[Recurrence]) -> dict[str, torch.Tensor]:
        task = objective(kind, dropout=0.2)
        task.interruption = interruption = Interruption()  # type: ignore[attr-defined]
        torch.manual_seed(0)
        loop = Loop(task, task.module(), ROWS, ROWS[:1], folder=folder, seed=0, on_event=lambda event: None,
                    interruption=interruption)
        return loop.run().state_dict()

    whole = run(tmp_path / "whole", Recurrence)
    with pytest.raises(RunInterrupted):
        run(tmp_path / "parts", Interrupted)
    parts = run(tmp_path / "parts", Recurrence)
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_rows_by_themselves_and_streams_both_learn() -> None:
    for continuous in (True, False):
        task = objective(continuous=continuous, steps=60)
        torch.manual_seed(0)
        module, held = task.module(), task.examples(ROWS[:2], training=False)
        before = task.validate(module.eval(), held)["loss"]
        optimizer, examples = torch.optim.Adam(module.train().parameters(), 0.02), task.examples(ROWS, training=True)
        batches = task.ordered(examples) or [list(range(len(examples)))]
        for step in range(40):
            task.loss(module, [examples[index] for index in batches[step % len(batches)]]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
        assert task.validate(module.eval(), held)["loss"] < before / 2
