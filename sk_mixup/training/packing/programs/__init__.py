"""Forward passes of all members at once: layers by hand, or traced."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.training.packing.programs._call import (
        DROPOUTS as DROPOUTS,
        Call as Call,
        dropouts_of as dropouts_of,
    )
    from sk_mixup.training.packing.programs._graph import (
        Step as Step,
        read_graph as read_graph,
    )
    from sk_mixup.training.packing.programs._layers import LayerProgram as LayerProgram
    from sk_mixup.training.packing.programs._masks import DropMasks as DropMasks
    from sk_mixup.training.packing.programs._tape import Tape as Tape
    from sk_mixup.training.packing.programs._traced import (
        TracedProgram as TracedProgram,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._call": "DROPOUTS Call dropouts_of",
            "._graph": "Step read_graph",
            "._layers": "LayerProgram",
            "._masks": "DropMasks",
            "._tape": "Tape",
            "._traced": "TracedProgram",
        },
    )
