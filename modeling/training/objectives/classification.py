"""Texts to labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs import TrainingConfig
from modeling.errors import DataError
from modeling.metrics import accuracy, confusion_matrix, f1_by_label, macro_f1
from modeling.text import Tokenizer
from modeling.training.batches import cut, pad
from modeling.training.objectives.base import Objective, Rows, Sample

Example = tuple[list[int], int]


class Classification(Objective):
    measure = "accuracy"

    @classmethod
    def make_tokenizer(cls, rows: Rows, size: int, training: TrainingConfig) -> Tokenizer:
        return Tokenizer.train(
            [row["text"] for row in rows], vocabulary_size=size, kind=training.tokenizer, lowercase=training.lowercase,
            preprocessing=training.preprocessing,
        )

    @classmethod
    def labels_from_rows(cls, rows: Rows) -> list[str]:
        labels = sorted({str(row["label"]) for row in rows})
        if len(labels) < 2:
            raise DataError(f"all rows have the label {labels[0]!r}" if labels else "there are no labels",
                            allowed="at least two different labels")
        return labels

    @classmethod
    def config_from_rows(cls, rows: Rows, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {"labels": len(cls.labels_from_rows(rows))}

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, cut to the configured length, never empty."""
        unknown = self.tokenizer.unk_id or 0
        return [ids[: self.config.length] or [unknown] for ids in self.tokenizer.encode_batch(texts)]

    def examples(self, rows: Rows, *, training: bool) -> Sequence[Example]:
        index = {label: i for i, label in enumerate(self.labels)}
        known = [row for row in rows if str(row["label"]) in index]
        encoded = self.encode([row["text"] for row in known])
        return [(ids, index[str(row["label"])]) for ids, row in zip(encoded, known, strict=True)]

    def cost(self, example: Example) -> int:
        return len(example[0])

    def loss(self, module: nn.Module, examples: Sequence[Example]) -> Tensor:
        logits = module(*pad([ids for ids, _ in examples])).float()
        target = torch.tensor([label for _, label in examples])
        if len(self.labels) == 2:
            return F.binary_cross_entropy_with_logits(logits[:, 0], target.float())
        return F.cross_entropy(logits, target, label_smoothing=self.training.label_smoothing)

    @torch.no_grad()
    def predict(self, module: nn.Module, encoded: Sequence[list[int]]) -> Tensor:
        """Logits (rows, labels); of two labels the first has the logit 0."""
        lengths = torch.tensor([len(ids) for ids in encoded])
        found = torch.zeros(len(encoded), len(self.labels))
        for batch in cut(lengths.argsort(stable=True).tolist(), lengths.numpy(), 8192):
            logits = module(*pad([encoded[i] for i in batch])).float()
            found[batch] = F.pad(logits, (1, 0)) if len(self.labels) == 2 else logits
        return found

    def validate(self, module: nn.Module, examples: Sequence[Example]) -> dict[str, float]:
        logits = self.predict(module, [ids for ids, _ in examples])
        target = torch.tensor([label for _, label in examples])
        right = float((logits.argmax(1) == target).float().mean())
        return {"accuracy": right, "loss": float(F.cross_entropy(logits, target))}

    def samples(self, module: nn.Module, rows: Rows) -> list[Sample]:
        chosen = self.predict(module, self.encode([row["text"] for row in rows])).argmax(1).tolist()
        return [{"input": row["text"], "output": self.labels[label], "expected": str(row["label"])}
                for row, label in zip(rows, chosen, strict=True)]

    def evaluate(self, module: nn.Module, rows: Rows) -> dict[str, Any]:
        rows = [row for row in rows if str(row["label"]) in self.labels]
        truth = [str(row["label"]) for row in rows]
        logits = self.predict(module, self.encode([row["text"] for row in rows]))
        found = [self.labels[i] for i in logits.argmax(1).tolist()]
        matrix = confusion_matrix(found, truth, self.labels).tolist()
        return {"accuracy": accuracy(found, truth), "macro_f1": macro_f1(found, truth), "f1": f1_by_label(found, truth),
                "confusion_matrix": matrix, "rows": len(rows)}

    def preprocessing(self) -> dict[str, Any]:
        return {"length": self.config.length}
