"""How weights are stored."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.numpy import load as load_safetensors

from modeling.export import Storage, rounded_state_dict
from modeling.export.weights import ALIGNMENT, encode_weights


def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {"b": torch.randn(5, 7), "a": torch.randn(3), "c": torch.randn(2, 9), "z": torch.zeros(4, 4)}


@pytest.mark.parametrize("storage", ["fp32", "fp16", "int8"])
def test_the_file_is_safetensors_and_every_tensor_lies_where_the_graph_looks(storage: Storage) -> None:
    weights = encode_weights(state(), storage)
    for name, array in load_safetensors(weights.content).items():
        place = weights.tensors[name]
        assert weights.content[place.offset : place.offset + place.length] == array.tobytes()
        assert (place.shape, place.dtype) == (array.shape, array.dtype)
        assert place.offset % array.itemsize == 0
    assert min(place.offset for place in weights.tensors.values()) % ALIGNMENT == 0


def test_the_same_weights_give_the_same_bytes() -> None:
    turned = dict(reversed(state().items()))
    assert encode_weights(state(), "int8").content == encode_weights(turned, "int8").content


def test_int8_rows_are_off_by_half_a_step_at_most() -> None:
    original = state()
    rounded = rounded_state_dict(original, "int8")
    for name in ("b", "c"):
        step = original[name].abs().amax(1, keepdim=True) / 127
        assert ((rounded[name] - original[name]).abs() <= step * 0.5001).all()


def test_vectors_and_rows_of_zeros_stay_as_they_are() -> None:
    rounded = rounded_state_dict(state(), "int8")
    assert torch.equal(rounded["a"], state()["a"])
    assert torch.equal(rounded["z"], state()["z"])


def test_rounding_twice_is_rounding_once() -> None:
    once = rounded_state_dict(state(), "int8")
    twice = rounded_state_dict(once, "int8")
    assert all(np.allclose(once[name], twice[name], atol=1e-6) for name in once)
