"""Texts to labels: one of several, or each label for itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs import BagConfig, BertClassifierConfig, EncoderConfig, TrainingConfig
from modeling.datasets import labels_of, several_labels
from modeling.errors import DataError
from modeling.metrics import accuracy, calibration, confusion_matrix, f1_by_label, label_figures, macro_f1
from modeling.text import ClassifierInputs, Tokenizer
from modeling.training.batches import by_length, pad
from modeling.training.calibration import best_thresholds, sure_threshold, temperature_of
from modeling.training.objectives.base import Objective, Row, Rows, Sample

Example = tuple[list[int], tuple[int, ...]]
"""Ids, and the indices of the labels."""


class Classification(Objective):
    measure = "accuracy"

    def __init__(self, tokenizer: Tokenizer, config: Any, training: TrainingConfig, labels: Sequence[str] = ()) -> None:
        super().__init__(tokenizer, config, training, labels)
        if config.several:
            self.measure = "micro_f1"
        self.inputs = inputs_of(config, tokenizer)
        self.index = {label: i for i, label in enumerate(self.labels)}
        self.weights: Tensor | None = None  # (labels): what a label counts in the loss
        self.temperature, self.chosen_defaults = 1.0, dict[str, Any]()

    @classmethod
    def make_tokenizer(cls, rows: Rows, size: int, training: TrainingConfig) -> Tokenizer:
        return Tokenizer.train(
            [row["text"] for row in rows], vocabulary_size=size, kind=training.tokenizer, lowercase=training.lowercase,
            preprocessing=training.preprocessing,
        )

    @classmethod
    def labels_from_rows(cls, rows: Rows) -> list[str]:
        labels = sorted({label for row in rows for label in labels_of(row)})
        if len(labels) < 2:
            raise DataError(f"all rows have the label {labels[0]!r}" if labels else "there are no labels",
                            allowed="at least two different labels")
        return labels

    @classmethod
    def config_from_rows(cls, rows: Rows, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {"labels": len(cls.labels_from_rows(rows)), "several": several_labels(rows)}

    def weigh(self, rows: Rows) -> None:
        if self.training.class_weights == "balanced":
            targets = (self.target(row) for row in rows)
            self.weights = balanced(targets, len(self.labels), several=self.config.several)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """What the network reads of each text."""
        return self.inputs.encode(self.tokenizer, texts)

    def known(self, rows: Rows) -> list[Row]:
        """The rows whose labels the model has."""
        return [row for row in rows if self.config.several or all(label in self.index for label in labels_of(row))]

    def examples(self, rows: Rows, *, training: bool) -> Sequence[Example]:
        known = self.known(rows)
        encoded = self.encode([row["text"] for row in known])
        return list(zip(encoded, map(self.target, known), strict=True))

    def target(self, row: Row) -> tuple[int, ...]:
        """Indices of a row's labels."""
        return tuple(self.index[label] for label in labels_of(row) if label in self.index)

    def cost(self, example: Example) -> int:
        return len(example[0])

    def loss(self, module: nn.Module, examples: Sequence[Example]) -> Tensor:
        logits = module(*pad([ids for ids, _ in examples])).float()
        weights = None if self.weights is None else self.weights.to(logits.device)
        if self.config.several:
            return F.binary_cross_entropy_with_logits(logits, self.targets(examples), pos_weight=weights)
        target = torch.tensor([label for _, (label,) in examples])
        if len(self.labels) == 2:
            weight = None if weights is None else weights[target]
            return F.binary_cross_entropy_with_logits(logits[:, 0], target.float(), weight=weight)
        return F.cross_entropy(logits, target, weight=weights, label_smoothing=self.training.label_smoothing)

    def targets(self, examples: Sequence[Example]) -> Tensor:
        """(rows, labels): 1 where a row has the label."""
        found = np.zeros((len(examples), len(self.labels)), np.float32)
        for row, (_, labels) in zip(found, examples, strict=True):
            row[list(labels)] = 1.0
        return torch.as_tensor(found)

    @torch.no_grad()
    def predict(self, module: nn.Module, encoded: Sequence[list[int]]) -> Tensor:
        """Logits (rows, labels); where a text has one of two labels, the first has the logit 0."""
        found = torch.zeros(len(encoded), len(self.labels))
        for batch in by_length([len(ids) for ids in encoded]):
            logits = module(*pad([encoded[i] for i in batch])).float()
            found[batch] = F.pad(logits, (1, 0)) if self.config.outputs == 1 else logits
        return found

    def validate(self, module: nn.Module, examples: Sequence[Example]) -> dict[str, float]:
        logits = self.predict(module, [ids for ids, _ in examples])
        if self.config.several:
            target = self.targets(examples)
            figures = label_figures((logits > 0).cpu().numpy(), target.bool().cpu().numpy(), self.labels)
            loss = float(F.binary_cross_entropy_with_logits(logits, target))
            return {"micro_f1": figures["micro_f1"], "accuracy": figures["accuracy"], "loss": loss}
        target = torch.tensor([label for _, (label,) in examples])
        right = float((logits.argmax(1) == target).float().mean())
        return {"accuracy": right, "loss": float(F.cross_entropy(logits, target))}

    def named(self, logits: Tensor) -> list[str]:
        """The label of each row, or all that it has."""
        if not self.config.several:
            return [self.labels[i] for i in logits.argmax(1).tolist()]
        above = (logits.sigmoid() > self.thresholds()).tolist()
        return [" | ".join(label for label, has in zip(self.labels, row, strict=True) if has) for row in above]

    def thresholds(self) -> Tensor:
        """(labels): the probability above which a text has the label."""
        return torch.tensor(self.chosen_defaults.get("thresholds", [0.5] * len(self.labels)))

    def samples(self, module: nn.Module, rows: Rows) -> list[Sample]:
        found = self.named(self.predict(module, self.encode([row["text"] for row in rows])))
        return [{"input": row["text"], "output": label, "expected": " | ".join(labels_of(row))}
                for row, label in zip(rows, found, strict=True)]

    def finish(self, module: nn.Module, rows: Rows) -> None:
        """Calibrate the head and choose thresholds on the validation rows.

        Dividing the head by the temperature divides every logit by it: graph and continued training need no more.
        """
        examples = self.examples(rows, training=False)
        if not examples:
            return
        logits = self.predict(module, [ids for ids, _ in examples])
        target = self.targets(examples)
        self.temperature = temperature_of(logits, target, several=self.config.several)
        head: Any = module.head
        with torch.no_grad():
            head.weight.div_(self.temperature)
            head.bias.div_(self.temperature)
        logits = logits / self.temperature
        if self.config.several:
            self.chosen_defaults["thresholds"] = best_thresholds(logits.sigmoid(), target)
        elif self.training.wanted_accuracy:
            self.chosen_defaults["threshold"] = sure_threshold(logits.softmax(1), target, self.training.wanted_accuracy)

    def evaluate(self, module: nn.Module, rows: Rows) -> dict[str, Any]:
        known = self.known(rows)
        examples = self.examples(known, training=False)
        logits = self.predict(module, [ids for ids, _ in examples])
        if self.config.several:
            above = (logits.sigmoid() > self.thresholds()).numpy()
            figures = label_figures(above, self.targets(examples).bool().numpy(), self.labels)
            return figures | {"rows": len(known), "temperature": round(self.temperature, 4)}
        truth, found = [labels_of(row)[0] for row in known], self.named(logits)
        right = [float(a == b) for a, b in zip(found, truth, strict=True)]
        before, after = (calibration((logits * scale).softmax(1).amax(1).tolist(), right)["error"]
                         for scale in (self.temperature, 1.0))
        matrix = confusion_matrix(found, truth, self.labels).tolist()
        return {"accuracy": accuracy(found, truth), "macro_f1": macro_f1(found, truth), "f1": f1_by_label(found, truth),
                "confusion_matrix": matrix, "rows": len(known), "calibration_error": after,
                "calibration_error_before": before, "temperature": round(self.temperature, 4)}

    def preprocessing(self) -> dict[str, Any]:
        return self.inputs.preprocessing()

    def defaults(self) -> dict[str, Any]:
        return self.chosen_defaults


