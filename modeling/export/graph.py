"""A small builder over onnx.helper: nodes by name, weights by reference to the artifact's weights file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from modeling.artifact import SCALE, WEIGHTS
from modeling.export.weights import Weights

Device = Literal["cpu", "cuda"]
Shape = Sequence[int | str]
OPSET, IR_VERSION = 23, 11
CONTRIB = "com.microsoft"
TYPES = {"i32": TensorProto.INT32, "i64": TensorProto.INT64, "f16": TensorProto.FLOAT16, "f32": TensorProto.FLOAT}
_STORED = {np.dtype(np.float32): "f32", np.dtype(np.float16): "f16", np.dtype(np.int8): "i8"}


@dataclass(frozen=True, slots=True)
class Graph:
    """A finished graph and its entry in the manifest."""

    model: onnx.ModelProto
    entry: dict[str, Any]


@dataclass(slots=True)
class GraphBuilder:
    """Collects nodes; every method returns the name of what it added.

    On "cuda" the floats are fp16 (what attention kernels take there), on "cpu" fp32.
    """

    weights: Weights
    device: Device = "cpu"
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: dict[str, onnx.TensorProto] = field(default_factory=dict)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)

    @property
    def float(self) -> str:
        return "f16" if self.device == "cuda" else "f32"

    def input(self, name: str, kind: str, shape: Shape) -> str:
        self.inputs.append({"name": name, "type": kind, "shape": list(shape)})
        return name

    def output(self, name: str, kind: str, shape: Shape) -> str:
        self.outputs.append({"name": name, "type": kind, "shape": list(shape)})
        return name

    def op(self, kind: str, *inputs: str, outputs: Sequence[str] = (), count: int = 1, **attributes: Any) -> Any:
        """Add a node; its output's name, or a list of `count` names. `outputs` gives names, "" leaves one out."""
        made = list(outputs) or [f"{kind}_{len(self.nodes)}_{i}" for i in range(count)]
        domain = CONTRIB if kind in _CONTRIB_KINDS else ""
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, made, name=name, domain=domain, **attributes))
        return made[0] if len(made) == 1 else made

    def constant(self, value: Any, kind: str) -> str:
        """A small constant inside of the graph file."""
        array = np.asarray(value).astype(helper.tensor_dtype_to_np_dtype(TYPES[kind]))
        key = f"{kind} {array.shape} {array.tobytes().hex()}"
        if key not in self.known:
            self.known[key] = f"constant_{len(self.known)}"
            self.initializers[self.known[key]] = numpy_helper.from_array(array, self.known[key])
        return self.known[key]

    def stored(self, name: str) -> str:
        """A tensor of the weights file as it is stored."""
        if name not in self.initializers:
            place = self.weights.tensors[name]
            tensor = TensorProto(name=name, dims=place.shape, data_location=TensorProto.EXTERNAL)
            tensor.data_type = helper.np_dtype_to_tensor_dtype(place.dtype)
            for key, value in (("location", WEIGHTS), ("offset", place.offset), ("length", place.length)):
                tensor.external_data.add(key=key, value=str(value))
            self.initializers[name] = tensor
        return name

    def weight(self, name: str) -> str:
        """A tensor of the weights file in the graph's float type. ONNX Runtime folds the casts when it loads."""
        if name not in self.known:
            self.known[name] = self._widened(name, self.stored(name), name + SCALE)
        return self.known[name]

    def rows(self, name: str, ids: str) -> str:
        """The rows `ids` of a table. Looked up as stored and widened then: the table is not kept twice."""
        scale = name + SCALE
        picked = self.op("Gather", self.stored(name), ids)
        if scale not in self.weights.tensors:
            return self.cast(picked, self._kind(name))
        return self._scaled(picked, self.op("Gather", self.stored(scale), ids))

    def linear(self, x: str, name: str, bias: str | None = None, outputs: Sequence[str] = ()) -> str:
        """x [..., in] times the transposed weight [out, in], plus a bias where the model has one."""
        if bias is None:
            return str(self.op("FusedMatMul", x, self.weight(name), outputs=outputs, transB=1))
        product = self.op("FusedMatMul", x, self.weight(name), transB=1)
        return str(self.op("Add", product, self.weight(bias), outputs=outputs))

    def cast(self, x: str, kind: str) -> str:
        return x if kind == self.float else self.op("Cast", x, to=TYPES[self.float])

    def finish(self, *, role: str, file: str) -> Graph:
        graph = helper.make_graph(
            self.nodes, role, [_value(i) for i in self.inputs], [_value(o) for o in self.outputs],
            list(self.initializers.values()),
        )
        versions = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=versions, ir_version=IR_VERSION, producer_name="parley")
        precision = "fp16" if self.device == "cuda" else "fp32"
        entry = {"role": role, "device": self.device, "file": file, "precision": precision, "opset": OPSET,
                 "inputs": self.inputs, "outputs": self.outputs}
        return Graph(model, entry)

    def _kind(self, name: str) -> str:
        return _STORED[self.weights.tensors[name].dtype]

    def _widened(self, name: str, tensor: str, scale: str) -> str:
        if scale in self.weights.tensors:
            return self._scaled(tensor, self.stored(scale))
        return self.cast(tensor, self._kind(name))

    def _scaled(self, integers: str, scale: str) -> str:
        wide = self.op("Mul", self.op("Cast", integers, to=TensorProto.FLOAT), scale)
        return self.cast(wide, "f32")


_CONTRIB_KINDS = frozenset({
    "BiasGelu", "FusedMatMul", "GroupQueryAttention", "MultiHeadAttention", "QuickGelu", "RotaryEmbedding",
    "SkipLayerNormalization", "SkipSimplifiedLayerNormalization",
})


def _value(description: dict[str, Any]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(description["name"], TYPES[description["type"]], description["shape"])
