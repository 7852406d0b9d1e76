"""Configuration of the n-gram language model."""

from __future__ import annotations

from dataclasses import dataclass

from modeling.configs.ranges import SIZES, check_ranges
from modeling.configs.training import TrainingConfig

COUNTING = 3e4
"""Operations of a token and an order, as the table of models measures them: sorting, mostly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NgramConfig:
    vocabulary_size: int = 8000
    """Tokens of the tokenizer."""
    order: int = 5
    """Longest n-gram: the model sees one token less."""
    least: int = 1
    """How often an n-gram of three tokens or more has to occur to be kept; 2 makes a smaller model."""

    def __post_init__(self) -> None:
        check_ranges(self, least={"order": 2}, most=SIZES | {"order": 6, "least": 1000})

    def parameters(self) -> int:
        return self.vocabulary_size

    def operations(self, length: float) -> float:
        return COUNTING * self.order

    def kept(self, length: float) -> float:
        return 0.0

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        return max(1, rows), tokens / max(1, rows) + 2
