"""Configuration of the reader."""

from __future__ import annotations

from dataclasses import dataclass

from modeling.configs.ranges import SIZES, check_ranges
from modeling.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class BertConfig:
    vocabulary_size: int = 30522
    """Tokens of the tokenizer."""
    width: int = 384
    """Size of the hidden states."""
    layers: int = 6
    """Encoder blocks."""
    heads: int = 12
    """Attention heads; they divide the width."""
    hidden: int = 1536
    """Inner size of the feed-forward part."""
    positions: int = 512
    """Learned positions: the longest input."""
    types: int = 2
    """Segments: question and passage."""
    dropout: float = 0.0
    """Share of hidden states dropped in training."""
    window: int = 256
    """Tokens the reader sees at once, question and marks included."""
    stride: int = 96
    """Tokens that neighbouring windows share."""

    def __post_init__(self) -> None:
        check_ranges(self, shares=("dropout",), least={"stride": 0}, most=SIZES)
        if self.width % self.heads:
            raise ConfigError(f"{self.heads} heads do not divide the width {self.width}", field="heads")
        if not 2 * self.stride <= self.window <= self.positions:
            raise ConfigError(
                f"stride {self.stride}, window {self.window} and positions {self.positions} do not fit",
                allowed=f"window at most {self.positions}, and stride at most half of it", field="window",
            )
