"""The way of a model that is counted and not trained: one pass over the rows, with the events of a training."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict

from torch import nn

from modeling.training.loop import SHOWN, Event, shortened
from modeling.training.objectives import Objective, Rows


def count(
    objective: Objective, module: nn.Module, splits: Mapping[str, Rows], on_event: Callable[[Event], None]
) -> nn.Module:
    """Count the training rows, measure the validation rows. What is killed begins anew."""
    on_event({"event": "log", "text": "Counting"})
    began, validation = time.monotonic(), splits["validation"]
    objective.count(module, splits["train"])
    seconds = max(1e-3, time.monotonic() - began)
    on_event({"event": "started", "steps": 1, "precision": "fp32", "examples": len(splits["train"]),
              "parameters": sum(p.numel() for p in module.parameters()), "config": asdict(objective.config),
              "measure": objective.measure, "higher_is_better": objective.higher_is_better})
    if validation:
        figures = objective.validate(module, objective.examples(validation, training=False))
        tokens = sum(objective.cost(example) for example in objective.examples(splits["train"], training=True))
        on_event({"event": "step", "step": 1, "steps": 1, "epoch": 0, "loss": figures[objective.measure],
                  "tokens_per_second": round(tokens / seconds), "learning_rate": 0.0, "seconds_left": 0.0})
        on_event({"event": "evaluation", "step": 1, "better": True, **figures})
        shown = objective.samples(module, validation[:: max(1, len(validation) // SHOWN)][:SHOWN])
        on_event({"event": "samples", "step": 1, "items": [shortened(item) for item in shown]})
    return module.eval()
