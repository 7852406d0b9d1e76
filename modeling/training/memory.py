"""The allocator's manners during a training."""

from __future__ import annotations

import ctypes
import platform

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
"""Parameters of glibc's mallopt."""


def keep_freed_memory() -> None:
    """Have glibc keep what is freed for the next step, which needs the same again; elsewhere nothing changes.

    Without it every large tensor is fresh pages, zeroed by the kernel: on a CPU that took a sixth of a step.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        for parameter, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, 2**31 - 1), (TOP_PAD, 2**28)):
            library.mallopt(parameter, value)
