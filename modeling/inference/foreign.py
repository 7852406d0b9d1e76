"""A classifier that was exported elsewhere: how its graph wants texts, and what its output means.

The manifest's preprocessing says both: `input` {kind: text | tokens, name, type, axes, length, pad, pad_id,
drop_unknown, mask, types} and `output` {name, kind: probabilities | probability | logits | maps}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from modeling.artifact import Artifact
from modeling.errors import ConfigError, RequestError
from modeling.inference.graphs import Graph
from modeling.text import Tokenizer

LONGEST = 512
"""Tokens that are read where the graph sets no length."""
NUMBERS = {"i64": np.int64, "i32": np.int32, "f32": np.float32, "f64": np.float64}

Row = list[str] | list[int]
"""What goes in for a text: the text itself, or its token ids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignInput:
    kind: Literal["text", "tokens"]
    """Whether the graph reads texts or token ids."""
    name: str
    """Of the graph's input."""
    axes: int = 2
    """Of that input: texts come as [B] or [B, 1], ids as [B, T]."""
    type: str = "i64"
    """Of the ids."""
    length: int | None = None
    """Tokens that every row has; None where the graph takes any number."""
    pad: Literal["before", "after"] = "after"
    """Where a short text is filled up, and a long one is cut."""
    pad_id: int = 0
    """What it is filled up with."""
    drop_unknown: bool = False
    """Whether words that the vocabulary lacks are left out."""
    mask: str = ""
    """Name of the input that says which ids are real."""
    types: str = ""
    """Name of the input of segments; all are the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignOutput:
    name: str
    """Of the graph's output."""
    kind: Literal["probabilities", "probability", "logits", "maps"] = "probabilities"
    """One for each label; one for the second of two; scores before the softmax; a map of label to probability a row."""


class ForeignClassifier:
    """Stands where a tokenizer, its inputs and a runner stand for a classifier of our own."""

    def __init__(self, artifact: Artifact, *, threads: int) -> None:
        self.graph = Graph(artifact, "classifier", threads=threads, device="cpu")
        self.labels = artifact.labels or []
        self.input = ForeignInput(**artifact.preprocessing["input"])
        self.output = ForeignOutput(**artifact.preprocessing["output"])
        self.tokenizer: Tokenizer | None = artifact.tokenizer if self.input.kind == "tokens" else None
        self.alone = self.graph.shapes[self.input.name][0] == 1  # exported for one row at a time
        self.length = self.input.length or LONGEST

    def encode(self, texts: Sequence[str]) -> list[Row]:
        """What goes in for each text."""
        if self.tokenizer is None:
            return [[text] for text in texts]
        return [self._cut(ids) for ids in self.tokenizer.encode_batch(texts)]

    def _cut(self, ids: list[int]) -> list[int]:
        assert self.tokenizer is not None
        known = [i for i in ids if i != self.tokenizer.unk_id] if self.input.drop_unknown else ids
        cut = known[-self.length :] if self.input.pad == "before" else known[: self.length]
        return cut or [self.input.pad_id]

    def probabilities(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """[rows, labels]. Raises RequestError for an output that is no probability, or of another number of labels."""
        groups = [[row] for row in rows] if self.alone else [list(rows)]
        return np.concatenate([self._of(group) for group in groups])

    def raw(self, rows: Sequence[Row]) -> Any:
        """The output as the graph gives it."""
        return self.graph([self.output.name], **self._inputs(rows))[0]

    def _of(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        found = probabilities_of(self.raw(rows), self.output.kind, self.labels)
        if found.shape != (len(rows), len(self.labels)) or not np.isfinite(found).all():
            raise RequestError(f"The model gave {found.shape} for {len(rows)} texts and {len(self.labels)} labels",
                               allowed="One finite probability for each label")
        return found

    def _inputs(self, rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
        one = self.input
        if one.kind == "text":
            texts = np.array([row[0] for row in rows], object)
            return {one.name: texts[:, None] if one.axes == 2 else texts}
        size = one.length or max(map(len, rows))
        ids = np.full((len(rows), size), one.pad_id, NUMBERS[one.type])
        mask = np.zeros((len(rows), size), np.int64)
        for place, row in enumerate(rows):
            filled = slice(size - len(row), size) if one.pad == "before" else slice(0, len(row))
            ids[place, filled], mask[place, filled] = row, 1
        more = {name: values.astype(self.graph.types[name]) for name, values in
                ((one.mask, mask), (one.types, np.zeros_like(mask))) if name}
        return {one.name: ids, **more}

    def manifest(self) -> Mapping[str, Any]:
        """For the artifact's preprocessing."""
        return {"input": asdict(self.input), "output": asdict(self.output)}


def probabilities_of(raw: Any, kind: str, labels: Sequence[str]) -> NDArray[np.float32]:
    """[rows, labels] from an output of this kind."""
    if kind == "maps":
        known = [{str(label): share for label, share in row.items()} for row in raw]
        if missing := [label for label in labels if known and label not in known[0]]:
            raise ConfigError(f"the model knows no label {missing[0]!r}", field="labels",
                              allowed=f"its labels are {', '.join(known[0])}")
        return np.array([[row[label] for label in labels] for row in known], np.float32).reshape(len(known), -1)
    found = np.asarray(raw, np.float32)
    found = found.reshape(len(found), -1) if found.ndim != 2 else found
    if kind == "probability":
        return np.concatenate([1 - found, found], axis=1)
    if kind == "logits":
        if found.shape[1] == 1:  # of the second of two labels
            found = np.concatenate([np.zeros_like(found), found], axis=1)
        shares = np.exp(found - found.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)
    return found
