"""The nets of all folds as one program: the weighted mean of what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sk_mixup.export._arrays import ArraysProgram
from sk_mixup.export._programs import ArrayProgram, TableProgram

Program = TableProgram | ArrayProgram | ArraysProgram


class EnsembleProgram(nn.Module):
    """Weighted mean of the answers of several programs.

    `sk_mixup.export.to_torch` makes it of an ensemble of folds.

    Parameters
    ----------
    programs : sequence of program
        One per member.
    weights : sequence of ndarray
        What each member's answer is multiplied with, see `weight_matrices`.

    Attributes
    ----------
    programs : nn.ModuleList
    output_names : list of str
        Of what is returned.
    """

    def __init__(
        self, programs: Sequence[Program], weights: Sequence[np.ndarray]
    ) -> None:
        super().__init__()
        self.programs = nn.ModuleList(programs)
        for number, weight in enumerate(weights):
            self.register_buffer(f"weight_{number}", torch.from_numpy(weight))
        self.output_names = programs[0].output_names
        self.eval()

    def forward(self, *inputs: Tensor) -> Tensor:
        """Predict.

        Parameters
        ----------
        *inputs : Tensor
            As every member takes them.

        Returns
        -------
        answer : Tensor of float64
            What `predict_proba` of the ensemble returns, or `predict` of a regressor.
        """
        total: Any = 0.0
        for number, program in enumerate(self.programs):
            weight = self.get_buffer(f"weight_{number}")
            answer = program(*inputs)
            total = total + (answer @ weight if weight.ndim else answer * weight)
        found: Tensor = total
        return found


def weight_matrices(ensemble: Any) -> list[np.ndarray]:
    """Return what each member's answer is multiplied with before they are added up.

    A number, or where a member has not seen every class a matrix that also puts its
    columns into place.
    """
    shares = np.asarray(ensemble.weights, dtype=np.float64)
    shares = shares / shares.sum()
    classes = getattr(ensemble, "classes_", None)
    found = []
    for member, share in zip(ensemble.estimators, shares, strict=True):
        own = getattr(member, "classes_", None)
        if classes is None or own is None or len(own) == len(classes):
            found.append(np.array(share))
            continue
        matrix = np.zeros((len(own), len(classes)))
        matrix[np.arange(len(own)), np.searchsorted(classes, own)] = share
        found.append(matrix)
    return found


def mean_graph(graphs: Sequence[Any], weights: Sequence[np.ndarray]) -> Any:
    """Return one graph of ONNX that runs several on the same inputs.

    Parameters
    ----------
    graphs : sequence of onnx.ModelProto
        With inputs of the same names, and one output.
    weights : sequence of ndarray
        As of `weight_matrices`.
    """
    from onnx import compose, helper, numpy_helper

    first = graphs[0]
    names = [one.name for one in first.graph.input]
    (output,) = first.graph.output
    nodes, initializers, terms, functions = [], [], [], {}
    for number, (graph, weight) in enumerate(zip(graphs, weights, strict=True)):
        prefix = f"fold{number}."
        own = compose.add_prefix(graph, prefix)
        for function in own.functions:
            functions[function.domain, function.name] = function
        nodes += [helper.make_node("Identity", [n], [prefix + n]) for n in names]
        nodes += own.graph.node
        initializers += own.graph.initializer
        kind = own.graph.output[0].type.tensor_type.elem_type
        constant = weight.astype(helper.tensor_dtype_to_np_dtype(kind))
        initializers.append(numpy_helper.from_array(constant, f"{prefix}weight"))
        terms.append(f"{prefix}term")
        nodes.append(
            helper.make_node(
                "MatMul" if weight.ndim else "Mul",
                [own.graph.output[0].name, f"{prefix}weight"],
                [terms[-1]],
            )
        )
    nodes.append(helper.make_node("Sum", terms, [output.name]))
    shape = [d.dim_param or d.dim_value for d in output.type.tensor_type.shape.dim]
    if weights[0].ndim:
        shape[1] = weights[0].shape[1]
    kind = output.type.tensor_type.elem_type
    made = helper.make_graph(
        nodes,
        "sk_mixup",
        list(first.graph.input),
        [helper.make_tensor_value_info(output.name, kind, shape)],
        initializer=initializers,
    )
    return helper.make_model(
        made,
        opset_imports=list(first.opset_import),
        ir_version=first.ir_version,
        functions=list(functions.values()),
        producer_name="sk-mixup",
    )
