"""Configurations of the readers that learn from nothing: what they share, and each one's sizes."""

from __future__ import annotations

from dataclasses import dataclass

from modeling.configs.ranges import SIZES, check_ranges
from modeling.configs.training import TrainingConfig
from modeling.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class ReaderConfig:
    vocabulary_size: int = 8000
    """Tokens of the tokenizer."""
    width: int = 128
    """Size of the hidden states."""
    heads: int = 4
    """Attention heads; they divide the width."""
    hidden: int = 384
    """Inner size of the feed-forward parts."""
    dropout: float = 0.1
    """Share of the residual writes dropped in training."""
    window: int = 256
    """Tokens the reader sees at once, question and marks included."""
    stride: int = 64
    """Tokens that neighbouring windows share."""

    def __post_init__(self) -> None:
        check_ranges(self, shares=("dropout",), least={"stride": 0},
                     most=SIZES | {"window": 4096, "kernel": 31, "convolutions": 8})
        if self.width % self.heads or (self.width // self.heads) % 8:
            raise ConfigError(f"width {self.width} and heads {self.heads} do not fit",
                              allowed="heads divide the width into multiples of 8", field="width")
        if 2 * self.stride > self.window:
            raise ConfigError(f"stride {self.stride} and window {self.window} do not fit",
                              allowed="stride at most half of the window", field="window")

    @property
    def _block(self) -> int:
        """Weights in the matrices of attention and feed-forward."""
        return 4 * self.width**2 + 3 * self.width * self.hidden

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        mean = tokens / max(1, rows)
        pieces = max(1.0, (mean - self.stride) / (self.window - self.stride))
        return rows * pieces * (1 + training.negatives), min(self.window, mean + 3)


@dataclass(frozen=True, kw_only=True, slots=True)
class TransformerReaderConfig(ReaderConfig):
    layers: int = 4
    """Encoder blocks."""

    def parameters(self) -> int:
        tables = (self.vocabulary_size + 4) * self.width
        return tables + self.layers * (self._block + 2 * self.width) + 3 * self.width + 2

    def operations(self, length: float) -> float:
        return 6.0 * self.layers * (self._block + 2 * self.width * length)

    def kept(self, length: float) -> float:
        return self.layers * (16 * self.width + 5 * self.hidden + 3 * self.heads * length)


@dataclass(frozen=True, kw_only=True, slots=True)
class QANetConfig(ReaderConfig):
    kernel: int = 5
    """Neighbouring tokens that a convolution sees; an odd number."""
    convolutions: int = 2
    """Convolutions before each attention."""
    blocks: int = 3
    """Blocks of the part that reads three times with the same weights."""

    def __post_init__(self) -> None:
        ReaderConfig.__post_init__(self)
        if self.kernel % 2 == 0:
            raise ConfigError(f"kernel is {self.kernel}", allowed="an odd number", field="kernel")

    @property
    def _encoder(self) -> int:
        """Weights in the matrices of a block with its convolutions."""
        return self._block + self.convolutions * (self.width**2 + self.kernel * self.width)

    def parameters(self) -> int:
        tables = (self.vocabulary_size + 4) * self.width
        vectors = (1 + self.blocks) * (2 + self.convolutions) * self.width
        return tables + (1 + self.blocks) * self._encoder + vectors + 4 * self.width**2 + 8 * self.width + 2

    def operations(self, length: float) -> float:
        passes = 1 + 3 * self.blocks
        return 6.0 * (passes * (self._encoder + 2 * self.width * length) + 4 * self.width * (self.width + length))

    def kept(self, length: float) -> float:
        a_pass = (16 + 6 * self.convolutions) * self.width + 5 * self.hidden + 3 * self.heads * length
        return (1 + 3 * self.blocks) * a_pass + 12 * length
