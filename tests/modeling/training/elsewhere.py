"""A device without hardware: tensors say that they lie on it and compute on the processor, where the rules of a GPU
hold. So whatever would mix devices is found without one; how a GPU's own kernels compute is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.optim import optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

ELSEWHERE = torch.device("lazy", 0)
INDEXING = ("aten::index.Tensor", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_")
"""What takes indices from the processor also on a GPU."""
BETWEEN = ("aten::_to_copy", "aten::copy_")
PACKED = ("aten::_pack_padded_sequence", "aten::_pad_packed_sequence", "aten::lstm", "aten::gru", "aten::rnn_tanh",
          "aten::_pack_padded_sequence_backward")
"""What takes, or gives, the sizes of packed batches, which lie on the processor."""


class Away(Tensor):
    """A tensor on the device."""

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> Away:
        found = Tensor._make_wrapper_subclass(cls, here.shape, strides=here.stride(), dtype=here.dtype,
                                              storage_offset=here.storage_offset(), device=ELSEWHERE)
        found.here = here
        return found

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {})

    def tolist(self) -> Any:
        return self.here.tolist()

    def numpy(self, **_: Any) -> Any:
        raise TypeError("can't convert this device's tensor to numpy. Use Tensor.cpu() first")


class Devices(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {})


def run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    name = func._schema.name
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    away = {id(tensor.here): tensor for tensor in tensors if isinstance(tensor, Away)}
    if away and name not in BETWEEN + PACKED:
        values = [args[0], *args[2:3]] if name in INDEXING else tensors
        if any(isinstance(t, Tensor) and not isinstance(t, Away) and t.dim() for t in values):
            raise RuntimeError(f"{name}: tensors on different devices")
    asked = kwargs.get("device")
    goes = asked == ELSEWHERE if asked is not None else (isinstance(args[0], Away) if name in BETWEEN else bool(away))
    if asked is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    plain = tree_map(lambda leaf: leaf.here if isinstance(leaf, Away) else leaf, (args, kwargs))
    found = func(*plain[0], **plain[1])

    def wrapped(leaf: Any) -> Any:
        if not goes or not isinstance(leaf, Tensor):
            return leaf
        return away[id(leaf)] if id(leaf) in away else Away(leaf)  # what works in place gives back its own

    if name == PACKED[0]:
        return wrapped(found[0]), found[1]
    return tree_map(wrapped, found)


@contextmanager
def a_device_elsewhere() -> Iterator[torch.device]:
    """In this block ELSEWHERE is a device like a GPU, with the fused optimizers that a GPU has."""
    known, lifted = optimizer._get_fused_kernels_supported_devices, torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        optimizer._get_fused_kernels_supported_devices = lambda: [*known(), ELSEWHERE.type]
        with Devices():
            yield ELSEWHERE
    finally:
        optimizer._get_fused_kernels_supported_devices = known
        torch._C._set_only_lift_cpu_tensors(lifted)
