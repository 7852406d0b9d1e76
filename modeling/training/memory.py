"""The allocator's manners during a training."""

from __future__ import annotations

import ctypes
import platform

import psutil

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
"""Parameters of glibc's mallopt."""
PLENTY = 12 * 2**30
"""Bytes of free memory: less is not spent on holes between tensors."""


def keep_freed_memory() -> None:
    """Where memory is plentiful, have glibc keep what is freed for the next step, which needs the same again.

    Without it every large tensor is fresh pages, zeroed by the kernel: on a CPU that took a sixth of a step.
    """
    if platform.libc_ver()[0] == "glibc" and psutil.virtual_memory().available > PLENTY:
        library = ctypes.CDLL(None)
        for parameter, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, 2**31 - 1), (TOP_PAD, 2**28)):
            library.mallopt(parameter, value)
