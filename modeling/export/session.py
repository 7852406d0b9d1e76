"""Runs an exported graph on the CPU for the proof of parity: the cache is bound in place, as in serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch

Arrays = Mapping[str, np.ndarray]


class Session:
    """An ONNX Runtime session with as many threads as PyTorch has."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        self._inner = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._shapes = {value.name: value.shape for value in self._inner.get_inputs()}
        self._types = {value.name: value.type for value in self._inner.get_inputs()}

    @property
    def outputs(self) -> list[str]:
        return [value.name for value in self._inner.get_outputs()]

    def known(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Those inputs that the graph has."""
        return {name: array for name, array in inputs.items() if name in self._shapes}

    def cache(self, rows: int, capacity: int) -> dict[str, np.ndarray]:
        """Empty state of `rows` sequences, by the names of the past inputs."""
        return {name: np.zeros((rows, *(capacity if size == "C" else size for size in shape[1:])),
                               np.int64 if self._types[name] == "tensor(int64)" else np.float32)
                for name, shape in self._shapes.items() if name.startswith("past_")}

    def run(self, inputs: Arrays, outputs: Sequence[str], cache: Arrays | None = None) -> list[np.ndarray]:
        """The named outputs; the cache is read and written where it lies."""
        binding = self._inner.io_binding()
        contiguous = {name: np.ascontiguousarray(array) for name, array in inputs.items()}
        for name, array in {**contiguous, **(cache or {})}.items():
            # ascontiguousarray makes a scalar one-dimensional: the shape is the given one
            shape = inputs[name].shape if name in inputs else array.shape
            binding.bind_input(name, "cpu", 0, array.dtype, shape, array.ctypes.data)
        for name, array in (cache or {}).items():
            present = name.replace("past_", "present_")
            binding.bind_output(present, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        for name in outputs:
            binding.bind_output(name, "cpu")
        self._inner.run_with_iobinding(binding)
        found = binding.copy_outputs_to_cpu()
        return list(found[len(cache or {}) :])
