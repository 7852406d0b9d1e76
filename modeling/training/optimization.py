"""Weights and their updates: bf16 compute over fp32 masters, AdamW, Muon (Jordan et al. 2024), averaged
SGD (Polyak & Juditsky 1992; when it begins: Merity et al. 2018, 3.1), schedule."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from modeling.configs import TrainingConfig
from modeling.training.devices import CPU, bf16_is_native


def bf16_is_fast(device: torch.device = CPU) -> bool:
    """Whether a GPU multiplies bf16 matrices itself, or the processor at least half as fast again as fp32 ones."""
    if device != CPU:
        return bf16_is_native(device)
    seconds = {}
    for kind in (torch.float32, torch.bfloat16):
        a, b = torch.ones(512, 512, dtype=kind), torch.ones(512, 512, dtype=kind)
        runs = []
        for _ in range(8):
            start = time.perf_counter()
            a @ b
            runs.append(time.perf_counter() - start)
        seconds[kind] = min(runs)
    return seconds[torch.float32] > 1.5 * seconds[torch.bfloat16]


def rate_at(step: int, steps: int, config: TrainingConfig) -> float:
    """Learning rate of update `step` (from 0): linear rise, plateau, linear fall to zero."""
    rising = max(1, round(config.warmup * steps))
    falling = max(1, round(config.decay * steps))
    return config.learning_rate * min(1.0, (step + 1) / rising, (steps - step) / falling)


def orthogonalise(blocks: Tensor) -> Tensor:
    """Nearest orthogonal matrices of (N, R, C), roughly: five Newton-Schulz steps in bf16."""
    x = (blocks / (blocks.flatten(1).norm(dim=1)[:, None, None] + 1e-7)).bfloat16()
    for _ in range(5):
        gram = x @ x.transpose(1, 2)
        x = 3.4445 * x + torch.baddbmm(-4.7750 * gram, gram, gram, alpha=2.0315) @ x
    return x.float()


def blocks_of(matrix: Tensor) -> Tensor:
    """Cut a matrix into square blocks (N, R, R) along its longer side where that comes out even."""
    rows, columns = matrix.shape
    if rows >= columns and rows % columns == 0:
        return matrix.view(-1, columns, columns)
    if columns % rows == 0:
        return matrix.view(rows, -1, rows).transpose(0, 1)
    return (matrix if rows <= columns else matrix.T)[None]


def from_blocks(blocks: Tensor, shape: torch.Size) -> Tensor:
    """The inverse of `blocks_of`."""
    rows, columns = shape
    if rows >= columns and rows % columns == 0:
        return blocks.reshape(rows, columns)
    if columns % rows == 0:
        return blocks.transpose(0, 1).reshape(rows, columns)
    return blocks[0] if rows <= columns else blocks[0].T


class Muon(torch.optim.Optimizer):
    """Momentum whose step is made orthogonal; its size is AdamW's (Liu et al. 2025), so that rates carry over."""

    def __init__(self, parameters: Iterable[Tensor], *, momentum: float = 0.95, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, {"lr": 0.0, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            by_size: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
            for p in group["params"]:
                momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
                momentum.lerp_(p.grad, 1 - group["momentum"])
                blocks = blocks_of(p.grad.lerp(momentum, group["momentum"]))
                by_size.setdefault(blocks.shape[1:], []).append((p, blocks))
            for size, entries in by_size.items():
                done = orthogonalise(torch.cat([blocks for _, blocks in entries]))
                scale = 0.2 * max(size) ** 0.5 * group["lr"]
                for (p, _), update in zip(entries, torch.split(done, [len(b) for _, b in entries]), strict=True):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.sub_(from_blocks(update, p.shape), alpha=scale)


class Optimization:
    """The trained weights in fp32, the module that computes with them (perhaps in bf16), and how they change."""

    def __init__(
        self, module: nn.Module, config: TrainingConfig, *, bf16: bool, fixed: Mapping[str, Tensor] | None = None,
        device: torch.device = CPU,
    ) -> None:
        """All of it on the device. `fixed` are rows that stay as they are: name of a matrix -> bool [rows]."""
        self.config, module = config, module.to(device)
        learning = {name: p for name, p in module.named_parameters() if p.requires_grad}
        self.names = list(learning)
        self.masters = [p.detach().float().clone().requires_grad_() for p in learning.values()]
        self.module = module.to(torch.bfloat16) if bf16 else module
        self.working = [p for p in self.module.parameters() if p.requires_grad]
        masters = dict(zip(self.names, self.masters, strict=True))
        self.fixed = [(masters[name], rows.to(device), masters[name].detach()[rows.to(device)].clone())
                      for name, rows in (fixed or {}).items()]
        self.optimizers = self._optimizers()
        self.averages: list[Tensor] = []
        """Means of the masters' values since averaging began, if it has."""
        self.averaged = 0
        self.publish()

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        hidden = [self.config.optimizer == "muon" and p.dim() == 2 and ".layers." in f".{name}"
                  for name, p in zip(self.names, self.masters, strict=True)]
        groups = [
            {"params": [p for p, h in zip(self.masters, hidden, strict=True) if not h and (p.dim() > 1) == matrix],
             "weight_decay": self.config.weight_decay if matrix else 0.0}
            for matrix in (True, False)
        ]
        if self.config.optimizer == "nt-asgd":
            return [torch.optim.SGD([g for g in groups if g["params"]], lr=0.0)]
        made: list[torch.optim.Optimizer] = [
            torch.optim.AdamW([g for g in groups if g["params"]], lr=0.0, betas=(0.9, 0.98), fused=True)
        ]
        if any(hidden):
            muon = [p for p, h in zip(self.masters, hidden, strict=True) if h]
            made.append(Muon(muon, weight_decay=self.config.weight_decay))
        return made

    @torch.no_grad()
    def publish(self) -> None:
        """Give the working weights the values of the masters."""
        for working, master in zip(self.working, self.masters, strict=True):
            working.copy_(master)

    def weights(self) -> list[Tensor]:
        """What was learnt: the averages where there are some, else the masters."""
        return self.averages or [master.detach() for master in self.masters]

    def average(self) -> None:
        """Take the masters as they are into the averages, which begin with the first call."""
        self.averages = self.averages or [torch.zeros_like(master) for master in self.masters]
        self.averaged += 1
        for mean, master in zip(self.averages, self.masters, strict=True):
            mean.lerp_(master.detach(), 1 / self.averaged)

    @contextmanager
    def learnt(self) -> Iterator[None]:
        """In this block the module computes with what was learnt."""
        with torch.no_grad():
            for working, weight in zip(self.working, self.weights(), strict=True):
                working.copy_(weight)
        yield
        self.publish()

    @torch.no_grad()
    def gather(self, weight: float = 1.0) -> None:
        """Add the gradients of the module to those of the masters, in fp32, and clear them."""
        for working, master in zip(self.working, self.masters, strict=True):
            grad = torch.zeros_like(master) if working.grad is None else working.grad.float()
            grad = grad.mul_(weight) if weight != 1.0 else grad
            master.grad = grad if master.grad is None else master.grad.add_(grad)
            working.grad = None

    def update(self, rate: float) -> float:
        """One step with the gradients that were gathered; returns their norm before clipping."""
        for master, rows, _ in self.fixed:
            master.grad[rows] = 0  # type: ignore[index]
        norm = float(nn.utils.clip_grad_norm_(self.masters, self.config.clip or float("inf")))
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad():
            for master, rows, values in self.fixed:
                master[rows] = values  # also from the decay
        if self.averaged:
            self.average()
        self.publish()
        return norm

    def tensors(self) -> dict[str, Tensor]:
        """All state by name, for a checkpoint."""
        found = {f"master/{name}": p.detach() for name, p in zip(self.names, self.masters, strict=True)}
        if self.averaged:
            found |= {f"average/{name}": mean for name, mean in zip(self.names, self.averages, strict=True)}
            found["averaged/count"] = torch.tensor(self.averaged)
        names = {p: name for name, p in zip(self.names, self.masters, strict=True)}
        for optimizer in self.optimizers:
            for p, state in optimizer.state.items():
                found |= {f"{key}/{names[p]}": torch.as_tensor(value) for key, value in state.items()}
        return found

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor]) -> None:
        masters = dict(zip(self.names, self.masters, strict=True))
        owner = {p: optimizer for optimizer in self.optimizers for g in optimizer.param_groups for p in g["params"]}
        for key, tensor in tensors.items():
            kind, name = key.split("/", 1)
            if kind == "averaged":
                self.averaged = int(tensor)
                self.averages = [tensors[f"average/{own}"].to(m.device, copy=True) for own, m in masters.items()]
            elif kind == "master":
                masters[name].copy_(tensor)
            elif kind != "average":
                owner[masters[name]].state[masters[name]][kind] = tensor.to(masters[name].device, copy=True)
        self.publish()
