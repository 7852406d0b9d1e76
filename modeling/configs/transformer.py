"""Configuration of the translator."""

from __future__ import annotations

import re
from dataclasses import dataclass

from modeling.configs.ranges import SIZES, check_ranges
from modeling.configs.training import TrainingConfig
from modeling.errors import ConfigError

DIRECTION = re.compile(r"([a-z]{2,3})-(?!\1$)[a-z]{2,3}")


@dataclass(frozen=True, kw_only=True, slots=True)
class TransformerConfig:
    vocabulary_size: int = 8000
    """Tokens of the tokenizer, shared by all languages."""
    width: int = 256
    """Size of the residual stream."""
    encoder_layers: int = 4
    """Blocks that read the source."""
    decoder_layers: int = 3
    """Blocks that write the target."""
    heads: int = 8
    """Attention heads; they divide the width."""
    hidden: int = 768
    """Inner size of the feed-forward parts."""
    context: int = 128
    """Most tokens of a source or of a target."""
    dropout: float = 0.0
    """Share of the residual writes dropped in training."""
    theta: float = 10_000.0
    """Base of the rotary frequencies."""
    directions: tuple[str, ...] = ("en-fr",)
    """Pairs of languages, source first, such as en-fr,fr-en; empty takes those of the data, both ways."""

    def __post_init__(self) -> None:
        check_ranges(self, shares=("dropout",), least={"context": 16, "theta": 1}, most=SIZES | {"context": 4096})
        if self.width % self.heads or (self.width // self.heads) % 16:
            raise ConfigError(
                f"width {self.width} and heads {self.heads} do not fit",
                allowed="heads divide the width into multiples of 16 (the attention kernel)", field="width",
            )
        if bad := [pair for pair in self.directions if not DIRECTION.fullmatch(pair)]:
            raise ConfigError(f"{bad[0]!r} is no direction", allowed="two languages, such as en-fr", field="directions")

    def _matrices(self) -> int:
        block = 4 * self.width**2 + 3 * self.width * self.hidden
        return self.encoder_layers * block + self.decoder_layers * (block + 4 * self.width**2)

    @property
    def _blocks(self) -> int:
        """Attentions that a token passes."""
        return self.encoder_layers + 2 * self.decoder_layers

    def parameters(self) -> int:
        vectors = (2 * self.encoder_layers + 3 * self.decoder_layers + 2) * self.width
        return self.vocabulary_size * self.width + self._matrices() + vectors

    def operations(self, length: float) -> float:
        head = self.vocabulary_size * self.width
        return 6.0 * (self._matrices() + head + 2 * self._blocks * self.width * length)

    def kept(self, length: float) -> float:
        return self._blocks * (16 * self.width + 5 * self.hidden + 4 * self.heads * length)

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        """Each direction is an example of its own; a pair counts its longer side."""
        directions = training.shares or (1.0,) * (len(self.directions) if len(self.directions) > 1 else 2)
        return rows * sum(directions), min(self.context, tokens / max(1, rows) / 2 + 2)
