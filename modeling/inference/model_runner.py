"""Runs the graphs of an artifact. The only file that knows ONNX Runtime."""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import DTypeLike, NDArray

from modeling.artifact import Artifact
from modeling.errors import ArtifactError
from modeling.inference.kv_cache import Allocate, HostBuffer, KVCache

VERSION: str = onnxruntime.__version__
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64,
          "tensor(int32)": np.int32, "tensor(int8)": np.int8}
_BINDINGS = 256  # bindings a graph keeps; making one costs about 180 us
onnxruntime.set_default_logger_severity(3)


def device_of_this_machine() -> str:
    """`cuda` where ONNX Runtime can use one, else `cpu`."""
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "cpu"
    onnxruntime.preload_dlls()
    return "cuda"


class Graph:
    """One ONNX graph with its session. Arrays go in and out by address; see `bind`."""

    def __init__(self, artifact: Artifact, role: str, *, threads: int, device: str) -> None:
        self.device = device if _has_graph(artifact, role, device) else "cpu"
        path: Path = artifact.graph(role, self.device)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        providers = {"cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"], "cpu": ["CPUExecutionProvider"]}
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=providers[self.device])
        except Exception as error:  # ONNX Runtime raises its own classes, which are no public names
            raise ArtifactError(f"The graph {path.name} of {artifact.name} cannot be loaded: {error}") from error
        self.types: dict[str, DTypeLike] = {entry.name: _TYPES[entry.type] for entry in self.session.get_inputs()}
        self.shapes = {entry.name: entry.shape for entry in [*self.session.get_inputs(), *self.session.get_outputs()]}
        self.allocate: Allocate = HostBuffer if self.device == "cpu" else DeviceBuffer
        self._bindings: OrderedDict[tuple[Any, ...], Binding] = OrderedDict()

    def __call__(self, outputs: Sequence[str], **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """Run once on arrays; the outputs are new arrays."""
        return list(self.session.run(list(outputs), inputs))

    def binding(self, key: tuple[Any, ...]) -> Binding | None:
        """The binding made before under this key."""
        if key in self._bindings:
            self._bindings.move_to_end(key)
        return self._bindings.get(key)

    def bind(
        self,
        key: tuple[Any, ...],
        *,
        inputs: Mapping[str, NDArray[Any]],
        outputs: Mapping[str, NDArray[Any]],
        cache: Mapping[str, tuple[int, np.dtype[np.generic], tuple[int, ...]]],
    ) -> Binding:
        """Tie the graph to memory: what is in `inputs` when it runs goes in, the results land in `outputs`.

        `cache` maps inputs, and outputs of the same memory, to an address on the device, a type and a shape.
        """
        made = self._bindings[key] = Binding(self, inputs, outputs, cache)
        if len(self._bindings) > _BINDINGS:
            self._bindings.popitem(last=False)
        return made

    def forget_bindings(self) -> None:
        """Drop all bindings: the memory that they point to is going away."""
        self._bindings.clear()


def _has_graph(artifact: Artifact, role: str, device: str) -> bool:
    return any((entry["role"], entry["device"]) == (role, device) for entry in artifact.graphs)


class Binding:
    """A graph tied to memory."""

    def __init__(self, graph: Graph, inputs: Mapping[str, NDArray[Any]], outputs: Mapping[str, NDArray[Any]],
                 cache: Mapping[str, tuple[int, np.dtype[np.generic], tuple[int, ...]]]) -> None:  # fmt: skip
        self._graph, self._inputs, self._outputs = graph, dict(inputs), dict(outputs)  # keep the memory alive
        self._inner = graph.session.io_binding()
        self._bind_inputs()
        for name, array in outputs.items():
            self._inner.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        for name, (address, dtype, shape) in cache.items():
            bind = self._inner.bind_input if name in graph.types else self._inner.bind_output
            bind(name, graph.device, 0, dtype, shape, address)

    def run(self) -> None:
        if self._graph.device != "cpu":
            self._bind_inputs()  # CUDA copies an input when it is bound, not when it is used
        self._graph.session.run_with_iobinding(self._inner)

    def _bind_inputs(self) -> None:
        for name, array in self._inputs.items():
            self._inner.bind_input(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)


class DeviceBuffer:
    """A Buffer in the memory of a CUDA device."""

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._value = onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, self.dtype.type, "cuda", 0)
        self._scratch: Any = None

    @property
    def address(self) -> int:
        return int(self._value.data_ptr())

    def copy_rows(self, targets: Sequence[int], sources: Sequence[int], used: int) -> None:
        """Whole rows, by way of a scratch buffer, because a target may be a source as well."""
        row = int(np.prod(self.shape[1:])) * self.dtype.itemsize
        if self._scratch is None:
            self._scratch = onnxruntime.OrtValue.ortvalue_from_shape_and_type(self.shape, self.dtype.type, "cuda", 0)
        scratch = int(self._scratch.data_ptr())
        for target, source in zip(targets, sources, strict=True):
            _copy_on_device(scratch + target * row, self.address + source * row, row)
        for target in targets:
            _copy_on_device(self.address + target * row, scratch + target * row, row)


