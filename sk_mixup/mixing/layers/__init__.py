"""Hidden layers by name, and the hooks that mix them."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.mixing.layers._hooks import (
        MixedPass as MixedPass,
        find_layer as find_layer,
        layer_names as layer_names,
        mix_layer as mix_layer,
        uncompiled as uncompiled,
        unwrapped as unwrapped,
    )
    from sk_mixup.mixing.layers._sites import (
        INPUT as INPUT,
        Call as Call,
        Sites as Sites,
        find_sites as find_sites,
        known_sites as known_sites,
        misplaced_batch as misplaced_batch,
        plain_call as plain_call,
        quiet as quiet,
        run_and_record as run_and_record,
        some_rows as some_rows,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._hooks": (
                "MixedPass find_layer layer_names mix_layer uncompiled unwrapped"
            ),
            "._sites": (
                "INPUT Call Sites find_sites known_sites misplaced_batch plain_call "
                "quiet run_and_record some_rows"
            ),
        },
    )
