"""Fitted models for other runtimes: as one torch module, and as an ONNX graph.

Both hold all of a prediction: encoding, net, members, temperature.
"""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.export._arrays import ArraysProgram as ArraysProgram
    from sk_mixup.export._ensemble import EnsembleProgram as EnsembleProgram
    from sk_mixup.export._onnx import to_onnx as to_onnx
    from sk_mixup.export._programs import (
        ArrayProgram as ArrayProgram,
        TableProgram as TableProgram,
    )
    from sk_mixup.export._torch import to_torch as to_torch
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._arrays": "ArraysProgram",
            "._ensemble": "EnsembleProgram",
            "._onnx": "to_onnx",
            "._programs": "ArrayProgram TableProgram",
            "._torch": "to_torch",
        },
    )
