"""Memory that a step frees stays with the process, for the next step.

glibc gives freed memory back to the system when there is much of it, and takes it anew,
page by page, in the next step: 6 to 14 % of the training of a table. How much is much
follows from the largest block that was freed so far, as long as nobody sets it by hand.
"""

from __future__ import annotations

import functools
import sys

import torch

# The largest one that glibc learns from is 32 MiB, with what it keeps beside a block.
_LARGEST = (32 << 20) - (64 << 10)


@functools.cache
def keep_memory() -> None:
    """Let the process keep up to 64 MiB that are free, from now on.

    The block that shows it is never written to: it costs no memory. Elsewhere than with
    glibc nothing happens.
    """
    if sys.platform == "linux":
        torch.empty(_LARGEST, dtype=torch.uint8, device="cpu")
