"""Forward passes of all members at once: layers by hand, or traced."""

from sk_mixup.training.packing.programs._call import (
    DROPOUTS,
    Call,
    dropout_rates,
    dropouts_of,
)
from sk_mixup.training.packing.programs._graph import Step, read_graph
from sk_mixup.training.packing.programs._layers import LayerProgram
from sk_mixup.training.packing.programs._tape import Tape
from sk_mixup.training.packing.programs._traced import TracedProgram

__all__ = [
    "DROPOUTS",
    "Call",
    "LayerProgram",
    "Step",
    "Tape",
    "TracedProgram",
    "dropout_rates",
    "dropouts_of",
    "read_graph",
]
