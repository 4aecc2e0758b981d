"""The class of a net that mixes, made at run time for whatever net is wrapped."""

from __future__ import annotations

import functools
from typing import Any

from sk_mixup.training.loop._net import MixingMixin
from sk_mixup.training.loop._overrides import check_overrides


@functools.cache
def mixing_net_class(base: Any) -> Any:
    """Return `base` with mixing added.

    Parameters
    ----------
    base : type
        A skorch net class.

    Raises
    ------
    TypeError
        If the class replaces what would not be called.
    """
    check_overrides(base)
    owner = next(cls for cls in base.__mro__ if "infer" in vars(cls))
    plain = {"_infers_plainly": owner.__module__.startswith("skorch.")}
    return type(f"Mixing{base.__name__}", (MixingMixin, base), plain)
