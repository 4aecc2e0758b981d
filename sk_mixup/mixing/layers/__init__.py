"""Hidden layers by name, and the hooks that mix them."""

from sk_mixup.mixing.layers._hooks import (
    find_layer,
    layer_names,
    mix_layer,
    uncompiled,
    unwrapped,
)
from sk_mixup.mixing.layers._sites import (
    INPUT,
    Call,
    Sites,
    find_sites,
    known_sites,
    misplaced_batch,
    plain_call,
    quiet,
    run_and_record,
    some_rows,
)

__all__ = [
    "INPUT",
    "Call",
    "Sites",
    "find_layer",
    "find_sites",
    "known_sites",
    "layer_names",
    "misplaced_batch",
    "mix_layer",
    "plain_call",
    "quiet",
    "run_and_record",
    "some_rows",
    "uncompiled",
    "unwrapped",
]
