"""Runs the graphs of an artifact: each kind of network with what its work needs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modeling.artifact import Artifact
from modeling.inference.graphs import Binding, Graph
from modeling.inference.kv_cache import KVCache, View

_ROW_INPUTS = ("inverse_temperature", "top_p", "top_k", "uniform", "recent", "repetition_penalty")
_ROW_OUTPUTS = ("next", "logprob", "top_ids", "top_logprobs")
_ENDLESS = 8192  # tokens of prompt and answer where the state has a fixed size
_SOURCE_STEP = 32  # room for source tokens grows in steps of this many


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
        ids, lengths = padded(sources)
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


def padded(rows: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Rows of ids side by side, zeros at the right, and their lengths."""
    lengths = np.array([len(row) for row in rows], np.int32)
    ids = np.zeros((len(rows), max(1, int(lengths.max()))), np.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
    return ids, lengths
