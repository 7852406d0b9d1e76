"""Configuration of the bag of n-grams."""

from __future__ import annotations

from dataclasses import dataclass

from modeling.configs.classifier import ClassifierConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class BagConfig(ClassifierConfig):
    embedding: int = 32
    """Size of the vector of a token and of an n-gram."""
    ngrams: int = 2
    """Longest run of neighbouring tokens that has a vector of its own; 1 takes the tokens alone."""
    buckets: int = 50_000
    """Vectors that all n-grams share, each by its hash."""

    def __post_init__(self) -> None:
        self.check(most={"ngrams": 6, "buckets": 10**7})

    @property
    def table(self) -> int:
        """Vectors of tokens and of n-grams."""
        return self.vocabulary_size + (self.buckets if self.ngrams > 1 else 0)

    def parameters(self) -> int:
        return self.table * self.embedding + (self.embedding + 1) * self.outputs

    def operations(self, length: float) -> float:
        """The optimizer goes over the whole table in every step: that, shared among a batch's tokens, is the work."""
        return 6.0 * self.embedding * (self.ngrams + self.outputs / max(1.0, length)) + self.table * self.embedding / 50

    def kept(self, length: float) -> float:
        return 2.0 * self.ngrams * self.embedding
