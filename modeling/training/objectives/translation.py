"""Sentences to their translation, in one or several directions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from modeling.configs import TrainingConfig
from modeling.errors import ConfigError
from modeling.metrics import bleu, chrf
from modeling.models import Transformer
from modeling.text import Tokenizer
from modeling.training.batches import cut, pad
from modeling.training.evaluation import translate
from modeling.training.head import linear_cross_entropy
from modeling.training.objectives.base import Objective, Row, Rows, Sample

Example = tuple[list[int], list[int], int]
"""Source with tag and end, target with start and end, index of the direction."""


class Translation(Objective):
    measure = "loss"
    higher_is_better = False

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
        return {"directions": tuple(settings.get("directions", ())) or tuple(dict.fromkeys(both))}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shares = self.training.shares or (1.0,) * len(self.config.directions)
        if len(shares) != len(self.config.directions):
            raise ConfigError(f"{len(shares)} shares for {len(self.config.directions)} directions",
                              allowed=f"one share for each of {', '.join(self.config.directions)}")
        self.shares = np.array(shares)

    def tag(self, direction: str) -> int:
        token = f"<2{direction.split('-')[1]}>"
        found = self.tokenizer.token_id(token)
        if found is None:
            raise ConfigError(f"the tokenizer has no {token}", remedy="Train without --from, or in its directions")
        return found

    def examples(self, rows: Rows, *, training: bool) -> Sequence[Example]:
        bos, eos = self.ends()
        found: list[Example] = []
        for index, direction in enumerate(self.config.directions):
            tag, pairs = self.tag(direction), directed(rows, direction)
            sources = self.tokenizer.encode_batch([source for source, _ in pairs])
            targets = self.tokenizer.encode_batch([target for _, target in pairs])
            found += [
                ([tag, *source, eos], [bos, *target, eos], index)
                for source, target in zip(sources, targets, strict=True)
                if len(source) + 2 <= self.config.context and len(target) + 1 <= self.config.context
            ]
        return found

    def ends(self) -> tuple[int, int]:
        bos, eos = self.tokenizer.bos_id, self.tokenizer.eos_id
        if bos is None or eos is None:
            raise ConfigError("the tokenizer has no <s> and </s>", allowed="a tokenizer trained by Parley")
        return bos, eos

    def cost(self, example: Example) -> int:
        return max(len(example[0]), len(example[1]))

    def chosen(self, examples: Sequence[Example], *, epoch: int, seed: int) -> Sequence[int]:
        """Each direction's share of its pairs, other ones in each epoch."""
        direction = np.array([example[2] for example in examples])
        drawn = np.random.default_rng((seed, epoch, 1)).random(len(examples))
        return np.flatnonzero(drawn < self.shares[direction]).tolist()

    def loss(self, module: nn.Module, examples: Sequence[Example]) -> Tensor:
        return self.summed(module, examples, self.training.label_smoothing) / self.weight(examples)

    def weight(self, examples: Sequence[Example]) -> int:
        return sum(len(target) - 1 for _, target, _ in examples)

    def summed(self, module: nn.Module, examples: Sequence[Example], smoothing: float) -> Tensor:
        """Cross-entropy in nats, summed over the target's tokens."""
        network = cast(Transformer, module)
        source, lengths = pad([source for source, _, _ in examples])
        target, target_lengths = pad([target for _, target, _ in examples])
        real = torch.arange(1, target.shape[1]) < target_lengths[:, None]
        states = network.decode(target[:, :-1], *network.encode(source, lengths))[real]  # (N, D)
        return linear_cross_entropy(states, network.embedding.weight, target[:, 1:][real], smoothing=smoothing)

    @torch.no_grad()
    def validate(self, module: nn.Module, examples: Sequence[Example]) -> dict[str, float]:
        """Cross-entropy per token, of all directions and of each."""
        sums: dict[str, float] = defaultdict(float)
        counts: dict[str, int] = defaultdict(int)
        for index, direction in enumerate(self.config.directions):
            part = [example for example in examples if example[2] == index]
            costs = np.array([self.cost(example) for example in part])
            for batch in cut(np.argsort(costs, kind="stable"), costs, 8192) if part else ():
                chosen = [part[i] for i in batch]
                sums[direction] += float(self.summed(module, chosen, 0.0))
                counts[direction] += sum(len(target) - 1 for _, target, _ in chosen)
        each = {f"loss_{direction}": sums[direction] / counts[direction] for direction in sums}
        return {"loss": sum(sums.values()) / max(1, sum(counts.values())), **each}

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
        """BLEU against all translations that the rows give for a source, and chrF, of each direction."""
        figures: dict[str, Any] = {}
        for direction in self.config.directions:
            references: dict[str, list[str]] = {}
            for source, target in directed(rows, direction):
                references.setdefault(source, []).append(target)
            if references:
                found = self.translations(module, list(references), direction, beam=self.training.beam)
                language, wanted = direction.split("-")[1], list(references.values())
                figures[direction] = {"bleu": bleu(found, wanted, language=language),
                                      "chrf": chrf(found, wanted), "sentences": len(found)}
        first = figures.get(self.config.directions[0], {})
        return {**first, "directions": figures}

    def translations(self, module: nn.Module, sources: Sequence[str], direction: str, *, beam: int) -> list[str]:
        bos, eos = self.ends()
        tag = self.tag(direction)
        ids = [[tag, *source[: self.config.context - 2], eos] for source in self.tokenizer.encode_batch(sources)]
        found = translate(cast(Transformer, module), ids, bos=bos, eos=eos, beam=beam)
        return [self.tokenizer.decode(target).strip() for target in found]

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
