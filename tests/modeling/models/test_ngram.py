"""Modified Kneser-Ney: a distribution everywhere, the counts of the paper, and nothing across texts."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from modeling.configs import NgramConfig
from modeling.errors import ConfigError
from modeling.models import Ngram
from modeling.models.ngram import _discounts

START = 2
TEXTS = [[START, *np.random.default_rng(seed).zipf(1.6, 30).clip(1, 15).astype(int) + 4, 3] for seed in range(40)]


def model(order: int = 4, least: int = 1) -> Ngram:
    made = Ngram(NgramConfig(vocabulary_size=20, order=order, least=least))
    made.count(TEXTS, start=START)
    return made


@pytest.mark.parametrize("least", [1, 3])
def test_shares_sum_to_one_after_seen_and_unseen_contexts(least: int) -> None:
    ids = torch.tensor([TEXTS[0][:12], [START, 19, 19, 5, 5, 19, 1, 7, 5, 6, 5, 5]])
    shares = model(least=least)(ids).exp()
    assert torch.allclose(shares.sum(-1), torch.ones(2, 12), atol=1e-5)
    assert (shares[..., START] < 1e-9).all() and (shares[..., 3:] > 0).all()


def test_a_bigram_model_is_what_the_paper_says() -> None:
    bigrams = Counter(pair for text in TEXTS for pair in pairwise(text))
    made, (a, b) = model(order=2), max(bigrams, key=lambda pair: bigrams[pair])
    counts = np.array(list(bigrams.values()))
    off = dict(zip(bigrams, _discounts(counts), strict=True))
    after = sum(count for (first, _), count in bigrams.items() if first == a)
    rest = sum(cut for (first, _), cut in off.items() if first == a) / after
    contexts = Counter(second for _, second in bigrams)  # of how many other tokens each one is the next
    lower = dict(zip(contexts, _discounts(np.array(list(contexts.values()))).tolist(), strict=True))
    unigram = (contexts[b] - lower[b]) / len(bigrams) + sum(lower.values()) / len(bigrams) / 19
    expected = (bigrams[a, b] - off[a, b]) / after + rest * unigram
    assert math.isclose(float(made(torch.tensor([[a]]))[0, 0, b].exp()), expected, rel_tol=1e-4)


def test_discounts_follow_from_how_many_counts_there_are_of_each() -> None:
    counts = np.repeat([1, 2, 3, 4, 9], [60, 25, 14, 9, 5])
    y = 60 / (60 + 2 * 25)
    found = dict(zip(counts.tolist(), _discounts(counts).tolist(), strict=True))
    assert found[1] == pytest.approx(1 - 2 * y * 25 / 60)
    assert found[2] == pytest.approx(2 - 3 * y * 14 / 25)
    assert found[9] == pytest.approx(3 - 4 * y * 9 / 14)


def test_a_text_is_scored_as_its_distributions_say() -> None:
    made, ids = model(), torch.tensor([START, *TEXTS[3][5:20], 19, 6, 5])
    whole = -made(ids[None, :-1])[0].gather(1, ids[1:, None])[:, 0]
    assert torch.allclose(made.surprises(ids), whole, atol=1e-4)


def test_a_context_ends_where_its_text_begins() -> None:
    made, text = model(), torch.tensor(TEXTS[1])
    joined = torch.cat((torch.tensor(TEXTS[0]), text))
    assert torch.allclose(made.surprises(joined)[-len(text) + 1 :], made.surprises(text), atol=1e-5)


def test_longer_n_grams_know_more_and_rare_ones_can_be_left_out() -> None:
    held = torch.cat([model(order).surprises(torch.tensor(TEXTS[5])).mean()[None] for order in (2, 3, 4)])
    assert held[0] > held[1] > held[2]
    assert sum(p.numel() for p in model(least=2).parameters()) < sum(p.numel() for p in model().parameters())


def test_tables_of_more_numbers_than_fp32_counts_are_refused() -> None:
    with pytest.raises(ConfigError, match="n-grams"):
        Ngram(NgramConfig(vocabulary_size=20))._keep({"begin1": np.array([2**24 + 1])})
