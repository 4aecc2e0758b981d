"""Forward passes of all members at once: layers by hand, or traced."""

from sk_mixup.training.packing.programs._call import (
    DROPOUTS,
    Call,
    dropouts_of,
)
from sk_mixup.training.packing.programs._graph import Step, read_graph
from sk_mixup.training.packing.programs._layers import LayerProgram
from sk_mixup.training.packing.programs._masks import DropMasks
from sk_mixup.training.packing.programs._tape import Tape
from sk_mixup.training.packing.programs._traced import TracedProgram

__all__ = [
    "DROPOUTS",
    "Call",
    "DropMasks",
    "LayerProgram",
    "Step",
    "Tape",
    "TracedProgram",
    "dropouts_of",
    "read_graph",
]
