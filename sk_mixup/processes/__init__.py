"""Several processes that train one net: found, spoken with, kept in step."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.processes._gradients import GradientAverage as GradientAverage
    from sk_mixup.processes._group import Processes as Processes
    from sk_mixup.processes._join import joined as joined, launched as launched
    from sk_mixup.processes._rows import GatheredRows as GatheredRows
    from sk_mixup.processes._shares import (
        even_bounds as even_bounds,
        share as share,
        share_of_batch as share_of_batch,
    )
    from sk_mixup.processes._state import (
        average_statistics as average_statistics,
        share_state as share_state,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._gradients": "GradientAverage",
            "._group": "Processes",
            "._join": "joined launched",
            "._rows": "GatheredRows",
            "._shares": "even_bounds share share_of_batch",
            "._state": "average_statistics share_state",
        },
    )
