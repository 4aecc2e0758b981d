"""Short names of methods, and how `mix=` is read."""

from __future__ import annotations

import copy
import difflib
from typing import Any

from sk_mixup.mixing._cutmix import CutMix
from sk_mixup.mixing._manifold import ManifoldMixup
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._mixup import Mixup
from sk_mixup.mixing._oneof import OneOf

_METHODS: dict[str, type[Method]] = {
    method.short_name: method for method in (Mixup, ManifoldMixup, CutMix)
}


def list_methods() -> dict[str, type[Method]]:
    """Return the methods by their short names.

    Examples
    --------
    >>> from sk_mixup.mixing import list_methods
    >>> sorted(list_methods())
    ['cutmix', 'manifold', 'mixup']
    """
    return dict(_METHODS)


def method_class(name: str) -> type[Method]:
    """Return the class of a short name.

    Raises
    ------
    ValueError
        For an unknown name, with the nearest names.
    """
    if name in _METHODS:
        return _METHODS[name]
    near = difflib.get_close_matches(name, _METHODS, n=2, cutoff=0.5)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise ValueError(
        f"mix={name!r} is no mixing method; known are {sorted(_METHODS)}.{hint}"
    )


def resolve_method(
    mix: Any, *, alpha: Any = None, overrides: dict[str, Any] | None = None
) -> Method | None:
    """Build the method that `mix`, `alpha` and ``mix__*`` describe.

    Parameters
    ----------
    mix : str, Method, list or None
        A list means `OneOf`. Objects are copied, never changed.
    alpha : float or None
        Of a method given by name; a ValueError beside an object.
    overrides : dict or None
        Parameters without their ``mix__`` prefix.

    Returns
    -------
    method : Method or None
        Validated; None for no mixing.
    """
    overrides = dict(overrides or {})
    if mix is None:
        if overrides:
            raise ValueError(
                f"mix=None does not mix, so mix__{next(iter(overrides))} has no"
                " meaning; remove it or name a method."
            )
        return None
    if isinstance(mix, str):
        method = method_class(mix)()
        if alpha is not None:
            overrides.setdefault("alpha", alpha)
    elif isinstance(mix, (list, tuple)):
        if alpha is not None and not any(isinstance(m, str) for m in mix):
            raise ValueError(
                f"alpha={alpha!r} belongs to methods given by name; those in {mix!r}"
                " have their own. Say mix__0__alpha instead."
            )
        method = OneOf([_element(element, alpha) for element in mix])
    elif not isinstance(mix, type) and hasattr(mix, "draw") and hasattr(mix, "blends"):
        if alpha is not None:
            raise ValueError(
                f"alpha={alpha!r} belongs to a mix given by name; {mix!r} has its own."
                " Say mix__alpha instead."
            )
        method = copy.deepcopy(mix)
    else:
        raise TypeError(
            "mix must be a short name, a method object, a list of these or None; got"
            f" {mix!r} of type {type(mix).__name__}."
        )
    for key, value in overrides.items():
        try:
            method.set_params(**{key: value})
        except (ValueError, AttributeError) as error:
            raise ValueError(f"mix__{key}: {error}") from error
    method.validate()
    return method


def _element(element: Any, alpha: Any) -> Any:
    if isinstance(element, str):
        method = method_class(element)()
        if alpha is not None:
            method.set_params(alpha=alpha)
        return method
    return copy.deepcopy(element)
