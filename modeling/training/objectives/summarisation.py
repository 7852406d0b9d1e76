"""Texts to summaries, written anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from modeling.configs import TrainingConfig
from modeling.errors import DataError
from modeling.metrics import rouge
from modeling.text import Tokenizer
from modeling.training.evaluation import MEASURED
from modeling.training.objectives.base import Rows, Sample
from modeling.training.objectives.writing import Example, Writing

WATCHED = 48
"""Validation rows that are summarised in each evaluation."""
NO_REPEAT = 3


class Summarisation(Writing):
    @classmethod
    def make_tokenizer(cls, rows: Rows, size: int, training: TrainingConfig) -> Tokenizer:
        texts = [row[side] for row in paired(rows) for side in ("text", "summary")]
        return Tokenizer.train(texts, vocabulary_size=size, kind=training.tokenizer, lowercase=training.lowercase,
                               preprocessing=training.preprocessing)

    def examples(self, rows: Rows, *, training: bool) -> Sequence[Example]:
        """A text is cut where the encoder ends; a summary that is too long to be written is left out."""
        bos, eos = self.ends()
        good = paired(rows)
        texts, summaries = (self.tokenizer.encode_batch([row[side] for row in good]) for side in ("text", "summary"))
        return [(self.framed(text), [bos, *summary, eos], 0) for text, summary in zip(texts, summaries, strict=True)
                if len(summary) + 1 <= self.config.target_context]

    def validate(self, module: nn.Module, examples: Sequence[Example]) -> dict[str, float]:
        """Cross-entropy per token, and ROUGE of some greedy summaries."""
        total, tokens = self.surprise(module, examples)
        some = examples[:: max(1, len(examples) // WATCHED)][:WATCHED]
        found = self.written(module, [text for text, _, _ in some], beam=1)
        return {"loss": total / max(1, tokens), **rouge(found, [self.tokenizer.decode(ids) for _, ids, _ in some])}

    def samples(self, module: nn.Module, rows: Rows) -> list[Sample]:
        found = self.summaries(module, rows, beam=1)
        return [{"input": row["text"], "output": output, "expected": row.get("summary", "")}
                for row, output in zip(rows, found, strict=True)]

    def evaluate(self, module: nn.Module, rows: Rows) -> dict[str, Any]:
        """ROUGE of the first rows."""
        measured = paired(rows)[:MEASURED]
        found = self.summaries(module, measured, beam=self.training.beam)
        return {**rouge(found, [row["summary"] for row in measured]), "rows": len(measured)}

    def summaries(self, module: nn.Module, rows: Rows, *, beam: int) -> list[str]:
        texts = self.tokenizer.encode_batch([row["text"] for row in rows])
        return self.written(module, [self.framed(text) for text in texts], beam=beam)

    def defaults(self) -> dict[str, Any]:
        return {"beam": self.training.beam, "max_tokens": self.config.target_context - 1, "no_repeat": NO_REPEAT}


def paired(rows: Rows) -> Rows:
    """The rows with a summary. Raises DataError where none has one."""
    found = [row for row in rows if row.get("summary")]
    if not found:
        raise DataError("no row has a summary", allowed="A model that writes summaries learns from pairs",
                        remedy="Name the column of the summaries, or use LexRank, which needs no training")
    return found
