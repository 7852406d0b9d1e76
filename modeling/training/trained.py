"""What a training hands over to the export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from modeling.text import Tokenizer


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainedModel:
    task: str
    """Name in TASKS."""
    model: str
    """Name of the model in its task."""
    config: Any
    """The model's configuration dataclass."""
    module: nn.Module
    """The network, fp32, in evaluation mode."""
    tokenizer: Tokenizer
    labels: list[str] | None
    """Labels by index (classification)."""
    preprocessing: dict[str, Any]
    """What serving does to a text before the graph."""
    metrics: dict[str, Any]
    """Held-out figures."""
    lineage: dict[str, Any]
    """Data files with hashes, seed, settings, recipe, parent."""
    card: str
    """Model card, Markdown."""
    test_rows: Sequence[dict[str, Any]]
    """The frozen test split."""
    languages: tuple[str, ...] = ()
    source_tokenizer: Tokenizer | None = None
    """Of an encoder-decoder whose sources have a tokenizer of their own."""
    defaults: dict[str, Any] = field(default_factory=dict)
    """Sampling or search defaults."""
