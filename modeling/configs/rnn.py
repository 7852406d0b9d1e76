"""Configurations of the recurrent encoder-decoders: a translator, and a summariser that copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modeling.configs.ranges import SIZES, check_ranges
from modeling.configs.training import TrainingConfig
from modeling.configs.transformer import check_directions
from modeling.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class RecurrentSizes:
    """What both have."""

    vocabulary_size: int = 8000
    """Tokens of the tokenizer; of the target's, where source and target have each their own."""
    embedding: int = 256
    """Size of a token's vector."""
    hidden: int = 256
    """Size of the state, in each direction."""
    layers: int = 1
    """Layers of the encoder, and of the decoder."""
    cell: Literal["lstm", "gru"] = "gru"
    """lstm or gru."""
    dropout: float = 0.2
    """Share of vectors and of states dropped in training."""
    tied: bool = True
    """Whether the head has the same weights as the target's embedding."""

    def _limits(self) -> None:
        least = {"context": 16, "target_context": 16, "source_vocabulary_size": 0}
        most = SIZES | {"layers": 16, "context": 4096, "target_context": 1024}
        check_ranges(self, shares=("dropout",), least=least, most=most)

    @property
    def states(self) -> int:
        """Vectors that a layer remembers."""
        return 2 if self.cell == "lstm" else 1

    def _gates(self) -> int:
        return 4 if self.cell == "lstm" else 3

    def _recurrent(self, first: int, later: int) -> int:
        """Weights of all layers in one direction, by what they read."""
        sizes = [first, *[later] * (self.layers - 1)]
        return sum(self._gates() * self.hidden * (size + self.hidden + 2) for size in sizes)

    def _fed(self) -> int:
        return self.embedding

    def _encoder(self) -> int:
        return 2 * self._recurrent(self.embedding, 2 * self.hidden)

    def _decoder(self) -> int:
        hidden, embedding = self.hidden, self.embedding
        cell = self._recurrent(embedding + self._fed(), hidden)
        bridge = (2 * hidden + 1) * self.layers * self.states * hidden
        attention = 2 * hidden * hidden + hidden + hidden * hidden + hidden
        return cell + bridge + attention + (3 * hidden + 1) * embedding

    def parameters(self) -> int:
        tables = (self.vocabulary_size * (2 - self.tied) + self.source_vocabulary_size) * self.embedding
        return tables + self._encoder() + self._decoder()

    @property
    def source_vocabulary_size(self) -> int:
        return 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RNNConfig(RecurrentSizes):
    """Of the translator."""

    context: int = 128
    """Most tokens of a source or of a target."""
    input_feeding: bool = False
    """Whether the decoder reads in each step what it attended to before: better on long sentences, and several times
    slower to train."""
    shared_vocabulary: bool = True
    """Whether source and target share one tokenizer; without it the model has a single direction."""
    source_vocabulary_size: int = 0
    """Tokens of the source's own tokenizer; 0 where both share one."""
    directions: tuple[str, ...] = ("en-fr",)
    """Pairs of languages, source first, such as en-fr,fr-en; empty takes those of the data, both ways."""

    def __post_init__(self) -> None:
        self._limits()
        check_directions(self.directions, shared=self.shared_vocabulary)

    def _fed(self) -> int:
        return self.embedding if self.input_feeding else 0

    def operations(self, length: float) -> float:
        head = self.vocabulary_size * self.embedding
        return 6.0 * (self._encoder() + self._decoder() + head + 3 * self.hidden * length)

    def kept(self, length: float) -> float:
        return self.hidden * (40 * self.layers + 3 * length)

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        directions = training.shares or (1.0,) * (len(self.directions) if len(self.directions) > 1 else 2)
        return rows * sum(directions), min(self.context, tokens / max(1, rows) / 2 + 2)


@dataclass(frozen=True, kw_only=True, slots=True)
class PointerConfig(RecurrentSizes):
    """Of the summariser."""

    context: int = 400
    """Most tokens of a text that are read in training; a longer one is cut there, and summarised in parts later."""
    target_context: int = 100
    """Most tokens of a summary."""
    coverage: bool = True
    """Whether attention sees what it attended to before, so that nothing is said twice."""

    def __post_init__(self) -> None:
        self._limits()
        if self.target_context > self.context:
            raise ConfigError(f"target_context {self.target_context} is above context {self.context}",
                              allowed="at most as many tokens as a text", field="target_context")

    def _decoder(self) -> int:
        # without zero arguments, super() does not know the class that slots make of this one
        return RecurrentSizes._decoder(self) + self.coverage * self.hidden + 3 * self.hidden + self.embedding + 1

    def operations(self, length: float) -> float:
        share = self.target_context / 3 / max(1.0, length)  # a summary is far shorter than its text
        head = self.vocabulary_size * self.embedding
        return 6.0 * (self._encoder() + share * (self._decoder() + head + 3 * self.hidden * length))

    def kept(self, length: float) -> float:
        return self.hidden * (20 * self.layers + self.target_context)

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        return rows, min(self.context, tokens / max(1, rows))
