"""The interface between the loop and a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from modeling.configs import TrainingConfig
from modeling.models import network_of
from modeling.text import Tokenizer
from modeling.training.objectives.packing import flattened, restored

Row = Mapping[str, Any]
Rows = Sequence[Row]
Sample = dict[str, str]
"""What went in, what came out, what would have been right: input, output, expected."""


class Objective(ABC):
    """One task with its tokenizer and configuration."""

    measure: str
    """Name of the validation figure that decides."""
    higher_is_better = True

    whole = False
    """Whether its examples follow from all rows together, and cannot be made part by part."""

    source_tokenizer: Tokenizer | None = None
    """Of sources that have a vocabulary of their own."""
    counted = False
    """Whether `count` makes the model from the rows, and no loop trains it."""
    done = 0.0
    """Share of the training that is done; the loop keeps it."""

    def __init__(self, tokenizer: Tokenizer, config: Any, training: TrainingConfig, labels: Sequence[str] = ()) -> None:
        self.tokenizer, self.config, self.training, self.labels = tokenizer, config, training, list(labels)
        self.fixed_rows: dict[str, Tensor] = {}
        """Rows of matrices that stay as they are: name -> bool [rows]."""

    @classmethod
    @abstractmethod
    def make_tokenizer(cls, rows: Rows, size: int, training: TrainingConfig) -> Tokenizer:
        """Train a tokenizer of at most `size` tokens on the training rows."""

    @classmethod
    def vocabularies(cls, rows: Rows, settings: Mapping[str, Any]) -> tuple[Rows, Rows | None]:
        """Rows to train the tokenizer on, and those for the sources' own one where they are to have one."""
        return rows, None

    @classmethod
    def config_from_rows(cls, rows: Rows, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Fields of the model's configuration that follow from the rows; `settings` are those asked for."""
        return {}

    @classmethod
    def labels_from_rows(cls, rows: Rows) -> list[str]:
        return []

    def weigh(self, rows: Rows) -> None:
        """Settle what examples count in the loss, where the training rows decide it."""
        return None

    def module(self) -> nn.Module:
        """A fresh network; seeded by the caller."""
        return network_of(self.config)

    def inherit(self, preprocessing: Mapping[str, Any]) -> None:
        """Take over what a parent's serving does to a text, where that is part of what was learnt."""
        self.inherited = dict(preprocessing)

    def adapted(self, module: nn.Module) -> nn.Module:
        """The network, with its weights in place, as it shall learn: parts may be frozen, or new."""
        return module

    def settled(self, module: nn.Module) -> nn.Module:
        """The trained network as `module()` makes it: the inverse of `adapted`."""
        return module

    @abstractmethod
    def examples(self, rows: Rows, *, training: bool) -> Sequence[Any]: ...

    @abstractmethod
    def cost(self, example: Any) -> int:
        """Tokens of an example in a batch."""

    def pack(self, example: Any) -> list[int]:
        """An example as numbers, for data that do not fit into the memory; `unpack` gives it back for the loss."""
        return flattened(example)

    def unpack(self, numbers: list[int]) -> Any:
        return restored(numbers)

    def chosen(self, examples: Sequence[Any], *, epoch: int, seed: int) -> Sequence[int]:
        """Indices of the examples that this epoch shows."""
        return range(len(examples))

    def ordered(self, examples: Sequence[Any]) -> list[list[int]] | None:
        """Batches in an order of its own, the same in each epoch; None leaves them to the loop."""
        return None

    def tensors(self) -> dict[str, Tensor]:
        """What it carries from step to step, by name, for a checkpoint."""
        return {}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what `tensors` gave."""
        return

    def count(self, module: nn.Module, rows: Rows) -> None:
        """Make the model of a `counted` objective in one pass."""
        raise NotImplementedError(type(self).__name__)

    @abstractmethod
    def loss(self, module: nn.Module, examples: Sequence[Any]) -> Tensor:
        """Mean loss of a batch."""

    def weight(self, examples: Sequence[Any]) -> int:
        """What `loss` is a mean over: with it several batches make the gradient of one large batch."""
        return len(examples)

    @abstractmethod
    def validate(self, module: nn.Module, examples: Sequence[Any]) -> dict[str, float]:
        """Quick figures, `measure` among them."""

    @abstractmethod
    def samples(self, module: nn.Module, rows: Rows) -> list[Sample]:
        """What the module makes of a few rows, for people to look at. Leaves the random state as it is."""

    def finish(self, module: nn.Module, rows: Rows) -> None:
        """Settle what the validation rows decide once the weights are learnt; may change the weights."""
        return None

    @abstractmethod
    def evaluate(self, module: nn.Module, rows: Rows) -> dict[str, Any]:
        """The full figures of held-out rows."""

    def preprocessing(self) -> dict[str, Any]:
        """What serving has to do to a text before the graph."""
        return {}

    def defaults(self) -> dict[str, Any]:
        """Sampling or search defaults of the finished model."""
        return {}
