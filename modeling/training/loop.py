"""The loop: the same for every task. A run that is killed and started again ends with the same weights."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modeling.errors import ConfigError
from modeling.runs import CHECKPOINTS, RunInterrupted, stop_asked
from modeling.training.batches import epoch_batches, filled
from modeling.training.checkpoint import load_checkpoint, save_checkpoint
from modeling.training.compilation import compile_layers, without_compilation
from modeling.training.devices import created_on, device_of
from modeling.training.examples import training_examples
from modeling.training.interruption import Interruption
from modeling.training.objectives import Objective, Rows, Sample
from modeling.training.optimization import Optimization, bf16_is_fast, rate_at
from modeling.training.processes import Processes

Event = dict[str, Any]
REPORT_SECONDS = 2.0
SOONEST = 2.0  # seconds from the start, or a checkpoint, to the next
SHOWN = 4
"""Validation rows whose outputs are shown after each evaluation."""
NONMONO = 5
"""Evaluations that averaging waits for: it begins when the newest is worse than the best of those before them."""
LONGEST = 600
"""Characters of a text in them."""


@dataclass
class Progress:
    """Where a run stands; all of it goes into a checkpoint."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    """Batches of the epoch already seen."""
    best: float | None = None
    best_step: int = 0
    without_better: int = 0
    evaluated: int = 0
    """Step of the last evaluation."""
    seen: list[float] = field(default_factory=list)
    """The deciding figure of each evaluation."""
    finished: bool = False
    stopped: bool = False
    """Whether somebody ended it early."""


def shortened(sample: Sample) -> Sample:
    """A sample whose texts are short enough for an event."""
    return {name: text if len(text) <= LONGEST else f"{text[:LONGEST]} …" for name, text in sample.items()}


class Loop:
    """Trains a module on examples, watching validation examples, with checkpoints in the run's `folder`."""

    def __init__(
        self, objective: Objective, module: nn.Module, train: Rows, validation: Rows, *, folder: Path, seed: int,
        on_event: Callable[[Event], None], interruption: Interruption, processes: Processes | None = None,
    ) -> None:
        self.objective, self.config, self.seed = objective, objective.training, seed
        self.folder, self.on_event, self.interruption = folder, on_event, interruption
        self.processes = processes or Processes()
        self.per_update = -(-self.config.accumulate // self.processes.count) * self.processes.count
        if objective.whole and self.processes.count > 1:
            raise ConfigError("this model reads its texts in order", remedy="Train it in one process")
        with self.processes.first_alone():
            self.examples, self.costs = training_examples(objective, train, folder)
        self.validation = objective.examples(validation, training=False)
        self.shown = validation[:: max(1, len(validation) // SHOWN)][:SHOWN]
        self.device = device_of(self.config.device)
        asked = self._precision()
        bf16 = bool(self.processes.agree(bf16_is_fast(self.device) if asked == "auto" else asked == "bf16"))
        self.optimization = Optimization(module, self.config, bf16=bf16, fixed=objective.fixed_rows, device=self.device)
        if self.config.compile:
            compile_layers(self.optimization.module)
        self.module, self.progress = self.optimization.module, Progress()
        self.best: dict[str, Tensor] = {}
        self.steps = self.config.steps or max(1, round(self.config.epochs * len(self._epoch(0)) / self.per_update))
        self.every = max(1, math.ceil(self.steps / self.config.evaluations))
        self.precision = "bf16" if bf16 else "fp32"

    def _precision(self) -> str:
        """The precision of the checkpoint where there is one: a resumed run goes on as it began."""
        loaded = load_checkpoint(self.folder / CHECKPOINTS)
        return str(loaded[1]["precision"]) if loaded else self.config.precision

    def _epoch(self, epoch: int) -> Sequence[Sequence[int]]:
        if (own := self.objective.ordered(self.examples)) is not None:
            return own
        chosen = self.objective.chosen(self.examples, epoch=epoch, seed=self.seed)
        costs = np.asarray(self.costs)[np.asarray(chosen, np.int64)]
        if not len(costs):
            raise ConfigError("no example is left to train on", remedy="Give more rows, or shorter ones")
        batches_of = filled if self.config.packing else epoch_batches
        batches = batches_of(costs, batch_tokens=self.config.batch_tokens, seed=self.seed, epoch=epoch)
        return [array("i", (chosen[i] for i in batch)) for batch in batches]

    def _updates(self) -> Iterator[list[Sequence[int]]]:
        """The batches of each update."""
        batches = self._batches()
        while True:
            yield [next(batches) for _ in range(self.per_update)]

    def _batches(self) -> Iterator[Sequence[int]]:
        """Batches from where the run stands, moving it on."""
        while True:
            batches = self._epoch(self.progress.epoch)
            while self.progress.batch < len(batches):
                self.progress.batch += 1
                yield batches[self.progress.batch - 1]
            self.progress.epoch, self.progress.batch = self.progress.epoch + 1, 0

    def run(self) -> nn.Module:
        """Train to the end; returns the module in fp32 on the processor, for evaluation.

        It has the best weights where patience is set or somebody stopped it, else the last ones. Raises
        RunInterrupted, with a checkpoint written, when the process is told to end.
        """
        resumed = self._resume()
        with self.interruption.waiting():
            with created_on(self.device):
                self._train()
            if self.progress.step != resumed:
                self._save()
        if self.progress.best_step and self._keeps_best():
            self._log(f"The weights are those of step {self.progress.best_step}, the best of all evaluations")
        return self._result()

    def _train(self) -> None:
        self.module.train()
        self.began, self.first = time.monotonic(), self.progress.step
        saved = reported = self.began
        tokens, losses, updates = 0, [], self._updates()
        while self.progress.step < self.steps and not self.progress.finished:
            batches = next(updates)
            losses.append(self._step(batches))
            tokens += sum(self.costs[i] for batch in batches for i in batch)
            self.progress.step += 1
            now = time.monotonic()
            if now - reported >= REPORT_SECONDS or self.progress.step == self.steps:
                self._report(losses, tokens / max(1e-6, now - reported))
                reported, tokens, losses = now, 0, []
            if self.progress.step % self.every == 0 or self.progress.step == self.steps:
                self._evaluate()
            self._heed()
            if (now := time.monotonic()) - saved >= self._between_checkpoints(now):
                self._save()
                saved = time.monotonic()

    def _between_checkpoints(self, now: float) -> float:
        """Seconds: close together at first, so that a kill costs about a tenth of the work since the start."""
        return min(self.config.checkpoint_seconds, max(SOONEST, (now - self.began) / 10))

    def _heed(self) -> None:
        """Do what people ask of a run: stop with the best weights, or leave everything as it is and end."""
        stop, end = self.processes.any(stop_asked(self.folder), self.interruption.asked)
        if stop:
            if self.progress.evaluated != self.progress.step:
                self._evaluate()
            self.progress.finished = self.progress.stopped = True
            self._log(f"Stopped at step {self.progress.step} of {self.steps}")
        if end:
            self._save()
            raise RunInterrupted

    def _step(self, batches: Sequence[Sequence[int]]) -> float:
        """One update by the mean over all examples of these batches; its loss."""
        weight, loss = 0, 0.0
        self.objective.done = self.progress.step / self.steps
        for place, batch in self.processes.share(batches):
            examples = [self.examples[i] for i in batch]
            own = self.objective.weight(examples) if len(batches) > 1 else 1
            # What a batch draws follows from its place in the run: the same after a kill, in whichever process.
            torch.manual_seed(int(np.random.SeedSequence((self.seed, self.progress.step, place)).generate_state(1)[0]))
            found = self.objective.loss(self.module, examples)
            found.backward()  # type: ignore[no-untyped-call]
            self.optimization.gather(own)
            weight, loss = weight + own, loss + own * float(found.detach())
        loss = self._shared(weight, loss)
        self.optimization.update(rate_at(self.progress.step, self.steps, self.config))
        return self._sound(loss)

    def _shared(self, weight: float, loss: float) -> float:
        """Add up what the processes found and make means of the sums; the loss."""
        facts = torch.tensor([weight, loss], dtype=torch.float32)
        grads = [master.grad for master in self.optimization.masters if master.grad is not None]
        self.processes.add([*grads, facts])
        if (whole := float(facts[0])) != 1.0:
            for grad in grads:
                grad.div_(whole)
        return float(facts[1]) / whole

    def _sound(self, loss: float) -> float:
        if not math.isfinite(loss):
            raise ConfigError(f"the loss became {loss} at step {self.progress.step}",
                              remedy="Start again with a lower learning_rate", field="learning_rate")
        return loss

    def _report(self, losses: list[float], speed: float) -> None:
        step = self.progress.step
        left = (time.monotonic() - self.began) / (step - self.first) * (self.steps - step)  # evaluations included
        self.on_event({"event": "step", "step": step, "steps": self.steps, "epoch": self.progress.epoch,
                       "loss": sum(losses) / len(losses), "tokens_per_second": round(speed),
                       "learning_rate": rate_at(step - 1, self.steps, self.config), "seconds_left": round(left, 1)})

    def _log(self, text: str) -> None:
        self.on_event({"event": "log", "text": text})

    def _evaluate(self) -> None:
        if not self.validation:
            return
        self.module.eval()
        with self.optimization.learnt():
            figures = self.objective.validate(self.module, self.validation)
            value, progress = self._sound(figures[self.objective.measure]), self.progress
            samples = self.objective.samples(self.module, self.shown)
        self.module.train()
        sign = 1 if self.objective.higher_is_better else -1
        if better := progress.best is None or sign * value > sign * progress.best:
            progress.best, progress.best_step, progress.without_better = value, progress.step, 0
            self.best = {name: p.detach().to("cpu", copy=True) for name, p in self._weights()}
        else:
            progress.without_better += 1
            progress.finished = 0 < self.config.patience <= progress.without_better
        progress.evaluated = progress.step
        self._average_if_stuck(sign * value)
        self.on_event({"event": "evaluation", "step": progress.step, "better": better, **figures})
        self.on_event({"event": "samples", "step": progress.step, "items": [shortened(item) for item in samples]})

    def _average_if_stuck(self, value: float) -> None:
        """Begin to average weights, where that is wanted, once no evaluation gets better (Merity et al. 2018, 3.1)."""
        earlier = self.progress.seen[: max(0, len(self.progress.seen) - NONMONO)]
        waits = self.config.optimizer == "nt-asgd" and not self.optimization.averaged
        if waits and value < max(earlier, default=value):
            self.optimization.average()
            self._log(f"From step {self.progress.step} on the weights are averaged")
        self.progress.seen.append(value)

    def _weights(self) -> list[tuple[str, Tensor]]:
        return list(zip(self.optimization.names, self.optimization.weights(), strict=True))

    def _keeps_best(self) -> bool:
        """Whether the best weights are wanted, not the last ones."""
        return bool(self.best) and (self.config.patience > 0 or self.progress.stopped)

    def _save(self) -> None:
        if not self.processes.first:
            return
        tensors = self.optimization.tensors() | {f"best/{name}": t for name, t in self.best.items()}
        tensors |= {f"objective/{name}": tensor for name, tensor in self.objective.tensors().items()}
        state = {"progress": vars(self.progress), "precision": self.precision}
        path = save_checkpoint(self.folder / CHECKPOINTS, self.progress.step, tensors, state)
        self.on_event({"event": "checkpoint", "step": self.progress.step, "path": str(path)})

    def _resume(self) -> int | None:
        """Go on from the newest checkpoint; its step."""
        loaded = load_checkpoint(self.folder / CHECKPOINTS)
        if loaded is None:
            return None
        tensors, state = loaded
        self.best = {key[5:]: t for key, t in tensors.items() if key.startswith("best/")}
        carried = {key[10:]: t.to(self.device) for key, t in tensors.items() if key.startswith("objective/")}
        self.objective.restore(carried)
        self.optimization.restore({key: t for key, t in tensors.items() if not key.startswith(("best/", "objective/"))})
        self.progress = Progress(**state["progress"])
        self.on_event({"event": "resumed", "step": self.progress.step})
        return self.progress.step

    def _result(self) -> nn.Module:
        weights = self.best if self._keeps_best() else dict(self._weights())
        module = without_compilation(self.module).float().cpu()
        module.load_state_dict(module.state_dict() | weights)  # what is frozen is no master
        return module.eval()
