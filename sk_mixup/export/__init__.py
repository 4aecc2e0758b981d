"""Fitted models for other runtimes: as one torch module, and as an ONNX graph.

Both hold all of a prediction: encoding, net, members, temperature.
"""

from sk_mixup.export._arrays import ArraysProgram
from sk_mixup.export._ensemble import EnsembleProgram
from sk_mixup.export._onnx import to_onnx
from sk_mixup.export._programs import ArrayProgram, TableProgram
from sk_mixup.export._torch import to_torch

__all__ = [
    "ArrayProgram",
    "ArraysProgram",
    "EnsembleProgram",
    "TableProgram",
    "to_onnx",
    "to_torch",
]
