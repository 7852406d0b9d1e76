"""Where a training computes: the processor, or an NVIDIA GPU."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

import torch

from modeling.errors import ConfigError

CPU = torch.device("cpu")


def device_of(asked: str) -> torch.device:
    """The device for `auto`, `cpu` or `cuda`; of several GPUs the one of this process. Raises ConfigError."""
    if asked == "cpu" or (asked == "auto" and not torch.cuda.is_available()):
        return CPU
    if not torch.cuda.is_available():
        raise ConfigError("PyTorch sees no NVIDIA GPU on this machine", field="device", allowed="auto or cpu",
                          remedy="Leave device at auto, or install NVIDIA's driver and the PyTorch that is made for it")
    number, there = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if number >= there:
        raise ConfigError(f"process {number} of this machine has no GPU of its own", field="device",
                          allowed=f"{there} processes, one for each GPU", remedy="Start fewer, or with device=cpu")
    return torch.device("cuda", number)


def created_on(device: torch.device) -> AbstractContextManager[object]:
    """In this block tensors are made on the device, those of batches and of networks on their way alike.

    So no objective needs to know where it runs; what goes to NumPy comes back by `.cpu()`.
    """
    return nullcontext() if device == CPU else device


def bf16_is_native(device: torch.device) -> bool:
    """Whether this GPU multiplies bf16 matrices itself (from Ampere on)."""
    return torch.cuda.get_device_capability(device) >= (8, 0)
