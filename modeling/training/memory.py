"""Whether a training fits into the memory, and the allocator's manners during it."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable

import psutil
import torch
from torch import nn

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
"""Parameters of glibc's mallopt."""
PLENTY = 12 * 2**30
"""Bytes of free memory: less is not spent on holes between tensors."""


PER_PARAMETER = 16
"""Bytes of a parameter that learns: itself, its gradient and two moments of the optimizer, in fp32."""
PER_FROZEN = 6
"""Bytes of one that does not: itself in fp32, and in bf16 what computes."""


def require_memory(make: Callable[[], nn.Module]) -> None:
    """Raise MemoryError for a network that does not fit into what is free, before it takes anything.

    A system that promises more than it has would end whatever it likes, once the promise is called in.
    """
    with torch.device("meta"):
        needed = sum((PER_PARAMETER if p.requires_grad else PER_FROZEN) * p.numel() for p in make().parameters())
    if needed > psutil.virtual_memory().available:
        raise MemoryError


def keep_freed_memory() -> None:
    """Where memory is plentiful, have glibc keep what is freed for the next step, which needs the same again.

    Without it every large tensor is fresh pages, zeroed by the kernel: on a CPU that took a sixth of a step.
    """
    if platform.libc_ver()[0] == "glibc" and psutil.virtual_memory().available > PLENTY:
        library = ctypes.CDLL(None)
        for parameter, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, 2**31 - 1), (TOP_PAD, 2**28)):
            library.mallopt(parameter, value)
