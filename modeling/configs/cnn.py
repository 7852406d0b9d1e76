"""Configuration of the convolutional classifier."""

from __future__ import annotations

from dataclasses import dataclass

from modeling.configs.classifier import ClassifierConfig
from modeling.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class CNNConfig(ClassifierConfig):
    dropout: float = 0.5
    """Share of vectors and of final states dropped in training."""
    embedding: int = 128
    """Size of a token's vector."""
    widths: tuple[int, ...] = (3, 4, 5)
    """Tokens that a filter sees at once: one set of filters for each width."""
    filters: int = 100
    """Filters of each width."""

    def __post_init__(self) -> None:
        self.check(most={"filters": 8192})
        if not self.widths or any(not 1 <= width <= 32 for width in self.widths):
            raise ConfigError(f"widths has {self.widths}", allowed="at least one width, each from 1 to 32",
                              field="widths")
        if len(set(self.widths)) != len(self.widths):
            raise ConfigError("widths has one twice", allowed="each width once", field="widths")

    @property
    def features(self) -> int:
        return len(self.widths) * self.filters

    def _filters(self) -> int:
        return sum(self.widths) * self.embedding * self.filters

    def parameters(self) -> int:
        head = (self.features + 1) * self.outputs
        return self.vocabulary_size * self.embedding + self._filters() + self.features + head

    def operations(self, length: float) -> float:
        return 6.0 * self._filters()

    def kept(self, length: float) -> float:
        return 2 * self.embedding + 3 * self.features
