"""A fitted model as an ONNX graph: columns in, probabilities or predictions out."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.export._arrays import ArraysProgram
from sk_mixup.export._check import check_answers, example, inputs_of
from sk_mixup.export._ensemble import Program, mean_graph, weight_matrices
from sk_mixup.export._graph import Columns, check_names, joined_graph
from sk_mixup.export._programs import TableProgram
from sk_mixup.export._torch import (
    check_ensemble,
    check_exportable,
    is_ensemble,
    program_of,
)

_DTYPES = {"float32": torch.float32, "float64": torch.float64}
# A runtime of some age reads it, and it has all that the nets need.
_OPSET = 18
_TRIED_ROWS = 3


def to_onnx(
    model: Any, path: str | os.PathLike[str], *, dtype: str = "float32"
) -> None:
    """Write a fitted model as an ONNX file, encoding and temperature included.

    A model of a table has one input per column, by its name and of shape (N, 1):
    numbers as floats with NaN for a missing value, categories as texts with "" for one.
    Columns of an array without names are "x0", "x1" and so on. A model of one array,
    such as images, has one input, "X". Several arrays have their own names, and a model
    of texts takes their "ids" and "mask", as ``model.encode(X)`` gives them.

    The output is "probabilities", of shape (N, n_classes) in the order of `classes_`,
    which the file names under "classes" in its metadata; "probabilities_0" and so on
    where there are several outputs. Of a regressor it is "prediction", in the units of
    the target.

    Parameters
    ----------
    model : MixupClassifier, MixupRegressor or ensemble of a search
        As for `to_torch`; members of an ensemble may also be of tables with categories.
    path : path-like
        An existing file is replaced.
    dtype : {"float32", "float64"}, default="float32"
        Of the inputs that are numbers and of the probabilities; predictions are
        float64. What float32 cannot tell apart, such as times in seconds since 1970,
        needs float64.

    Raises
    ------
    ImportError
        Without the packages onnx and onnxscript: ``pip install sk-mixup[onnx]``.
    TypeError, ValueError
        As for `to_torch`; if a column cannot be an input; if torch cannot export a
        module of your own, or writes a graph with other answers, which is found out
        where onnxruntime is installed.
    NotFittedError, OSError

    Notes
    -----
    Categories that are no texts are given as their usual spelling: ``str(value)``.
    Infinite numbers, which `predict` refuses, count as very large ones.

    Examples
    --------
    >>> import numpy as np, onnxruntime  # doctest: +SKIP
    >>> to_onnx(model, "model.onnx")  # doctest: +SKIP
    >>> session = onnxruntime.InferenceSession("model.onnx")  # doctest: +SKIP
    >>> row = {"age": np.float32([[30]]), "job": [["cook"]]}  # doctest: +SKIP
    >>> session.run(["probabilities"], row)  # doctest: +SKIP
    """
    if dtype not in _DTYPES:
        raise ValueError(f"dtype must be 'float32' or 'float64'; got {dtype!r}.")
    if is_ensemble(model):
        check_ensemble(model)
        onnx = _imported()
        graphs = [_graph_of(member, dtype) for member in model.estimators]
        graph = mean_graph(graphs, weight_matrices(model))
    else:
        check_exportable(model)
        onnx = _imported()
        graph = _graph_of(model, dtype)
    classes = getattr(model, "classes_", None)
    if classes is not None:
        lists = classes if isinstance(classes, list) else [classes]
        named = [[str(label) for label in one] for one in lists]
        text = json.dumps(named if isinstance(classes, list) else named[0])
        onnx.helper.set_model_props(graph, {"classes": text})
    onnx.checker.check_model(graph)
    target = Path(path)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.write_bytes(graph.SerializeToString())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _graph_of(model: Any, dtype: str) -> Any:
    """Return the graph of one model that was checked."""
    program = program_of(model)
    # Before the export, which takes seconds.
    columns = None
    if isinstance(program, TableProgram):
        columns = Columns.of(program, model)
    else:
        check_names(inputs_of(program), program.output_names, "array")
    rounded = _Rounded(program, _DTYPES[dtype])
    inner = _exported(rounded, program, _DTYPES[dtype])
    check_answers(inner, rounded, program, _DTYPES[dtype])
    return joined_graph(inner, program, columns, dtype)


class _Rounded(nn.Module):
    """A program whose probabilities have the dtype of its inputs."""

    def __init__(self, program: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.program = program
        self.dtype = dtype

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return a tuple of answers."""
        program = self.program
        if isinstance(program, TableProgram):
            named = dict(zip(inputs_of(program), inputs, strict=True))
            answer = program(**named)
        else:
            answer = program(*inputs)
        answers = answer if isinstance(answer, tuple) else (answer,)
        if program.output_names == ["prediction"]:
            return answers
        return tuple(one.to(self.dtype) for one in answers)


def _exported(module: nn.Module, program: Program, dtype: torch.dtype) -> Any:
    """Return the graph of a program, from numbers and codes on."""
    names = inputs_of(program)
    rows, tokens = torch.export.Dim("N"), torch.export.Dim("T", min=2)
    sizes = [{0: rows} for _ in names]
    if isinstance(program, ArraysProgram):
        for size, shape in zip(sizes, program.row_shapes, strict=True):
            size |= {j: tokens for j, n in enumerate(shape, 1) if n is None}
    try:
        with _quiet(), torch.no_grad():
            found = torch.onnx.export(
                module,
                example(program, _TRIED_ROWS, dtype),
                input_names=names,
                output_names=program.output_names,
                dynamic_shapes=(tuple(sizes),),
                opset_version=_OPSET,
                dynamo=True,
                verbose=False,
            )
    except Exception as error:
        kind = type(program.net).__name__
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise ValueError(
            f"model: torch cannot export the module {kind}: {reason}"
        ) from error
    assert found is not None
    return found.model_proto


def _imported() -> Any:
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch needs it
    except ImportError as error:
        raise ImportError(
            "to_onnx needs the packages onnx and onnxscript: pip install"
            f" sk-mixup[onnx]. ({error})"
        ) from error
    if not hasattr(torch.compiler, "is_exporting"):
        raise ImportError(
            f"to_onnx needs torch 2.7 or later; this is {torch.__version__}."
        )
    return onnx


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what torch says to its developers to itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
