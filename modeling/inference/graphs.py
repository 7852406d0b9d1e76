"""Graphs of an artifact with their sessions and their memory. The only file that knows ONNX Runtime."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import DTypeLike, NDArray

from modeling.artifact import Artifact
from modeling.errors import ArtifactError
from modeling.inference.kv_cache import KEYS, Allocate, HostBuffer, KVCache, View

VERSION: str = onnxruntime.__version__
_TYPES: dict[str, DTypeLike] = {
    "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64,
    "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(int8)": np.int8, "tensor(string)": np.object_,
}
onnxruntime.set_default_logger_severity(3)


def device_of_this_machine() -> str:
    """`cuda` where ONNX Runtime can use one, else `cpu`."""
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "cpu"
    onnxruntime.preload_dlls()
    return "cuda"


def available_providers() -> list[str]:
    """Execution providers that graphs can run on here, best first."""
    known = ("CUDAExecutionProvider", "CPUExecutionProvider")
    return [provider for provider in known if provider in onnxruntime.get_available_providers()]


class Graph:
    """One ONNX graph with its session. Call it on arrays, or tie it to memory with a Binding."""

    def __init__(self, artifact: Artifact, role: str, *, threads: int, device: str) -> None:
        self.device = device if _has_graph(artifact, role, device) else "cpu"
        path: Path = artifact.graph(role, self.device)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        # Threads that spin while they wait take the processor from the other models and from a training.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = {"cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"], "cpu": ["CPUExecutionProvider"]}
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=providers[self.device])
        except Exception as error:  # ONNX Runtime raises its own classes, which are no public names
            raise ArtifactError(f"The graph {path.name} of {artifact.name} cannot be loaded: {error}") from error
        self.types: dict[str, DTypeLike] = {entry.name: _TYPES.get(entry.type, np.object_)
                                        for entry in self.session.get_inputs()}
        self.outputs = [entry.name for entry in self.session.get_outputs()]
        self.shapes = {entry.name: entry.shape for entry in [*self.session.get_inputs(), *self.session.get_outputs()]}
        self.allocate: Allocate = HostBuffer if self.device == "cpu" else DeviceBuffer

    def cache(self, prefix: str, *, rows: int, capacity: int) -> KVCache:
        """Memory for the inputs that begin with `prefix`, by the rest of their names."""
        names = {name.removeprefix(prefix): name for name in self.types if name.startswith(prefix)}
        return KVCache(rows=rows, capacity=capacity, shapes={short: self.shapes[name] for short, name in names.items()},
                       dtypes={short: self.types[name] for short, name in names.items()}, allocate=self.allocate)

    def __call__(self, outputs: Sequence[str], **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """Run once on arrays; the outputs are new arrays."""
        return list(self.session.run(list(outputs), inputs))


def _has_graph(artifact: Artifact, role: str, device: str) -> bool:
    return any((entry["role"], entry["device"]) == (role, device) for entry in artifact.graphs)


STANDARD = "Export it with standard operators and opset 21 or lower"
LOCALE = ("Export the text processing with the locale that every system has: skl2onnx takes "
          "options={TfidfVectorizer: {'locale': 'C.UTF-8'}}; or install the one that it asks for on this machine")


@dataclass(frozen=True, slots=True)
class GraphEnd:
    """An input or output of a graph that nobody has described."""

    name: str
    type: str
    """As manifests write it (i64, f32 ...); text, or maps of a label to its probability; else as ONNX Runtime says."""
    shape: list[int | str | None]


def graph_ends(path: Path) -> tuple[list[GraphEnd], list[GraphEnd]]:
    """Inputs and outputs of an ONNX file. Raises ArtifactError for one that ONNX Runtime cannot load."""
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own classes, which are no public names
        speech = "Failed to construct locale" in str(error)
        raise ArtifactError(f"ONNX Runtime {VERSION} cannot load {path.name}: {error}",
                            remedy=LOCALE if speech else STANDARD) from error
    return tuple([GraphEnd(one.name, _ENDS.get(one.type, one.type), list(one.shape)) for one in side]  # type: ignore[return-value]
                 for side in (session.get_inputs(), session.get_outputs()))


_ENDS = {"tensor(string)": "text", "seq(map(string,tensor(float)))": "maps", "seq(map(int64,tensor(float)))": "maps",
         "tensor(float)": "f32", "tensor(float16)": "f16", "tensor(double)": "f64", "tensor(int64)": "i64",
         "tensor(int32)": "i32"}


class Binding:
    """A graph tied to memory: what is in `inputs` when it runs goes in, and the results land in `outputs`.

    `cache` maps inputs, and outputs in the same memory, to an address on the device, a type and a shape. Making a
    binding costs about 180 us, running it again nothing.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        inputs: Mapping[str, NDArray[Any]],
        outputs: Mapping[str, NDArray[Any]],
        cache: Mapping[str, View],
    ) -> None:
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

    def write_row(self, row: int, values: NDArray[Any]) -> None:
        whole = np.zeros(self.shape[1:], self.dtype)
        if len(self.shape) == KEYS:
            whole[:, : values.shape[1]] = values
        else:
            whole[...] = values
        _copy(self.address + row * whole.nbytes, whole.ctypes.data, whole.nbytes, _FROM_HOST)

    def copy_rows(self, targets: Sequence[int], sources: Sequence[int], tokens: slice) -> None:
        """Whole rows, by way of a scratch buffer, because a target may be a source as well."""
        row = int(np.prod(self.shape[1:])) * self.dtype.itemsize
        if self._scratch is None:
            self._scratch = onnxruntime.OrtValue.ortvalue_from_shape_and_type(self.shape, self.dtype.type, "cuda", 0)
        scratch = int(self._scratch.data_ptr())
        for target, source in zip(targets, sources, strict=True):
            _copy(scratch + target * row, self.address + source * row, row, _ON_DEVICE)
        for target in targets:
            _copy(self.address + target * row, scratch + target * row, row, _ON_DEVICE)


_FROM_HOST, _ON_DEVICE = 1, 3  # cudaMemcpyKind


def _copy(target: int, source: int, size: int, kind: int) -> None:
    runtime = ctypes.CDLL("libcudart.so.13")  # the one that ONNX Runtime has loaded
    error = runtime.cudaMemcpy(ctypes.c_void_p(target), ctypes.c_void_p(source), ctypes.c_size_t(size), kind)
    if error:
        raise RuntimeError(f"CUDA could not copy {size} bytes: error {error}")
