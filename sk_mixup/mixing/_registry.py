"""The table of methods, their short names, and how `mix=` is read."""

from __future__ import annotations

import copy
import difflib
import inspect
from typing import Any, NamedTuple

from sk_mixup.mixing import methods
from sk_mixup.mixing._method import Method
from sk_mixup.mixing.methods import METHODS


class MethodInfo(NamedTuple):
    """What there is to know of a method before using it.

    Attributes
    ----------
    short_name : str
        For ``mix="..."``.
    method : type
        The class.
    group : str
        Kind of mixing.
    paper : str
        Source.
    defaults : dict
        Default of every parameter.
    cost : str
        What a step costs beyond one without mixing, in words.
    """

    short_name: str
    method: type[Method]
    group: str
    paper: str
    defaults: dict[str, Any]
    cost: str


class MethodTable(dict[str, MethodInfo]):
    """Methods by short name; prints as a table."""

    def __repr__(self) -> str:
        """Show one line per method."""
        rows = [("short name", "class", "group", "extra cost", "defaults", "paper")]
        for info in self.values():
            shown = [
                f"{name}={value!r}"
                for name, value in info.defaults.items()
                if name not in _COMMON
            ]
            rows.append(
                (
                    info.short_name,
                    info.method.__name__,
                    info.group,
                    info.cost,
                    ", ".join(shown),
                    info.paper,
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) for cell, width in zip(row, widths, strict=True)
            ).rstrip()
            for row in rows
        ]
        return "\n".join(lines)


# Switches that most methods share; `MethodInfo.defaults` has them all.
_COMMON = (
    "fold",
    "law",
    "off_first",
    "off_last",
    "p",
    "pairing",
    "partners",
    "per",
    "single_target",
)
# Underscores and the long form of a class's name are matters of taste.
_SPELLINGS = {
    spelling: name
    for short_name, name in METHODS.items()
    for spelling in (short_name.replace("_", ""), name.lower())
}


def list_methods() -> MethodTable:
    """Return all methods: class, short name, group, paper, defaults and extra cost.

    Returns
    -------
    methods : dict of str to MethodInfo
        By short name; it prints as a table.

    Examples
    --------
    >>> from sk_mixup.mixing import list_methods
    >>> info = list_methods()["cutmix"]
    >>> info.method.__name__, info.paper, info.defaults["alpha"]
    ('CutMix', 'Yun et al., ICCV 2019', 1.0)
    >>> info.cost
    'none'
    """
    return MethodTable({name: _info(name) for name in METHODS})


def method_class(name: str) -> type[Method]:
    """Return the class of a short name.

    Raises
    ------
    ValueError
        For an unknown name, with the nearest names.
    """
    spelling = name.lower().replace("_", "")
    if spelling in _SPELLINGS:
        return _class(_SPELLINGS[spelling])
    near = difflib.get_close_matches(name, METHODS, n=2, cutoff=0.5)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise ValueError(
        f"mix={name!r} is no mixing method; known are {sorted(METHODS)}.{hint}"
    )


def _class(name: str) -> type[Method]:
    method: type[Method] = getattr(methods, name)
    return method


def _info(short_name: str) -> MethodInfo:
    method = _class(METHODS[short_name])
    parameters = inspect.signature(method).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    return MethodInfo(
        short_name, method, method.group, method.paper, defaults, method.cost
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
        method = methods.OneOf([_element(element, alpha) for element in mix])
    elif isinstance(mix, Method):
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
