"""Runs the graphs of an artifact. The only file that knows ONNX Runtime."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
_ROW_INPUTS = ("inverse_temperature", "top_p", "top_k", "uniform", "recent", "repetition_penalty")
_ROW_OUTPUTS = ("next", "logprob", "top_ids", "top_logprobs")
_ENDLESS = 8192  # tokens of prompt and answer where the state has a fixed size
_SOURCE_STEP = 32  # room for source tokens grows in steps of this many
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


class DecoderRunner:
    """A language model with its slots: row i of every array and of the cache belongs to the sequence in slot i."""

    def __init__(self, artifact: Artifact, *, slots: int, threads: int, device: str) -> None:
        graph = self.graph = Graph(artifact, "decoder", threads=threads, device=device)
        config = artifact.config
        grows = any("C" in shape for shape in graph.shapes.values() if shape)
        self.capacity, self.slots = int(config["context"]) if grows else _ENDLESS, slots
        self.cache = graph.cache("past_", rows=slots, capacity=self.capacity)
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
        self._bindings: dict[tuple[int, bool], Binding] = {}

    def clear(self, row: int) -> None:
        """Begin a new sequence in a slot."""
        self.length[row] = 0
        self.cache.clear(row)

    def write_state(self, row: int, name: str, values: NDArray[np.float32]) -> None:
        """Set a part of a slot's state, such as `z`, that comes from elsewhere."""
        self.cache.buffers[name].write_row(row, values)

    def prefill(self, row: int, ids: Sequence[int]) -> None:
        """Append a chunk of tokens to the sequence in a slot; `next` and its company then hold what follows."""
        self.length[row] += len(ids) - 1  # the graph wants the tokens after this chunk, minus 1
        self._total[...] = self.length[row] + 1
        self._bound(row, 1, np.array([ids], np.int64)).run()
        self.length[row] += 1

    def decode(self, rows: int, *, logits: bool = False) -> None:
        """Append `token` to each of the first `rows` sequences."""
        self._total[...] = self.length[:rows].max() + 1
        if (rows, logits) not in self._bindings:
            self._bindings[rows, logits] = self._bound(0, rows, self.token[:rows], logits=logits)
        self._bindings[rows, logits].run()
        self.length[:rows] += 1

    def move(self, source: int, target: int) -> None:
        """Let the sequence in slot `source` live in slot `target`."""
        self.cache.copy_rows([target], [source], slice(int(self.length[source])))
        for name in ("token", "length", *_ROW_INPUTS, *_ROW_OUTPUTS):
            array = getattr(self, name)
            array[target] = array[source]

    def _bound(self, first: int, rows: int, ids: NDArray[np.int64], *, logits: bool = False) -> Binding:
        def part(array: NDArray[Any]) -> NDArray[Any]:
            return array[first : first + rows]

        inputs: dict[str, NDArray[Any]] = {
            "input_ids": ids, "last": np.full((rows, 1), ids.shape[1] - 1, np.int64), "seqlens_k": part(self.length),
            "total": self._total, **{name: part(getattr(self, name)) for name in _ROW_INPUTS},
        }  # fmt: skip
        inputs = {name: array for name, array in inputs.items() if name in self.graph.types}
        outputs = {name: part(getattr(self, name)) for name in (*_ROW_OUTPUTS, *(["logits"] if logits else []))}
        return Binding(self.graph, inputs=inputs, outputs=outputs, cache=_past_and_present(self.cache, first, rows))


def _past_and_present(cache: KVCache, first: int, rows: int) -> dict[str, View]:
    return {f"{side}_{name}": cache.view(name, first, rows) for name in cache.buffers for side in ("past", "present")}


