"""Whether a graph of ONNX answers as the program that it was made of.

Not every operation of torch is translated rightly, and nobody is told. So rows are made
up, and run by both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sk_mixup.export._arrays import ArraysProgram
from sk_mixup.export._ensemble import Program
from sk_mixup.export._programs import ArrayProgram

_ROWS = 16
_TOLERANCE = 1e-3
# Tokens of a made-up text.
_TOKENS = 12


def inputs_of(program: Program) -> list[str]:
    """Return the names of the tensors that a program takes."""
    if isinstance(program, ArrayProgram):
        return ["X"]
    if isinstance(program, ArraysProgram):
        return program.names
    given = {"numbers": program.number_names, "codes": program.category_names}
    return [name for name, columns in given.items() if columns]


def example(program: Program, n_rows: int, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Return made-up rows: numbers where those of training lie, some missing.

    Parameters
    ----------
    program : program
    n_rows : int
    dtype : torch.dtype
        Of numbers.
    """
    generator = torch.Generator().manual_seed(0)
    if isinstance(program, ArrayProgram):
        shape = (n_rows, *program.row_shape)
        if not program.dtype.is_floating_point:
            # Of ids nobody knows how many there are.
            return (torch.zeros(shape, dtype=program.dtype),)
        return (torch.randn(shape, generator=generator).to(dtype),)
    parts = []
    if isinstance(program, ArraysProgram):
        given = zip(program.row_shapes, program.dtypes, program.n_values, strict=True)
        for row_shape, wanted, n_values in given:
            shape = (n_rows, *(_TOKENS if n is None else n for n in row_shape))
            if wanted.is_floating_point:
                parts.append(torch.randn(shape, generator=generator).to(dtype))
            elif wanted == torch.bool:
                parts.append(torch.ones(shape, dtype=wanted))
            else:
                ids = torch.rand(shape, generator=generator) * (n_values or 1)
                parts.append(ids.to(wanted))
        return tuple(parts)
    if program.number_names:
        encoding = program.encoding
        shape = (n_rows, len(program.number_names))
        numbers = torch.randn(shape, generator=generator, dtype=torch.float64)
        numbers = numbers * encoding.scale.t() + encoding.center.t()
        numbers[torch.rand(shape, generator=generator) < 0.1] = torch.nan
        if encoding.known is not None:
            own = encoding.known
            numbers[::2, own.columns] = own.values[:, 0]
        parts.append(numbers.to(dtype))
    if program.category_names:
        shape = (n_rows, len(program.category_names))
        share = torch.rand(shape, generator=generator)
        parts.append((share * program.n_levels).long())
    return tuple(parts)


def check_answers(
    inner: Any,
    module: nn.Module,
    program: Program,
    dtype: torch.dtype,
) -> None:
    """Run a graph and its module on the same rows; without onnxruntime do nothing.

    Parameters
    ----------
    inner : onnx.ModelProto
    module : torch.nn.Module
        What `inner` was made of: `program`, with answers of the dtype of the graph.
    program : program
    dtype : torch.dtype

    Raises
    ------
    ValueError
    """
    try:
        import onnxruntime
    except ImportError:
        return
    kind = type(program.net).__name__
    try:
        session = onnxruntime.InferenceSession(inner.SerializeToString())
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"model: onnxruntime cannot run what torch exports of {kind}: {reason}"
        ) from error
    for n_rows in (_ROWS, 1):
        rows = example(program, n_rows, dtype)
        with torch.no_grad():
            expected = module(*rows)
        given = dict(zip(inputs_of(program), [r.numpy() for r in rows], strict=True))
        for one, other in zip(session.run(None, given), expected, strict=True):
            difference = _difference(one, other.numpy(), program)
            if difference > _TOLERANCE:
                raise ValueError(
                    f"model: what torch exports of {kind} answers otherwise than the"
                    f" module, by {difference:.2g}. An operation of it is translated"
                    " wrongly; write it in other operations."
                )


def _difference(found: np.ndarray, expected: np.ndarray, program: Program) -> float:
    """Return the largest difference, of predictions in units of the target's scale."""
    unit = 1.0
    if not program.answers.is_classifier:
        unit = float(program.answers.scale.max())
    known = np.isfinite(expected)
    if found.shape != expected.shape or not known.any():
        return 0.0 if found.shape == expected.shape else np.inf
    apart = np.abs(found[known] - expected[known])
    # Far from the training rows numbers are large, and rounded as such.
    return float((apart / np.maximum(unit, np.abs(expected[known]))).max())
