"""Configuration of the classifier."""

from __future__ import annotations

from dataclasses import dataclass

from modeling.configs.ranges import SIZES, check_ranges


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
