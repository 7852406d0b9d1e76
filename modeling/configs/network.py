"""What every configuration of a network can say about itself, so that a form can tell the cost before the training."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from modeling.configs.training import TrainingConfig


class NetworkConfig(Protocol):
    """A frozen dataclass of sizes. `length` is the mean number of tokens of an example."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def parameters(self) -> int:
        """Weights of the network."""
        ...

    def operations(self, length: float) -> float:
        """Of a token: forward and twice as much backward, two for each weight, and attention's own."""
        ...

    def kept(self, length: float) -> float:
        """Numbers that a token keeps for the backward pass."""
        ...

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        """How many examples an epoch has, and the mean tokens of one, as the loop counts them, for rows with so many
        tokens together."""
        ...
