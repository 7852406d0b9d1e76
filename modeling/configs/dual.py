"""Configuration of the encoder that finds passages: questions and passages to vectors."""

from __future__ import annotations

from dataclasses import dataclass

from modeling.configs.bert_classifier import BertClassifierConfig
from modeling.configs.training import TrainingConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class DualConfig(BertClassifierConfig):
    dropout: float = 0.0
    """Share of hidden states dropped in training."""
    length: int = 192
    """Most tokens of a question or a passage that are read, the marks at its ends included."""

    def parameters(self) -> int:
        return BertClassifierConfig.parameters(self) - (self.width + 1) * self.outputs

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        """A question with its passage is one example."""
        return rows, min(2 * self.length, tokens / max(1, rows) + 4)