class EncoderDecoderRunner:
    """An encoder-decoder: `encode` sources once, then let a BeamRunner step what is written about them."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str) -> None:
        self.encoder = Graph(artifact, "encoder", threads=threads, device=device)
        self.decoder = Graph(artifact, "decoder", threads=threads, device=device)
        config = artifact.config
        self.source_capacity = int(config["context"])
        self.capacity = int(config.get("target_context") or config["context"])
        self._outputs = [name for name in self.encoder.outputs if name.startswith(("cross_", "start_"))]

    def encode(self, sources: Sequence[Sequence[int]]) -> list[dict[str, NDArray[Any]]]:
        """For each source what the decoder reads of it: `cross_X` [heads, tokens, size], and `start_X`, the state that
        its texts begin with."""
        ids, lengths = _padded(sources)
        mask = np.arange(ids.shape[1]) < lengths[:, None]
        arrays = dict(zip(self._outputs, self.encoder(
            self._outputs, input_ids=ids, attention_mask=mask.astype(np.int32)), strict=True))
        return [{name: array[row, :, : len(source)] if name.startswith("cross_") else array[row]
                 for name, array in arrays.items()} for row, source in enumerate(sources)]


class BeamRunner:
    """The running batch of one beam width: group g owns rows g * width to (g + 1) * width - 1."""

    def __init__(self, model: EncoderDecoderRunner, *, width: int, groups: int) -> None:
        self.model, self.width, self.groups = model, width, groups
        rows, graph = groups * width, model.decoder
        self.cache = graph.cache("past_", rows=rows, capacity=model.capacity)
        self.token, self.length = np.zeros((rows, 1), np.int64), np.zeros(rows, np.int32)
        self.top_ids = np.zeros((rows, int(graph.shapes["top_ids"][1])), np.int64)
        self.top_logprobs = np.zeros(self.top_ids.shape, np.float32)
        self.logits = np.zeros((rows, int(graph.shapes["logits"][1])), np.float32)  # memory is taken when it is written
        self._total = np.zeros((), np.int32)
        self._sources: list[dict[str, NDArray[Any]] | None] = [None] * groups
        self._bindings: dict[tuple[int, bool], Binding] = {}
        self.cross = self._cross(_SOURCE_STEP)
        self.mask = np.zeros((groups, _SOURCE_STEP), np.int32)

    def admit(self, group: int, source: dict[str, NDArray[Any]], first_token: int) -> None:
        """Begin to write about an encoded source in a free group."""
        self._sources[group] = source
        self._fit(max(self._tokens(kept) for kept in self._sources if kept))
        self._write(group)
        rows = slice(group * self.width, (group + 1) * self.width)
        self.token[rows], self.length[rows] = first_token, 0
        for row in self._rows(group):
            self.cache.clear(row)
            for name, buffer in self.cache.buffers.items():
                if (start := source.get(f"start_{name}")) is not None:
                    buffer.write_row(row, start)

    def step(self, groups: int, *, logits: bool = False) -> None:
        """Append `token` to each row of the first `groups` groups; then `top_ids`, `top_logprobs`, and where they are
        wanted `logits`, hold what follows."""
        rows = groups * self.width
        self._total[...] = self.length[:rows].max() + 1
        if (groups, logits) not in self._bindings:
            self._bindings[groups, logits] = self._bound(groups, rows, logits)
        self._bindings[groups, logits].run()
        self.length[:rows] += 1

    def move(self, source: int, target: int) -> None:
        """Let group `source` live in group `target`; `source` is free afterwards."""
        if source != target:
            rows, others = self._rows(target), self._rows(source)
            self.reorder(rows, others, 0)
            self.token[rows], self.length[rows] = self.token[others], self.length[others]
            self._sources[target] = self._sources[source]
            self._write(target)
        self._sources[source] = None

    def reorder(self, rows: Sequence[int], sources: Sequence[int], shared: int) -> None:
        """Let rows continue what the rows `sources` hold; the first `shared` tokens are the same already."""
        self.cache.copy_rows(rows, sources, slice(shared, int(self.length[list(sources)].max())))

    def _rows(self, group: int) -> list[int]:
        return list(range(group * self.width, (group + 1) * self.width))

    def _cross(self, capacity: int) -> KVCache:
        """What is read of the sources; the mask goes in by itself."""
        cache = self.model.decoder.cache("cross_", rows=self.groups, capacity=capacity)
        cache.buffers.pop("mask", None)
        return cache

    @staticmethod
    def _tokens(source: dict[str, NDArray[Any]]) -> int:
        return int(next(values.shape[1] for name, values in source.items() if name.startswith("cross_")))

    def _fit(self, tokens: int) -> None:
        """Make room for sources of this many tokens: less padding is less work."""
        capacity = -(-tokens // _SOURCE_STEP) * _SOURCE_STEP
        if capacity == self.cross.capacity:
            return
        self.cross = self._cross(capacity)
        self.mask = np.zeros((self.groups, capacity), np.int32)
        self._bindings.clear()
        for group, source in enumerate(self._sources):
            if source:
                self._write(group)

    def _write(self, group: int) -> None:
        source = self._sources[group]
        assert source is not None
        for name, buffer in self.cross.buffers.items():
            buffer.write_row(group, source[f"cross_{name}"])
        self.mask[group] = np.arange(self.mask.shape[1]) < self._tokens(source)

    def _bound(self, groups: int, rows: int, logits: bool) -> Binding:
        inputs: dict[str, NDArray[Any]] = {
            "input_ids": self.token[:rows], "seqlens_k": self.length[:rows], "total": self._total,
            "cross_mask": self.mask[:groups], "query_shape": np.array([groups, self.width, -1], np.int64),
        }  # fmt: skip
        inputs = {name: array for name, array in inputs.items() if name in self.model.decoder.types}
        outputs: dict[str, NDArray[Any]] = {
            "top_ids": self.top_ids[:rows], "top_logprobs": self.top_logprobs[:rows],
            **({"logits": self.logits[:rows]} if logits else {}),
        }  # fmt: skip
        cross = {f"cross_{name}": self.cross.view(name, 0, groups) for name in self.cross.buffers}
        return Binding(self.model.decoder, inputs=inputs, outputs=outputs,
                       cache=_past_and_present(self.cache, 0, rows) | cross)


class ClassifierRunner:
    """Texts to probabilities, in micro-batches."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str) -> None:
        self.graph = Graph(artifact, "classifier", threads=threads, device=device)

    def probabilities(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """[rows, labels]."""
        ids, lengths = _padded(rows)
        (found,) = self.graph(["probabilities"], input_ids=ids, lengths=lengths)
        return np.asarray(found, np.float32)


class EmbedderRunner:
    """Texts to vectors, in micro-batches."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str) -> None:
        self.graph = Graph(artifact, "embedder", threads=threads, device=device)

    def vectors(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """[rows, D]."""
        ids, lengths = _padded(rows)
        (found,) = self.graph(["vectors"], input_ids=ids, lengths=lengths)
        return np.asarray(found, np.float32)


class ReaderRunner:
    """Windows of question and passage to start and end logits."""

    def __init__(self, artifact: Artifact, *, threads: int, device: str) -> None:
        self.graph = Graph(artifact, "reader", threads=threads, device=device)

    def logits(self, rows: Sequence[Sequence[int]], questions: Sequence[int]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Start and end logits, each [rows, longest row]; `questions` says how many tokens are of type 0."""
        ids, lengths = _padded(rows)
        places = np.arange(ids.shape[1])
        mask = places < lengths[:, None]
        types = mask & (places >= np.array(questions)[:, None])
        start, end = self.graph(["start_logits", "end_logits"], input_ids=ids, token_type_ids=types.astype(np.int64),
                                attention_mask=mask.astype(np.int64))
        return start, end


def _padded(rows: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Rows of ids side by side, zeros at the right, and their lengths."""
    lengths = np.array([len(row) for row in rows], np.int32)
    ids = np.zeros((len(rows), max(1, int(lengths.max()))), np.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
    return ids, lengths
