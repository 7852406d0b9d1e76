"""The steps of preprocessing on rows, each text as it is after each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modeling.configs.defaults import TEXTS
from modeling.text import Pipeline, Preprocessing


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step on one text."""

    name: str
    """As the settings have it; "blanks" squeezes what others left."""
    text: str
    """After it."""
    changed: bool
    """Whether it did anything here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownText:
    """A text of a row with what becomes of it."""

    role: str
    text: str
    steps: Sequence[Step]


def shown_steps(
    rows: Sequence[Mapping[str, Any]], preprocessing: Preprocessing, *, characters: int = 600
) -> list[list[ShownText]]:
    """For each row its texts that a model reads, shortened to `characters`, after each step that is on."""
    pipeline = Pipeline(preprocessing)
    return [[_shown(role, str(row[role])[:characters], pipeline) for role in TEXTS if row.get(role)] for row in rows]


def _shown(role: str, text: str, pipeline: Pipeline) -> ShownText:
    steps, before = [], text
    for name, after in pipeline.steps(text):
        steps.append(Step(name=name, text=after, changed=after != before))
        before = after
    return ShownText(role=role, text=text, steps=steps)
