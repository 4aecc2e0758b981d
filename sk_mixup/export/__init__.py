"""Fitted models for other runtimes, as one torch module.

It holds all of a prediction: encoding, net, members, temperature.
"""

from sk_mixup.export._programs import ArrayProgram, TableProgram
from sk_mixup.export._torch import to_torch

__all__ = ["ArrayProgram", "TableProgram", "to_torch"]
