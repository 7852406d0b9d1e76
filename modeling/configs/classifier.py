"""What every classifier of texts has in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from modeling.configs.ranges import SIZES, check_ranges
from modeling.configs.training import TrainingConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierConfig:
    vocabulary_size: int = 10_000
    """Tokens of the tokenizer."""
    dropout: float = 0.3
    """Share of vectors and of final states dropped in training."""
    length: int = 256
    """Most tokens of a text that are read."""
    labels: int = 2
    """Labels to choose from."""
    several: bool = False
    """Whether a text can have several labels at once, or none."""

    def check(self, *, least: Mapping[str, float] | None = None, most: Mapping[str, float] | None = None,
              shares: Collection[str] = ()) -> None:
        """Refuse numbers out of range, with further limits of the network's own."""
        check_ranges(self, shares=("dropout", *shares), least=least, most={**SIZES, "length": 16_384, **(most or {})})

    @property
    def outputs(self) -> int:
        """Logits of a text: one is enough for two labels of which a text has one."""
        return 1 if self.labels == 2 and not self.several else self.labels

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        return rows, min(self.length, tokens / max(1, rows))