def inputs_of(config: Any, tokenizer: Tokenizer) -> ClassifierInputs:
    """What the network of this configuration reads."""
    if isinstance(config, BagConfig):
        return ClassifierInputs(length=config.length, ngrams=config.ngrams, buckets=config.buckets)
    if isinstance(config, BertClassifierConfig):
        return ClassifierInputs(length=config.length, first=_mark(tokenizer, "[CLS]", "<s>"),
                                last=_mark(tokenizer, "[SEP]", "</s>"))
    if isinstance(config, EncoderConfig) and config.pooling == "first":
        return ClassifierInputs(length=config.length, first=_mark(tokenizer, "<s>"))
    return ClassifierInputs(length=config.length)


def _mark(tokenizer: Tokenizer, *names: str) -> tuple[int, ...]:
    found = [mark for name in names if (mark := tokenizer.token_id(name)) is not None]
    if not found:
        raise DataError(f"the tokenizer has no {' and no '.join(names)}", allowed="one that marks the ends of a text",
                        remedy="Take the tokenizer.json that belongs to the weights")
    return (found[0],)


def balanced(targets: Iterable[tuple[int, ...]], labels: int, *, several: bool) -> Tensor:
    """(labels): what each counts, so that all count the same together; of `several`, what having it counts."""
    counted, rows = [0] * labels, 0
    for target in targets:
        rows += 1
        for label in target:
            counted[label] += 1
    counts = torch.tensor(counted, dtype=torch.float32)
    if several:
        return ((rows - counts) / counts.clamp(min=1)).clamp(0.1, 50)
    return counts.sum() / (labels * counts.clamp(min=1))
