"""Configuration of the classifier."""

from __future__ import annotations

from dataclasses import dataclass

from modeling.configs.ranges import SIZES, check_ranges
from modeling.configs.training import TrainingConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class LSTMConfig:
    vocabulary_size: int = 10_000
    """Tokens of the tokenizer."""
    embedding: int = 128
    """Size of a token's vector."""
    hidden: int = 128
    """Size of the state, in each direction."""
    dropout: float = 0.3
    """Share of vectors and of final states dropped in training."""
    bidirectional: bool = False
    """Whether a second LSTM reads from the end."""
    length: int = 256
    """Most tokens of a text that are read."""
    labels: int = 2
    """Labels to choose from."""

    def __post_init__(self) -> None:
        check_ranges(self, shares=("dropout",), most=SIZES | {"length": 16384})

    def _matrices(self) -> int:
        directions = 1 + self.bidirectional
        return directions * (4 * self.hidden * (self.embedding + self.hidden) + self.hidden * self._outputs)

    @property
    def _outputs(self) -> int:
        return 1 if self.labels == 2 else self.labels

    def parameters(self) -> int:
        vectors = (1 + self.bidirectional) * 8 * self.hidden + self._outputs
        return self.vocabulary_size * self.embedding + self._matrices() + vectors

    def operations(self, length: float) -> float:
        return 6.0 * self._matrices()

    def kept(self, length: float) -> float:
        return 2 * self.embedding + (1 + self.bidirectional) * 8 * self.hidden

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        return rows, min(self.length, tokens / max(1, rows))
