"""Members that train in mixed precision, as `Forward` runs a lone one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sk_mixup.training.loop import as_float32
from sk_mixup.training.packing.programs import Call

Weights = dict[str, Tensor]


class AutocastProgram:
    """Another program under ``torch.autocast``.

    Gradients come from autograd: the products of a backward pass are those that the
    forward pass chose.

    Parameters
    ----------
    program : LayerProgram or TracedProgram
    device_type : str
    precision : torch.dtype
    """

    def __init__(self, program: Any, device_type: str, precision: torch.dtype) -> None:
        self._program = program
        self._device_type = device_type
        self._precision = precision

    @property
    def transposed(self) -> frozenset[str]:
        """Names of the weights that are stacked transposed."""
        names: frozenset[str] = self._program.transposed
        return names

    def __call__(self, params: Weights, buffers: Weights, x: Any, call: Call) -> Tensor:
        """Return the outputs in float32, of shape (members, rows, ...)."""
        with torch.autocast(self._device_type, self._precision):
            output = self._program(params, buffers, x, call)
        result: Tensor = as_float32(output)
        return result
