"""Configurations of the transformers with an encoder and a decoder: a translator, and a summariser that copies."""

from __future__ import annotations

import re
from dataclasses import dataclass

from modeling.configs.ranges import SIZES, check_ranges
from modeling.configs.training import TrainingConfig
from modeling.errors import ConfigError

DIRECTION = re.compile(r"([a-z]{2,3})-(?!\1$)[a-z]{2,3}")


def check_directions(directions: tuple[str, ...], *, shared: bool) -> None:
    """Refuse what is no direction, and several where source and target have each their own vocabulary."""
    if bad := [pair for pair in directions if not DIRECTION.fullmatch(pair)]:
        raise ConfigError(f"{bad[0]!r} is no direction", allowed="two languages, such as en-fr", field="directions")
    if not shared and len(directions) > 1:
        raise ConfigError(f"{len(directions)} directions need a shared vocabulary",
                          allowed="one direction, or shared_vocabulary yes", field="shared_vocabulary")


@dataclass(frozen=True, kw_only=True, slots=True)
class TransformerSizes:
    """What both have."""

    vocabulary_size: int = 8000
    """Tokens of the tokenizer; of the target's, where source and target have each their own."""
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
    dropout: float = 0.0
    """Share of the residual writes dropped in training."""
    theta: float = 10_000.0
    """Base of the rotary frequencies."""
    tied: bool = True
    """Whether the head has the same weights as the target's embedding."""

    def _limits(self) -> None:
        least = {"context": 16, "target_context": 16, "theta": 1, "source_vocabulary_size": 0}
        check_ranges(self, shares=("dropout",), least=least, most=SIZES | {"context": 4096, "target_context": 4096})
        if self.width % self.heads or (self.width // self.heads) % 16:
            raise ConfigError(
                f"width {self.width} and heads {self.heads} do not fit",
                allowed="heads divide the width into multiples of 16 (the attention kernel)", field="width",
            )

    @property
    def source_vocabulary_size(self) -> int:
        return 0

    def _block(self) -> int:
        return 4 * self.width**2 + 3 * self.width * self.hidden

    def _matrices(self) -> int:
        return self.encoder_layers * self._block() + self.decoder_layers * (self._block() + 4 * self.width**2)

    @property
    def _blocks(self) -> int:
        """Attentions that a token passes."""
        return self.encoder_layers + 2 * self.decoder_layers

    def parameters(self) -> int:
        vectors = (2 * self.encoder_layers + 3 * self.decoder_layers + 2) * self.width
        tables = self.vocabulary_size * (2 - self.tied) + self.source_vocabulary_size
        return tables * self.width + self._matrices() + vectors

    def operations(self, length: float) -> float:
        head = self.vocabulary_size * self.width
        return 6.0 * (self._matrices() + head + 2 * self._blocks * self.width * length)

    def kept(self, length: float) -> float:
        return self._blocks * (16 * self.width + 5 * self.hidden + 4 * self.heads * length)


@dataclass(frozen=True, kw_only=True, slots=True)
class TransformerConfig(TransformerSizes):
    """Of the translator."""

    context: int = 128
    """Most tokens of a source or of a target."""
    shared_vocabulary: bool = True
    """Whether source and target share one tokenizer; without it the model has a single direction."""
    source_vocabulary_size: int = 0
    """Tokens of the source's own tokenizer; 0 where both share one."""
    directions: tuple[str, ...] = ("en-fr",)
    """Pairs of languages, source first, such as en-fr,fr-en; empty takes those of the data, both ways."""

    def __post_init__(self) -> None:
        self._limits()
        check_directions(self.directions, shared=self.shared_vocabulary)

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        """Each direction is an example of its own; a pair counts its longer side."""
        directions = training.shares or (1.0,) * (len(self.directions) if len(self.directions) > 1 else 2)
        return rows * sum(directions), min(self.context, tokens / max(1, rows) / 2 + 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class CopyingTransformerConfig(TransformerSizes):
    """Of the summariser."""

    context: int = 400
    """Most tokens of a text that are read in training; a longer one is cut there, and summarised in parts later."""
    target_context: int = 100
    """Most tokens of a summary."""

    def __post_init__(self) -> None:
        self._limits()
        if self.target_context > self.context:
            raise ConfigError(f"target_context {self.target_context} is above context {self.context}",
                              allowed="at most as many tokens as a text", field="target_context")

    def parameters(self) -> int:
        # without zero arguments, super() does not know the class that slots make of this one
        return TransformerSizes.parameters(self) + 2 * self.width**2 + self.width + 1

    def operations(self, length: float) -> float:
        share = self.target_context / 3 / max(1.0, length)  # a summary is far shorter than its text
        decoder = self.decoder_layers * (self._block() + 4 * self.width**2) + self.vocabulary_size * self.width
        attention = 2 * self.width * length * (self.encoder_layers + 2 * share * self.decoder_layers)
        return 6.0 * (self.encoder_layers * self._block() + share * decoder + attention)

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        return rows, min(self.context, tokens / max(1, rows))
