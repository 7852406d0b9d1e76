"""What a recipe is: a published result that one command makes again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """Prepared splits, one file of rows each."""

    train: Path
    test: Path
    validation: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    title: str
    """One line."""
    task: str
    """Name in TASKS."""
    model: str
    """A model of the task."""
    prepare: Callable[[Path, Path], Files]
    """Make the splits from the data's folder in a folder of the run."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings, as `--set` takes them."""
    expected: Mapping[str, float] = field(default_factory=dict)
    """Held-out figures that this recipe gave, by their place in metrics.json."""
    about: str = ""
    """Markdown for the card: data, licence, attribution, limits."""
    storage: Literal["fp32", "fp16", "int8"] = "int8"
    """How the artifact keeps the weights."""
    needs_parent: str = ""
    """What `--from` must name, where something."""


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write rows as JSON lines, whole or not at all."""
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    draft.rename(path)
    return path
