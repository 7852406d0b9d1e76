"""The processes of one training, started by torchrun: each works on its share of the batches of an update."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

from modeling.training.devices import device_of

PATIENCE = timedelta(hours=12)
"""How long the others wait while the first one measures and writes."""


@dataclass(frozen=True, slots=True)
class Processes:
    """This process, the `rank`-th of `count`. Alone, it neither waits nor sends."""

    rank: int = 0
    count: int = 1

    @classmethod
    def join(cls, device: str = "auto") -> Processes:
        """The group that torchrun's environment names; a process of its own without one.

        On GPUs, one for each process of a machine, tensors travel by NCCL, and what lies on processors by gloo.
        """
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count > 1 and not distributed.is_initialized():
            if (own := device_of(device)).type == "cuda":
                torch.cuda.set_device(own)
            ways = "cpu:gloo,cuda:nccl" if own.type == "cuda" else "gloo"
            distributed.init_process_group(ways, timeout=PATIENCE)
        return cls(int(os.environ.get("RANK", "0")), count)

    @property
    def first(self) -> bool:
        """Whether this one tells, measures and writes."""
        return self.rank == 0

    def share(self, batches: Sequence[Sequence[int]]) -> list[tuple[int, Sequence[int]]]:
        """This process's batches of an update, with their places."""
        return [(place, batch) for place, batch in enumerate(batches) if place % self.count == self.rank]

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace fp32 tensors by their sums over all processes, the same bits in each."""
        if self.count > 1:
            whole = torch.cat([tensor.reshape(-1) for tensor in tensors])
            distributed.all_reduce(whole)
            for tensor, total in zip(tensors, torch.split(whole, [t.numel() for t in tensors]), strict=True):
                tensor.copy_(total.view_as(tensor))

    def agree(self, value: float) -> float:
        """The first one's value, for all."""
        shared = torch.tensor([value], dtype=torch.float64, device="cpu")
        if self.count > 1:
            distributed.broadcast(shared, 0)
        return float(shared)

    def any(self, *flags: bool) -> list[bool]:
        """For each flag whether it is set in any of them."""
        shared = torch.tensor([float(flag) for flag in flags], device="cpu")
        self.add([shared])
        return [bool(flag) for flag in shared]

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """The first one does this block before the others: they find what it wrote."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    def wait(self) -> None:
        """Until all are here."""
        self.any(True)
