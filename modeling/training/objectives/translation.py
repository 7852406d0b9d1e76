"""Sentences to their translation, in one or several directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from modeling.configs import TrainingConfig
from modeling.errors import ConfigError
from modeling.metrics import bleu, chrf
from modeling.text import Tokenizer
from modeling.training.evaluation import MEASURED
from modeling.training.objectives.base import Row, Rows, Sample
from modeling.training.objectives.writing import Example, Writing


class Translation(Writing):
    @classmethod
    def make_tokenizer(cls, rows: Rows, size: int, training: TrainingConfig) -> Tokenizer:
        languages = sorted({row[side] for row in rows for side in ("source_language", "target_language")})
        return Tokenizer.train(
            [row[side] for row in rows for side in ("source", "target")], vocabulary_size=size,
            kind=training.tokenizer, lowercase=training.lowercase, preprocessing=training.preprocessing,
            special_tokens=[f"<2{language}>" for language in languages],
        )

    @classmethod
    def config_from_rows(cls, rows: Rows, settings: Mapping[str, Any]) -> dict[str, Any]:
        pairs = sorted({(row["source_language"], row["target_language"]) for row in rows})
        both = (*(f"{a}-{b}" for a, b in pairs), *(f"{b}-{a}" for a, b in pairs))
        known = both if settings.get("shared_vocabulary", True) else both[: len(pairs)]
        return {"directions": tuple(settings.get("directions", ())) or tuple(dict.fromkeys(known))}

    @classmethod
    def vocabularies(cls, rows: Rows, settings: Mapping[str, Any]) -> tuple[Rows, Rows | None]:
        if settings.get("shared_vocabulary", True):
            return rows, None
        targets: Rows = [{**row, "source": ""} for row in rows]
        return targets, [{**row, "target": ""} for row in rows]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shares = self.training.shares or (1.0,) * len(self.config.directions)
        if len(shares) != len(self.config.directions):
            raise ConfigError(f"{len(shares)} shares for {len(self.config.directions)} directions",
                              allowed=f"one share for each of {', '.join(self.config.directions)}")
        self.shares = np.array(shares)

    def tag(self, direction: str) -> int:
        token = f"<2{direction.split('-')[1]}>"
        found = self.reading.token_id(token)
        if found is None:
            raise ConfigError(f"the tokenizer has no {token}", remedy="Train without --from, or in its directions")
        return found

    def examples(self, rows: Rows, *, training: bool) -> Sequence[Example]:
        bos, eos = self.ends()
        found: list[Example] = []
        for index, direction in enumerate(self.config.directions):
            tag, pairs = self.tag(direction), directed(rows, direction)
            sources = self.reading.encode_batch([source for source, _ in pairs])
            targets = self.tokenizer.encode_batch([target for _, target in pairs])
            found += [
                (self.framed(source, [tag]), [bos, *target, eos], index)
                for source, target in zip(sources, targets, strict=True)
                if len(source) + 2 <= self.config.context and len(target) + 1 <= self.config.context
            ]
        return found

    def chosen(self, examples: Sequence[Example], *, epoch: int, seed: int) -> Sequence[int]:
        """Each direction's share of its pairs, other ones in each epoch."""
        direction = np.array([example[2] for example in examples])
        drawn = np.random.default_rng((seed, epoch, 1)).random(len(examples))
        return np.flatnonzero(drawn < self.shares[direction]).tolist()

    def validate(self, module: nn.Module, examples: Sequence[Example]) -> dict[str, float]:
        """Cross-entropy per token, of all directions and of each."""
        sums: dict[str, tuple[float, int]] = {}
        for index, direction in enumerate(self.config.directions):
            if part := [example for example in examples if example[2] == index]:
                sums[direction] = self.surprise(module, part)
        total, tokens = (sum(column) for column in zip((0.0, 0), *sums.values(), strict=True))
        return {"loss": total / max(1, tokens), **{f"loss_{name}": nats / n for name, (nats, n) in sums.items()}}

    def samples(self, module: nn.Module, rows: Rows) -> list[Sample]:
        """Greedy translations, in the direction of the row or else in the opposite one."""
        found: list[Sample] = []
        for row in rows:
            languages = (row["source_language"], row["target_language"])
            for direction in ("-".join(languages), "-".join(languages[::-1])):
                if direction in self.config.directions:
                    [(source, target)] = directed([row], direction)
                    [output] = self.translations(module, [source], direction, beam=1)
                    found.append({"input": source, "output": output, "expected": target})
                    break
        return found

    def evaluate(self, module: nn.Module, rows: Rows) -> dict[str, Any]:
        """BLEU against all translations that the rows give for a source, and chrF: each direction's first sources."""
        figures: dict[str, Any] = {}
        for direction in self.config.directions:
            references: dict[str, list[str]] = {}
            for source, target in directed(rows, direction):
                references.setdefault(source, []).append(target)
            if references:
                sources, wanted = list(references)[:MEASURED], list(references.values())[:MEASURED]
                found = self.translations(module, sources, direction, beam=self.training.beam)
                language = direction.split("-")[1]
                figures[direction] = {"bleu": bleu(found, wanted, language=language),
                                      "chrf": chrf(found, wanted), "sentences": len(found)}
        first = figures.get(self.config.directions[0], {})
        return {**first, "directions": figures}

    def translations(self, module: nn.Module, sources: Sequence[str], direction: str, *, beam: int) -> list[str]:
        tag = self.tag(direction)
        return self.written(module, [self.framed(ids, [tag]) for ids in self.reading.encode_batch(sources)], beam=beam)

    def preprocessing(self) -> dict[str, Any]:
        return {"directions": list(self.config.directions), "source": "<2xx> text </s>"}

    def defaults(self) -> dict[str, Any]:
        return {"beam": self.training.beam, "max_tokens": self.config.context}


def directed(rows: Rows, direction: str) -> list[tuple[str, str]]:
    """(source, target) of the rows that give this direction, read either way round."""
    source, target = direction.split("-")

    def pair(row: Row) -> tuple[str, str] | None:
        languages = (row["source_language"], row["target_language"])
        if languages == (source, target):
            return row["source"], row["target"]
        return (row["target"], row["source"]) if languages == (target, source) else None

    return [found for row in rows if (found := pair(row))]
