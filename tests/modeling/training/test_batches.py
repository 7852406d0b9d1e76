from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from modeling.training.batches import cut, epoch_batches, filled, packed, pad, watched
from modeling.training.prepare import make_module, make_objective

COSTS = np.random.default_rng(0).integers(3, 60, 500).tolist()


def test_each_example_comes_once_an_epoch_and_no_batch_is_too_large() -> None:
    batches = epoch_batches(COSTS, batch_tokens=300, seed=1, epoch=0)
    assert sorted(i for batch in batches for i in batch) == list(range(500))
    assert max(max(COSTS[i] for i in batch) * len(batch) for batch in batches) <= 300


def test_the_order_follows_from_seed_and_epoch() -> None:
    first = epoch_batches(COSTS, batch_tokens=300, seed=1, epoch=0)
    assert first == epoch_batches(COSTS, batch_tokens=300, seed=1, epoch=0)
    assert first != epoch_batches(COSTS, batch_tokens=300, seed=1, epoch=1)
    assert first != epoch_batches(COSTS, batch_tokens=300, seed=2, epoch=0)


def test_little_of_a_batch_is_padding() -> None:
    batches = epoch_batches(COSTS, batch_tokens=300, seed=1, epoch=0)
    padded = sum(max(COSTS[i] for i in batch) * len(batch) for batch in batches)
    assert sum(COSTS) / padded > 0.9


def test_an_example_longer_than_a_batch_stands_alone() -> None:
    batches = epoch_batches([900, 2, 3], batch_tokens=100, seed=0, epoch=0)
    assert sorted(map(list, batches), key=len) == [[0], [1, 2]]


def test_rows_are_padded_at_the_right() -> None:
    ids, lengths = pad([[1, 2], [3]], value=9)
    assert ids.tolist() == [[1, 2], [3, 9]]
    assert lengths.tolist() == [2, 1]


def test_whoever_watches_hears_which_share_of_the_batches_is_done() -> None:
    heard: list[float] = []
    batches = cut(range(8), np.full(8, 10), 20)
    with watched(heard.append):
        assert [list(batch) for batch in batches] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    list(batches)
    assert heard == [0.0, 0.25, 0.5, 0.75]


def test_packed_rows_are_full_and_hold_each_text_whole() -> None:
    texts = [list(range(10, 10 + size)) for size in (5, 3, 8, 2, 6)]
    ids, numbers = packed(texts, 8)
    assert ids.shape == (3, 8)
    assert all(ids[numbers == number + 1].tolist() == text for number, text in enumerate(texts))
    assert int((numbers == 0).sum()) == 0
    batches = filled([len(text) for text in texts], batch_tokens=9, seed=0, epoch=0)
    assert sorted(i for batch in batches for i in batch) == [0, 1, 2, 3, 4]
    assert all(sum(len(texts[i]) for i in batch) <= 9 for batch in batches)


def test_texts_of_one_row_know_nothing_of_each_other() -> None:
    rows = [{"text": text} for text in ("a bc", "cab ab", "b", "c a b c a", "abc")]
    given = {"width": 32, "layers": 2, "heads": 2, "kv_heads": 1, "hidden": 48, "context": 24, "dropout": 0.0,
             "tokenizer": "characters", "vocabulary_size": 40}
    losses, gradients = [], []
    for packing in (False, True):
        with TemporaryDirectory() as folder:
            objective = make_objective("decoder", "generation", rows, given | {"packing": packing},
                                       folder=Path(folder), parent=None)
        module = make_module(objective, seed=0, parent=None)
        loss = objective.loss(module, objective.examples(rows, training=True))
        loss.backward()
        losses.append(loss)
        gradients.append(module.embedding.weight.grad)
    torch.testing.assert_close(losses[1], losses[0])
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-6)