def _copy_on_device(target: int, source: int, size: int) -> None:
    error = _cuda_runtime().cudaMemcpy(ctypes.c_void_p(target), ctypes.c_void_p(source), ctypes.c_size_t(size), 3)
    if error:
        raise RuntimeError(f"CUDA could not copy {size} bytes on the device: error {error}")


def _cuda_runtime() -> ctypes.CDLL:
    """The CUDA runtime that ONNX Runtime has loaded into this process."""
    return ctypes.CDLL("libcudart.so.13")


class DecoderRunner:
    """A language model with its slots: row i of every array and of the cache belongs to the sequence in slot i."""

    def __init__(self, artifact: Artifact, *, slots: int, threads: int, device: str) -> None:
        graph = self.graph = Graph(artifact, "decoder", threads=threads, device=device)
        config = artifact.config
        self.capacity, self.slots = int(config["context"]), slots
        kv_heads, size = int(graph.shapes["past_k0"][1]), int(graph.shapes["past_k0"][3])
        self.cache = KVCache(rows=slots, layers=int(config["layers"]), heads=kv_heads, capacity=self.capacity, size=size,
                             dtype=graph.types["past_k0"], allocate=graph.allocate)
        shown = int(graph.shapes["top_ids"][1])
        full = partial(np.full, (slots, 1))
        self.token = full(0, np.int64)
        self.length = np.zeros(slots, np.int32)  # tokens in the cache
        self.recent = np.zeros((slots, int(graph.shapes["recent"][1])), np.int64)
        self.inverse_temperature, self.top_p = full(1, np.float32), full(1, np.float32)
        self.top_k, self.uniform = full(1, np.int64), full(0, np.float32)
        self.repetition_penalty = full(1, np.float32)
        self.next, self.logprob = full(0, np.int64), full(0, np.float32)
        self.top_ids, self.top_logprobs = np.zeros((slots, shown), np.int64), np.zeros((slots, shown), np.float32)
        self.logits = np.zeros((slots, int(config["vocabulary_size"])), np.float32)
        self._total = np.zeros((), np.int32)
        self._row_arrays = (self.token, self.length, self.recent, self.inverse_temperature, self.top_p, self.top_k,
                            self.uniform, self.repetition_penalty)

    def prefill(self, row: int, ids: Sequence[int]) -> None:
        """Append a chunk of tokens to the sequence in a slot; `next` and its company then hold what follows."""
        chunk = np.array([ids], np.int64)
        self._last = np.array([[len(ids) - 1]], np.int64)
        self.length[row] += len(ids) - 1  # the graph wants the tokens after this chunk, minus 1
        self._total[...] = self.length[row] + 1
        self._bound(row, 1, chunk).run()
        self.length[row] += 1

    def decode(self, rows: int, *, logits: bool = False) -> None:
        """Append `token` to each of the first `rows` sequences."""
        self._total[...] = self.length[:rows].max() + 1
        key = (rows, logits)
        binding = self.graph.binding(key) or self._bound(0, rows, None, key=key, logits=logits)
        binding.run()
        self.length[:rows] += 1

    def move(self, source: int, target: int) -> None:
        """Let the sequence in slot `source` live in slot `target`."""
        self.cache.copy_rows([target], [source], int(self.length[source]))
        for array in self._row_arrays:
            array[target] = array[source]

    def _bound(self, first: int, rows: int, chunk: NDArray[np.int64] | None, *, key: tuple[Any, ...] | None = None,
               logits: bool = False) -> Binding:  # fmt: skip
        def part(array: NDArray[Any]) -> NDArray[Any]:
            return array[first : first + rows]

        inputs = {
            "input_ids": part(self.token) if chunk is None else chunk,
            "last": np.zeros((rows, 1), np.int64) if chunk is None else self._last,
            "seqlens_k": part(self.length), "total": self._total, "recent": part(self.recent),
            "inverse_temperature": part(self.inverse_temperature), "top_p": part(self.top_p),
            "top_k": part(self.top_k), "uniform": part(self.uniform),
            "repetition_penalty": part(self.repetition_penalty),
        }  # fmt: skip
        outputs = {"next": part(self.next), "logprob": part(self.logprob), "top_ids": part(self.top_ids),
                   "top_logprobs": part(self.top_logprobs)} | ({"logits": part(self.logits)} if logits else {})
        cache = {f"{side}_{name}": self.cache.view(name, first, rows)
                 for name in self.cache.buffers for side in ("past", "present")}
        key = key or ("chunk", first, chunk is not None and chunk.shape)
        return self.graph.bind(key, inputs=inputs, outputs=outputs, cache=cache)
