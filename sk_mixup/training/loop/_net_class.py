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
    plain = {
        "_infers_plainly": _is_skorchs(base, "infer"),
        "_iterates_plainly": _is_skorchs(base, "get_iterator"),
    }
    return type(f"Mixing{base.__name__}", (MixingMixin, base), plain)


def _is_skorchs(base: Any, name: str) -> bool:
    """Whether a method is that of skorch, and no subclass has another."""
    owner = next(cls for cls in base.__mro__ if name in vars(cls))
    return owner.__module__.startswith("skorch.")
