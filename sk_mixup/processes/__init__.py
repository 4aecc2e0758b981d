"""Several processes that train one net: found, spoken with, kept in step."""

from sk_mixup.processes._gradients import GradientAverage
from sk_mixup.processes._group import Processes
from sk_mixup.processes._join import joined, launched
from sk_mixup.processes._rows import GatheredRows
from sk_mixup.processes._shares import even_bounds, share, share_of_batch
from sk_mixup.processes._state import average_statistics, share_state

__all__ = [
    "GatheredRows",
    "GradientAverage",
    "Processes",
    "average_statistics",
    "even_bounds",
    "joined",
    "launched",
    "share",
    "share_of_batch",
    "share_state",
]
