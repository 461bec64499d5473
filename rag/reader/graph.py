"""The reader's upper half as an ONNX graph, written from its weights: serving needs no torch.

Inputs: `question` (q, width) and `passage` (p, width), float32 states above the split layer; `passage` is a window with
its heading, if any, before it. Outputs: `scores` (p, p),
the log-odds against no answer of the span from token i to token j, both included, before any span is ruled out; and
`start_cut`, `end_cut` (p, CUT_CHOICES). It computes what `rag.train.model.ReaderModel.read_pair` does.
"""

import math
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rag.reader.weights import CUT_CHOICES, PAIR_WIDTH, ReaderShape, ReaderWeights

OPSETS = {"": 20, "com.microsoft": 1}  # 20: Gelu; Microsoft's: attention in one node
IR_VERSION = 9  # the oldest that knows opset 20: runs on ONNX Runtime 1.17 and later


class _Graph:
    """Nodes and constants under construction; every value is known by its name."""

    def __init__(self, weights: ReaderWeights):
        self._tensors = weights.tensors
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}

    def node(self, kind: str, *inputs: str, to: str = "", domain: str = "", **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        name = to or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], domain=domain, **attributes))
        return name

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = value
        return name

    def linear(self, states: str, name: str) -> str:
        """`states @ weight.T + bias` of the layer `name`."""
        weight = self.constant(f"{name}.weight", np.ascontiguousarray(self._tensors[f"{name}.weight"].T))
        bias = self.constant(f"{name}.bias", self._tensors[f"{name}.bias"])
        return self.node("Add", self.node("MatMul", states, weight), bias)

    def norm(self, states: str, name: str, epsilon: float) -> str:
        scale, bias = (self.constant(f"{name}.{part}", self._tensors[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self.node("LayerNormalization", states, scale, bias, axis=-1, epsilon=epsilon)

    def split(self, states: str, sizes: list[int], name: str) -> list[str]:
        """Cut the last axis in parts."""
        names = [f"{name}_{number}" for number in range(len(sizes))]
        lengths = self.constant(f"{name}_sizes", np.array(sizes, np.int64))
        self.nodes.append(helper.make_node("Split", [states, lengths], names, axis=-1))
        return names

    def mark(self, states: str, number: int) -> str:
        """Add the vector of question (0) or passage (1)."""
        return self.node("Add", states, self.constant(f"mark_{number}", self._tensors["marks.weight"][number]))

    def tensors(self) -> list[onnx.TensorProto]:
        return [numpy_helper.from_array(np.asarray(value), name) for name, value in self.constants.items()]


def reader_graph(weights: ReaderWeights) -> bytes:
    """The serialised ONNX model of these weights."""
    graph, shape = _Graph(weights), weights.shape
    joined = graph.node("Concat", graph.mark("question", 0), graph.mark("passage", 1), axis=0)
    states = graph.node("Unsqueeze", joined, graph.constant("first_axis", np.array([0], np.int64)))
    for number in range(shape.layers):
        states = _layer(graph, states, f"layers.{number}", shape)
    _heads(graph, _passage_part(graph, graph.node("Squeeze", states, "first_axis")))
    inputs = [_value(name, [f"{name}_length", shape.width]) for name in ("question", "passage")]
    outputs = [_value("scores", ["passage_length", "passage_length"])]
    outputs += [_value(name, ["passage_length", CUT_CHOICES]) for name in ("start_cut", "end_cut")]
    body = helper.make_graph(graph.nodes, "reader", inputs, outputs, graph.tensors())
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    model = helper.make_model(body, opset_imports=opsets, ir_version=IR_VERSION)
    return bytes(model.SerializeToString())


def _layer(graph: _Graph, states: str, name: str, shape: ReaderShape) -> str:
    """One post-norm transformer layer over (1, length, width)."""
    parts = graph.split(graph.linear(states, f"{name}.attention_in"), [shape.width] * 3, f"{name}.parts")
    mixed = graph.node("MultiHeadAttention", *parts, domain="com.microsoft", num_heads=shape.heads)
    attended = graph.node("Add", states, graph.linear(mixed, f"{name}.attention_out"))
    states = graph.norm(attended, f"{name}.attention_norm", shape.norm_epsilon)
    expanded = graph.node("Gelu", graph.linear(states, f"{name}.expand"))
    contracted = graph.node("Add", states, graph.linear(expanded, f"{name}.contract"))
    return graph.norm(contracted, f"{name}.output_norm", shape.norm_epsilon)


def _passage_part(graph: _Graph, states: str) -> str:
    """Rows of the passage: those after the question's."""
    begin = graph.node("Shape", "question", start=0, end=1)
    end = graph.constant("far", np.array([np.iinfo(np.int64).max], np.int64))
    return graph.node("Slice", states, begin, end, graph.constant("rows", np.array([0], np.int64)))


def _heads(graph: _Graph, states: str) -> None:
    """Span scores relative to the first row (no answer), and the cuts, from the passage's rows."""
    bounds = graph.linear(states, "boundary")
    first = graph.node("Gather", bounds, graph.constant("no_answer", np.array([0], np.int64)), axis=0)
    start, end = graph.split(graph.node("Sub", bounds, first), [1, 1], "bounds")
    left, right = graph.split(graph.linear(states, "pair"), [PAIR_WIDTH] * 2, "pairs")
    scale = graph.constant("pair_scale", np.array(1 / math.sqrt(PAIR_WIDTH), np.float32))
    products = graph.node("MatMul", graph.node("Mul", left, scale), graph.node("Transpose", right, perm=[1, 0]))
    ends = graph.node("Transpose", end, perm=[1, 0])
    graph.node("Add", graph.node("Add", products, start), ends, to="scores")
    lengths = graph.constant("cut_sizes", np.array([CUT_CHOICES] * 2, np.int64))
    cuts = graph.linear(states, "cut")
    graph.nodes.append(helper.make_node("Split", [cuts, lengths], ["start_cut", "end_cut"], axis=-1))


def _value(name: str, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
