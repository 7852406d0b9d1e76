import dataclasses

import pytest
import torch
from torch import nn

from modeling.configs import DecoderConfig, LSTMConfig, TransformerConfig
from modeling.errors import ConfigError
from modeling.models import Decoder, LSTMClassifier, Transformer
from modeling.models.layers import rotary_tables, rotate

DECODER = DecoderConfig(vocabulary_size=40, width=64, layers=2, heads=4, kv_heads=2, hidden=96, context=32)
TRANSFORMER = TransformerConfig(vocabulary_size=40, width=64, encoder_layers=1, decoder_layers=2, heads=4, hidden=96)


def weights(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def test_a_decoder_never_looks_ahead() -> None:
    model = Decoder(DECODER).eval()
    first = torch.randint(0, 40, (1, 10))
    second = first.clone()
    second[0, 6:] = torch.randint(0, 40, (4,))
    with torch.no_grad():
        assert torch.allclose(model(first)[:, :6], model(second)[:, :6], atol=1e-6)


def test_a_translation_never_looks_ahead_and_ignores_padding_of_its_source() -> None:
    model = Transformer(TRANSFORMER).eval()
    source, target = torch.randint(4, 40, (1, 8)), torch.randint(4, 40, (1, 7))
    changed = target.clone()
    changed[0, 4:] = 5
    padded = torch.nn.functional.pad(source, (0, 5))
    with torch.no_grad():
        whole = model(source, torch.tensor([8]), target)
        assert torch.allclose(whole[:, :4], model(source, torch.tensor([8]), changed)[:, :4], atol=1e-6)
        assert torch.allclose(whole, model(padded, torch.tensor([8]), target), atol=1e-5)


def test_an_lstm_ignores_padding() -> None:
    model = LSTMClassifier(LSTMConfig(vocabulary_size=40, embedding=8, hidden=8, bidirectional=True, labels=3)).eval()
    ids = torch.randint(0, 40, (1, 6))
    with torch.no_grad():
        alone = model(ids, torch.tensor([6]))
        padded = model(torch.nn.functional.pad(ids, (0, 4)), torch.tensor([6]))
    assert alone.shape == (1, 3)
    assert torch.allclose(alone, padded, atol=1e-6)


def test_two_labels_need_one_logit() -> None:
    assert LSTMClassifier(LSTMConfig(vocabulary_size=9))(torch.tensor([[1, 2]]), torch.tensor([2])).shape == (1, 1)


def test_rotary_positions_keep_lengths_and_depend_on_the_distance_alone() -> None:
    q, k = torch.randn(16), torch.randn(16)
    turned_q, turned_k = (rotate(x.expand(1, 1, 12, 16), rotary_tables(12, 16, 10_000.0))[0, 0] for x in (q, k))
    assert torch.allclose(turned_q.norm(dim=-1), q.norm().expand(12), atol=1e-5)
    scores = turned_q @ turned_k.T  # (12, 12)
    assert torch.allclose(scores.diagonal(3), scores.diagonal(3)[0].expand(9), atol=1e-4)


def test_the_names_of_the_weights_are_those_that_the_export_reads() -> None:
    shapes = weights(Decoder(DECODER))
    assert shapes["layers.1.attention.qkv.weight"] == (128, 64)
    assert shapes["layers.1.feed_forward.gate_up.weight"] == (192, 64)
    shapes = weights(Transformer(TRANSFORMER))
    assert shapes["encoder.layers.0.attention.qkv.weight"] == (192, 64)
    assert shapes["decoder.layers.1.cross_attention.kv.weight"] == (128, 64)
    assert shapes["embedding.weight"] == (40, 64)


@pytest.mark.parametrize(("config", "change"), [(DECODER, {"heads": 3}), (DECODER, {"kv_heads": 3}),
                                                (TRANSFORMER, {"heads": 7})])
def test_heads_that_do_not_fit_are_refused(config: DecoderConfig | TransformerConfig, change: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="do not fit"):
        dataclasses.replace(config, **change)
