"""What all threads share: global random states and filters of warnings, in turns."""

from sk_mixup.turns._states import (
    GlobalStates,
    global_states,
    kept_globals,
    put_global_states,
    seeded_globals,
)
from sk_mixup.turns._turns import TURNS, Turns, warnings_ignored

__all__ = [
    "TURNS",
    "GlobalStates",
    "Turns",
    "global_states",
    "kept_globals",
    "put_global_states",
    "seeded_globals",
    "warnings_ignored",
]
