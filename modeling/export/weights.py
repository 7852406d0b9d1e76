"""The weights file: how tensors are stored and where in `weights.safetensors` a graph finds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

import numpy as np
import torch

from modeling.artifact import SCALE

Storage = Literal["fp32", "fp16", "int8"]
ALIGNMENT = 64  # bytes; the first tensor starts at a multiple of it, so that the file can be mapped and read in place
_NAMES = {np.dtype(np.float32): "F32", np.dtype(np.float16): "F16", np.dtype(np.int8): "I8"}


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a tensor lies in the weights file; offset and length in bytes."""

    dtype: np.dtype
    shape: tuple[int, ...]
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Weights:
    """A weights file in the making: its bytes, and the place of each tensor."""

    content: bytes
    tensors: Mapping[str, Stored]


def encode_weights(state: Mapping[str, torch.Tensor], storage: Storage) -> Weights:
    """Lay out a state dict as safetensors; matrices in `storage`, vectors in fp32."""
    arrays: dict[str, np.ndarray] = {}
    for name, tensor in state.items():
        array = tensor.detach().cpu().float().numpy()
        arrays |= _stored(name, array, storage if array.ndim > 1 else "fp32")
    # wide types first, so that each tensor starts at a multiple of its item's size; the format allows no gaps
    ordered = sorted(arrays.items(), key=lambda item: (-item[1].itemsize, item[0]))
    ends = dict(zip((name for name, _ in ordered), accumulate(array.nbytes for _, array in ordered), strict=True))
    begins = {name: ends[name] - array.nbytes for name, array in ordered}
    entries = {
        name: {"dtype": _NAMES[array.dtype], "shape": array.shape, "data_offsets": [begins[name], ends[name]]}
        for name, array in ordered
    }
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-(8 + len(header)) % ALIGNMENT)
    start = 8 + len(header)
    places = {name: Stored(array.dtype, array.shape, start + begins[name], array.nbytes) for name, array in ordered}
    content = b"".join([len(header).to_bytes(8, "little"), header, *(array.tobytes() for _, array in ordered)])
    return Weights(content, places)


def rounded_state_dict(state: Mapping[str, torch.Tensor], storage: Storage) -> dict[str, torch.Tensor]:
    """The fp32 weights that an artifact of this storage holds: what its graphs compute with."""
    return {name: _rounded(tensor, storage) for name, tensor in state.items()}


def _rounded(tensor: torch.Tensor, storage: Storage) -> torch.Tensor:
    if tensor.ndim < 2 or storage == "fp32":
        return tensor.detach().clone()
    stored = _stored("w", tensor.detach().cpu().float().numpy(), storage)
    return torch.from_numpy(stored["w"].astype(np.float32) * stored.get("w" + SCALE, np.float32(1)))


def _stored(name: str, array: np.ndarray, storage: Storage) -> dict[str, np.ndarray]:
    """The tensors that stand for `array`: one, or for int8 the rows and their scales [out, 1]."""
    if storage == "fp32":
        return {name: np.ascontiguousarray(array)}
    if storage == "fp16":
        return {name: array.astype(np.float16)}
    scale = np.abs(array).max(axis=-1, keepdims=True) / np.float32(127)
    scale[scale == 0] = 1
    return {name: np.rint(array / scale).astype(np.int8), name + SCALE: scale}


