"""Sentences to a few numbers and back: the evidence lower bound (Kingma & Welling 2014)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from modeling.models import SentenceVAE
from modeling.training.batches import by_length, pad
from modeling.training.head import linear_cross_entropy
from modeling.training.objectives.base import Rows, Sample
from modeling.training.objectives.generation import Generation

Example = list[int]
ACTIVE = 0.01
"""Variance of a latent number's mean over the sentences from which on it counts as active (Burda et al. 2016, 5.3)."""
DRAWS, DRAWN_ROWS = 32, 300
"""Of the importance-weighted bound: draws a sentence, and sentences."""


class Autoencoding(Generation):
    """-ELBO with free bits for each latent number (Kingma et al. 2016, 2.4), after a beginning as a plain autoencoder
    that keeps the encoder in use (Li et al. 2019), with word dropout (Bowman et al. 2016, 3.1)."""

    def examples(self, rows: Rows, *, training: bool) -> Sequence[Example]:
        """`<s> sentence </s>`; a sentence longer than the context is cut."""
        texts = self.tokenizer.encode_batch([row["text"] for row in rows])
        bos, eos, room = self.tokenizer.bos_id, self.tokenizer.eos_id, self.config.context
        assert bos is not None and eos is not None  # the tokenizer is our own
        return [[bos, *ids[:room], eos] for ids in texts if ids]

    def cost_of_telling(self) -> float:
        """The weight of the KL divergence at this point of the training."""
        begun = self.done - self.config.autoencoding
        return min(1.0, max(0.0, begun / self.config.annealing)) if self.config.annealing else float(begun >= 0)

    def loss(self, module: nn.Module, examples: Sequence[Example]) -> Tensor:
        network, (ids, lengths) = cast(SentenceVAE, module), pad(examples)
        mean, log_variance = network.encode(ids, lengths)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        surprise = self.reconstruction(network, ids, lengths, z, self.hidden_words(ids))
        told = divergence(mean, log_variance).mean(0)  # (L,)
        counted = told.clamp(min=self.config.free_bits).sum() * len(examples)
        return (surprise.sum() + self.cost_of_telling() * counted) / self.weight(examples)

    def weight(self, examples: Sequence[Example]) -> int:
        return sum(len(ids) - 1 for ids in examples)

    def hidden_words(self, ids: Tensor) -> Tensor:
        """The decoder's inputs, in which a share of the words is `<unk>`."""
        inputs = ids[:, :-1]
        hidden = torch.rand(inputs.shape) < self.config.word_dropout
        hidden[:, 0] = False
        return inputs.masked_fill(hidden, self.tokenizer.unk_id or 0)

    def reconstruction(
        self, network: SentenceVAE, ids: Tensor, lengths: Tensor, z: Tensor, inputs: Tensor
    ) -> Tensor:
        """Minus log p(x | z) of each sentence, or summed where gradients are kept: (B,) or ()."""
        real = torch.arange(1, ids.shape[1]) < lengths[:, None]
        states, targets, table = network.states(inputs, z), ids[:, 1:], network.embedding.weight
        if torch.is_grad_enabled():
            return linear_cross_entropy(states[real], table, targets[real])
        logits = nn.functional.linear(states[real], table).float()
        nats = torch.zeros(real.shape)
        nats[real] = nn.functional.cross_entropy(logits, targets[real], reduction="none")
        return nats.sum(1)

    @torch.no_grad()
    def facts(self, module: nn.Module, examples: Sequence[Example]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Of batches: the mean of q (B, L), its divergence from the prior (B, L), -log p(x | z) of one z ~ q (B,)."""
        network, luck = cast(SentenceVAE, module), torch.Generator().manual_seed(0)
        for batch in by_length([len(ids) for ids in examples]):
            ids, lengths = pad([examples[index] for index in batch])
            mean, log_variance = network.encode(ids, lengths)
            z = mean + torch.randn(mean.shape, generator=luck, device="cpu").to(mean) * (0.5 * log_variance).exp()
            yield mean.float(), divergence(mean, log_variance), self.reconstruction(
                network, ids, lengths, z, ids[:, :-1])  # fmt: skip

    def validate(self, module: nn.Module, examples: Sequence[Example]) -> dict[str, float]:
        means, told, surprise = (torch.cat(parts) for parts in zip(*self.facts(module, examples), strict=True))
        bound = float((told.sum(1) + surprise).mean())  # -ELBO of a sentence
        loss = bound * len(examples) / self.weight(examples)
        return {"loss": loss, "perplexity": math.exp(min(loss, 50.0)), "negative_elbo": bound,
                "kl": float(told.sum(1).mean()), "active_units": float((means.var(0) > ACTIVE).sum())}

    def evaluate(self, module: nn.Module, rows: Rows) -> dict[str, Any]:
        examples = self.examples(rows, training=False)
        return {**self.validate(module, examples), "rows": len(rows),
                "importance_weighted": self.tighter(module, examples[:: max(1, len(examples) // DRAWN_ROWS)])}

    @torch.no_grad()
    def tighter(self, module: nn.Module, examples: Sequence[Example]) -> float:
        """The importance-weighted bound on -log p(x) of a sentence (Burda et al. 2016): from several draws of z."""
        network, luck, nats = cast(SentenceVAE, module), torch.Generator().manual_seed(0), []
        for example in examples:
            ids, lengths = pad([example] * DRAWS)
            mean, log_variance = network.encode(ids, lengths)
            noise = torch.randn(mean.shape, generator=luck, device="cpu").to(mean)
            z = mean + noise * (0.5 * log_variance).exp()
            ratio = 0.5 * (noise.square() + log_variance - z.square()).sum(1)  # log p(z) - log q(z | x)
            weights = ratio - self.reconstruction(network, ids, lengths, z, ids[:, :-1])
            nats.append(math.log(DRAWS) - float(weights.logsumexp(0)))
        return sum(nats) / max(1, len(nats))

    @torch.no_grad()
    def samples(self, module: nn.Module, rows: Rows) -> list[Sample]:
        """Sentences as the model writes them from the mean of their numbers."""
        network, found = cast(SentenceVAE, module), []
        for row, example in zip(rows, self.examples(rows, training=False), strict=False):
            z, _ = network.encode(*pad([example]))
            ids = [example[0]]
            while len(ids) <= self.config.context:
                ids.append(int(network.decode(torch.tensor([ids]), z)[0, -1].argmax()))
                if ids[-1] == self.tokenizer.eos_id:
                    break
            found.append({"input": row["text"], "output": self.tokenizer.decode(ids), "expected": row["text"]})
        return found

    def preprocessing(self) -> dict[str, Any]:
        return {"sentence": "<s> text </s>"}

    def defaults(self) -> dict[str, Any]:
        return {"temperature": 0.0, "repetition_penalty": 1.0, "max_tokens": self.config.context}


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(q || N(0, 1)) of each latent number, in nats, in the shape of the mean."""
    mean, log_variance = mean.float(), log_variance.float()
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
