"""Configuration of LexRank on word vectors."""

from __future__ import annotations

from dataclasses import dataclass

from modeling.configs.ranges import SIZES, check_ranges
from modeling.configs.training import TrainingConfig

LOOKING_UP = 1e6
"""Operations of a token, as the table of models measures them: cutting texts into words, mostly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LexRankConfig:
    vocabulary_size: int = 50_000
    """The most words that are taken along with their vectors; the commonest stay."""
    dimensions: int = 100
    """Numbers of a vector."""
    smoothing: float = 1e-3
    """Share of all words from which on a word counts less than half: the smaller, the less common words say."""

    def __post_init__(self) -> None:
        check_ranges(self, most=SIZES | {"dimensions": 10_000, "smoothing": 1})

    def parameters(self) -> int:
        return self.vocabulary_size * self.dimensions

    def operations(self, length: float) -> float:
        return LOOKING_UP

    def kept(self, length: float) -> float:
        return 0.0

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        return max(1, rows), tokens / max(1, rows)
