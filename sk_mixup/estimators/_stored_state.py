"""The state of a fitted estimator for skops, which stores objects without pickling.

skops asks for `__getstate__` as pickle does, and cannot store what stands there:
weights of torch, and a class of the net that is made at run time. What `save` writes it
can store, as bytes, and so an estimator is one known class and a file to it.
"""

from __future__ import annotations

import sys
from typing import Any

from sk_mixup.training import module_kind

_FILE, _MODULE = "sk_mixup_file", "module"


def asked_by_skops() -> bool:
    """Whether the caller of the caller is skops; nothing else tells it from pickle."""
    return str(sys._getframe(2).f_globals.get("__name__")).startswith("skops.")


def state_without_code(estimator: Any) -> dict[str, Any]:
    """Return a state of bytes, and the class of a module of the user's own.

    Raises
    ------
    TypeError
        For a module that is neither of the library nor a class.
    """
    from sk_mixup.saving import to_bytes

    module = estimator.module
    state: dict[str, Any] = {_FILE: to_bytes(estimator)}
    if isinstance(module, (type, str)):
        state[_MODULE] = module
    elif module_kind(module) != "bundled":
        raise TypeError(
            f"module={type(module).__name__}(...) is an object of your own, which skops"
            " cannot store. Give its class, with module__x for its arguments, or use"
            " pickle."
        )
    return state


def restore(estimator: Any, state: dict[str, Any]) -> bool:
    """Become what `state_without_code` returned; False: it is another state."""
    if not isinstance(state.get(_FILE), bytes):
        return False
    from sk_mixup.saving import from_bytes

    loaded = from_bytes(state[_FILE], state.get(_MODULE))
    if type(loaded) is not type(estimator):
        raise ValueError(
            f"The file of a {type(estimator).__name__} holds a {type(loaded).__name__}."
        )
    vars(estimator).update(vars(loaded))
    return True
