"""torch.compile of the layers that a network repeats: their many small operations become a few programs."""

from __future__ import annotations

import os
import shutil

from torch import nn

from modeling.errors import ConfigError

COMPILERS = ("g++", "clang++", "c++")


def compile_layers(module: nn.Module) -> None:
    """Have each repeated layer compiled when it is first called; names of weights stay. Raises ConfigError."""
    if not any(map(shutil.which, (os.environ.get("CXX", ""), *COMPILERS))):
        raise ConfigError("torch.compile finds no C++ compiler on this machine", field="compile",
                          remedy="Leave compile out, or install g++ or clang++")
    if not (layers := repeated(module)):
        raise ConfigError("this model repeats no layers, so there is nothing to compile", field="compile",
                          remedy="Leave compile out")
    from torch._inductor import config  # takes seconds, which other trainings need not wait for

    config.compile_threads = 1  # a training keeps to its threads
    for layer in layers:
        layer.compile(dynamic=True)  # batches differ in their lengths


def without_compilation(module: nn.Module) -> nn.Module:
    """The module as it was."""
    for layer in repeated(module):
        layer._compiled_call_impl = None
    return module


def repeated(module: nn.Module) -> list[nn.Module]:
    """The layers that a network has several times, outermost first."""
    lists = [part for part in module.modules() if isinstance(part, nn.ModuleList)]
    return [layer for part in lists for layer in part if not isinstance(layer, nn.RNNBase | nn.ModuleList)]
