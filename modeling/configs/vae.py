"""Configuration of the variational autoencoder of sentences."""

from __future__ import annotations

from dataclasses import dataclass

from modeling.configs.ranges import SIZES, check_ranges
from modeling.configs.training import TrainingConfig

SHARES = ("dropout", "word_dropout", "autoencoding", "annealing")


@dataclass(frozen=True, kw_only=True, slots=True)
class VAEConfig:
    vocabulary_size: int = 6000
    """Tokens of the tokenizer."""
    embedding: int = 192
    """Size of a token's vector."""
    hidden: int = 384
    """Size of the decoder's state, and of the encoder's in both directions together."""
    latent: int = 32
    """Numbers that stand for a sentence."""
    context: int = 64
    """Most tokens of a sentence."""
    dropout: float = 0.2
    """Share of the decoder's inputs and outputs dropped in training."""
    word_dropout: float = 0.2
    """Share of the words hidden from the decoder in training, so that it asks the latent numbers."""
    free_bits: float = 0.25
    """Nats that each latent number may tell for nothing: without it a good decoder ignores them."""
    autoencoding: float = 0.15
    """Share of the training at its begin in which telling costs nothing."""
    annealing: float = 0.25
    """Share of the training after it in which the cost rises to its full height."""

    def __post_init__(self) -> None:
        check_ranges(self, shares=SHARES, least={"free_bits": 0, "context": 4},
                     most=SIZES | {"dropout": 0.9, "word_dropout": 1, "latent": 1024, "context": 1024, "free_bits": 10})

    def _matrices(self) -> int:
        half = self.hidden // 2
        encoder = 2 * 4 * half * (self.embedding + half)
        return encoder + 4 * self.hidden * (self.embedding + self.latent + self.hidden) + self.hidden * self.embedding

    def parameters(self) -> int:
        half = self.hidden // 2
        vectors = 2 * 8 * half + 8 * self.hidden + self.embedding + 2 * self.latent
        return self.vocabulary_size * self.embedding + self._matrices() + 2 * self.latent * 2 * half + vectors

    def operations(self, length: float) -> float:
        return 6.0 * (self._matrices() + self.vocabulary_size * self.embedding)

    def kept(self, length: float) -> float:
        return 4 * self.embedding + self.latent + 22 * self.hidden

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        return rows, min(self.context, tokens / max(1, rows) + 2)
