"""What all threads share: global random states and filters of warnings, in turns."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.turns._states import (
        GlobalStates as GlobalStates,
        global_states as global_states,
        kept_globals as kept_globals,
        put_global_states as put_global_states,
        seeded_globals as seeded_globals,
    )
    from sk_mixup.turns._turns import (
        TURNS as TURNS,
        Turns as Turns,
        warnings_ignored as warnings_ignored,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._states": (
                "GlobalStates global_states kept_globals put_global_states "
                "seeded_globals"
            ),
            "._turns": "TURNS Turns warnings_ignored",
        },
    )
