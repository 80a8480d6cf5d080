"""MusiCNN in ONNX Runtime, whose convolutions are faster than those of PyTorch on a CPU; needs the extra `export`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor

from gtzan_lightning.features.musicnn_network import N_MELS, MusiCNN

OPSET = 18  # the first in which the axes of ReduceMax are an input
IR_VERSION = 10  # the newest that ONNX Runtime 1.20 reads
INPUT = "mel"
LAYERS = ("penultimate", "taggram", "mean_pool", "max_pool")


class OnnxMusiCNN:
    """The function of a `MusiCNN`, on the CPU."""

    def __init__(self, network: MusiCNN) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        graph = graph_of(network).SerializeToString()
        self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def __call__(self, mel: Tensor) -> dict[str, Tensor]:
        """Log-mel spectrum `(frames, 96)` to the activations of four layers."""
        values = self.session.run(LAYERS, {INPUT: mel.numpy()})
        return {layer: torch.from_numpy(value) for layer, value in zip(LAYERS, values, strict=True)}


def graph_of(network: MusiCNN) -> ModelProto:
    """The operations of `MusiCNN.forward`, for any number of frames."""
    graph = _Graph()
    x = graph.add("Unsqueeze", graph.affine(INPUT, *network.normalisation(0)), [0, 1])  # (1, 1, frames, bands)
    front = []
    for number in range(5):
        kernel = network.signed_kernel(number).transpose(1, 2).unsqueeze(1)  # (channels, 1, frames, bands)
        before, after = (kernel.shape[2] - 1) // 2, kernel.shape[2] // 2
        positions = graph.add("Conv", x, kernel, pads=[before, 0, after, 0])
        maximum = graph.add("ReduceMax", positions, [3], keepdims=0)  # (1, channels, frames)
        scale, shift = network.normalisation(number + 1)
        raw = graph.affine(maximum, scale.sign(), network.convolution(number)[1], axis=1)
        front.append(graph.affine(graph.add("Relu", raw), scale, shift, axis=1))
    layers = [graph.add("Concat", *front, axis=1)]
    for number in (5, 6, 7):
        kernel, bias = network.convolution(number)
        raw = graph.add("Conv", layers[-1], kernel[:, :, 0].permute(2, 1, 0), bias, pads=[3, 3])
        out = graph.affine(graph.add("Relu", raw), *network.normalisation(number + 1), axis=1)
        layers.append(out if number == 5 else graph.add("Add", layers[-1], out))
    return graph.model(_outputs(graph, graph.add("Concat", *layers, axis=1), network))


def _outputs(graph: _Graph, pooled: str, network: MusiCNN) -> dict[str, str]:
    """The four layers, from the channels `(1, 753, frames)`."""
    max_pool = graph.add("ReduceMax", pooled, [0, 2], keepdims=0)
    mean_pool = graph.add("ReduceMean", pooled, [0, 2], keepdims=0)
    pairs = graph.add("Concat", graph.add("Unsqueeze", max_pool, [1]), graph.add("Unsqueeze", mean_pool, [1]), axis=1)
    flat = graph.affine(graph.add("Reshape", pairs, [-1]), *network.normalisation(9))
    raw = graph.linear(flat, network, "dense")
    penultimate = graph.affine(graph.add("Relu", raw), *network.normalisation(10))
    taggram = graph.add("Sigmoid", graph.linear(penultimate, network, "dense_1"))
    return {"penultimate": penultimate, "taggram": taggram, "mean_pool": mean_pool, "max_pool": max_pool}


class _Graph:
    """Nodes and constants; every method that adds nodes returns the name of the last output."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, operation: str, *inputs: str | Tensor | Sequence[int], **attributes: Any) -> str:
        """Adds a node; inputs are names, tensors, or lists of axes."""
        names = [each if isinstance(each, str) else self._constant(np.asarray(each)) for each in inputs]
        self.nodes.append(helper.make_node(operation, names, [f"{operation}{len(self.nodes)}"], **attributes))
        return self.nodes[-1].output[0]

    def affine(self, x: str, scale: Tensor, shift: Tensor, axis: int = -1) -> str:
        """`scale * x + shift`, along axis 1 of `(1, channels, frames)` or along the last."""
        if axis == 1:
            scale, shift = scale[:, None], shift[:, None]
        return self.add("Add", self.add("Mul", x, scale), shift)

    def linear(self, x: str, network: MusiCNN, name: str) -> str:
        kernel, bias = network.get_buffer(f"{name}/kernel"), network.get_buffer(f"{name}/bias")
        return self.add("Add", self.add("MatMul", x, kernel), bias)

    def model(self, outputs: dict[str, str]) -> ModelProto:
        """The model, with names for its outputs."""
        self.nodes += [helper.make_node("Identity", [name], [layer]) for layer, name in outputs.items()]
        mel = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["frames", N_MELS])
        found = [helper.make_tensor_value_info(layer, TensorProto.FLOAT, [None]) for layer in outputs]
        graph = helper.make_graph(self.nodes, "musicnn", [mel], found, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)

    def _constant(self, values: np.ndarray) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name
