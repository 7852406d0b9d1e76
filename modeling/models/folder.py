"""A Hugging Face folder: its configuration and its safetensors, and nothing of it that could run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from modeling.errors import ConfigError

ModuleT = TypeVar("ModuleT", bound=nn.Module)
INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
LARGEST_JSON = 32 * 2**20
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt", "consolidated.00.pth", "tf_model.h5")
IMPORT_BYTES = 12
"""Of a parameter while a folder becomes an artifact: as read, in the network, as stored, and the graph's own."""


@dataclass(frozen=True, slots=True)
class Folder:
    """`config.json` and the places of the weights. Make one with `Folder.open`."""

    path: Path
    config: Mapping[str, Any]
    places: Mapping[str, Path]
    """Name of a tensor -> file that holds it."""

    @classmethod
    def open(cls, path: Path) -> Folder:
        """Raises ConfigError for what is no such folder, and for weights or code that would have to be run."""
        if not (path / "config.json").is_file():
            raise ConfigError(f"{path} has no config.json", allowed="A Hugging Face folder has config.json, weights as "
                              "safetensors and a tokenizer", remedy="Name the folder that holds them")
        config = read_json(path / "config.json")
        if "auto_map" in config:
            raise ConfigError(f"{path.name} brings code of its own (auto_map, trust_remote_code), which is never run",
                              remedy="Choose a model whose architecture is built into transformers")
        return cls(path, config, dict(_places(path)))

    @property
    def family(self) -> str:
        return str(self.config.get("model_type"))

    def text(self, name: str, known: Sequence[str], default: str | None = None) -> str:
        """A choice of the configuration. Raises ConfigError where it is none that is known."""
        value = self.config.get(name, default)
        if value not in known:
            raise ConfigError(f"{self.path.name} has {name} {value!r}", allowed=f"known are {', '.join(known)}")
        return str(value)

    def refuse(self, **usual: Any) -> None:
        """Raise ConfigError where a part of the configuration is not as usual, which our networks cannot be."""
        for name, value in usual.items():
            if self.config.get(name, value) not in (value, None):
                raise ConfigError(f"{self.path.name} has {name} {self.config[name]!r}",
                                  allowed=f"a {self.family} model with {name} {value!r}")

    def number(self, name: str, default: int | float | None = None) -> Any:
        value = self.config.get(name, default)
        value = default if value is None else value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"the config.json of {self.path.name} has {name} {value!r}", allowed="a number")
        return value

    def weights(self) -> dict[str, Tensor]:
        """All tensors, in fp32 where they are floats. Raises ConfigError for broken files and too little memory."""
        self.require_memory()
        found: dict[str, Tensor] = {}
        for file in sorted(set(self.places.values())):
            try:
                with safe_open(file, "pt") as tensors:
                    for name in tensors.keys():  # noqa: SIM118  a handle, no mapping
                        tensor = tensors.get_tensor(name)
                        found[name] = tensor.float() if tensor.is_floating_point() else tensor
            except (SafetensorError, OSError) as error:
                raise ConfigError(f"{file.name} is not safetensors: {error}", remedy="Download it again") from None
        return found

    def require_memory(self) -> None:
        """Raise ConfigError where the weights do not fit into what is free, before any is read."""
        size = sum(file.stat().st_size for file in set(self.places.values()))
        halves = "16" in str(self.config.get("dtype", self.config.get("torch_dtype")))
        needed, free = IMPORT_BYTES * size // (2 if halves else 4), psutil.virtual_memory().available
        if needed > free:
            raise ConfigError(f"{self.path.name} takes {needed / 2**30:.1f} GiB while it is read; "
                              f"{free / 2**30:.1f} GiB are free", remedy="Choose a smaller model")


def _places(path: Path) -> Iterator[tuple[str, Path]]:
    if (path / INDEX).is_file():
        index = read_json(path / INDEX).get("weight_map")
        for name, file in (index if isinstance(index, dict) else {}).items():
            if Path(str(file)).name != file or not (path / file).is_file():
                raise ConfigError(f"{path.name} lacks {file}, which its index names", remedy="Download it again")
            yield name, path / file
    elif (path / SINGLE).is_file():
        try:
            with safe_open(path / SINGLE, "pt") as tensors:
                yield from ((name, path / SINGLE) for name in tensors.keys())  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise ConfigError(f"{path.name}/{SINGLE} is not safetensors: {error}", remedy="Download it again") from None
    else:
        there = [name for name in PICKLED if (path / name).is_file()] or sorted(f.name for f in path.glob("*.bin"))[:1]
        found = f"keeps its weights as {there[0]}, which is never opened" if there else "has no weights"
        raise ConfigError(f"{path.name} {found}", allowed=f"weights as {SINGLE}, or parts of it with {INDEX}",
                          remedy="Save it again with transformers: model.save_pretrained(folder)")


def read_json(path: Path) -> dict[str, Any]:
    """Raises ConfigError for what is no JSON object of a bearable size."""
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise ValueError(f"{path.stat().st_size} bytes")
        value = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", remedy="Download the folder again") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{path} is no JSON object", remedy="Download the folder again")
    return value


def load_mapped(module: ModuleT, state: Mapping[str, Tensor], path: Path) -> ModuleT:
    """The module with all its weights from `state`. Raises ConfigError where one is missing or has another shape."""
    own = module.state_dict()
    missing = [name for name in own if name not in state]
    wrong = [f"{name} {tuple(state[name].shape)} instead of {tuple(own[name].shape)}" for name in own
             if name in state and state[name].shape != own[name].shape]
    if missing or wrong:
        raise ConfigError(f"{path.name} lacks or misshapes {', '.join((missing + wrong)[:3])}",
                          allowed="weights that fit its config.json", remedy="Download it again, or save it again")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(state[name])
    return module
