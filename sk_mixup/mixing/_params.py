"""Parameters as scikit-learn has them, by duck typing: this room needs torch alone.

Arguments are stored as given and checked when used, so that methods, laws and schedules
can be cloned, nested and swept.
"""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Iterator
from typing import Any, TypeVar

Self = TypeVar("Self", bound="Parameterized")


class Parameterized:
    """Base of everything whose constructor arguments are its parameters."""

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return sorted(name for name in inspect.signature(cls).parameters)

    def walk(self) -> Iterator[Parameterized]:
        """Yield the object, and all that its parameters hold, in lists and dicts too.

        Yields
        ------
        part : Parameterized
        """
        yield self
        for value in self.get_params(deep=False).values():
            if isinstance(value, dict):
                value = list(value.values())
            for part in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(part, Parameterized):
                    yield from part.walk()

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name.

        Parameters
        ----------
        deep : bool, default=True
            Also those of nested objects, as ``name__parameter``.

        Returns
        -------
        params : dict
        """
        params: dict[str, Any] = {}
        for name in self._parameter_names():
            value = getattr(self, name)
            params[name] = value
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                for key, nested in value.get_params().items():
                    params[f"{name}__{key}"] = nested
        return params

    def set_params(self: Self, **params: Any) -> Self:
        """Set parameters by name.

        Parameters
        ----------
        **params : object
            Names as `get_params` lists them.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For an unknown name.
        """
        for key, value in params.items():
            name, _, rest = key.partition("__")
            if name not in self._parameter_names():
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}; it has"
                    f" {self._parameter_names()}."
                )
            if rest:
                getattr(self, name).set_params(**{rest: value})
            else:
                setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        """Show the parameters that differ from their defaults, and alpha."""
        signature = inspect.signature(type(self)).parameters
        shown = [
            f"{name}={getattr(self, name)!r}"
            for name, parameter in signature.items()
            if name == "alpha" or not _is_equal(getattr(self, name), parameter.default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def _is_equal(value: Any, default: Any) -> bool:
    try:
        return bool(value == default)
    except (RuntimeError, ValueError):  # arrays compare entry by entry
        return False


def check_number(name: str, value: Any, *, low: float, high: float = math.inf) -> None:
    """Check that a parameter is a finite number in [low, high].

    Raises
    ------
    TypeError
        If it is no number.
    ValueError
        If it is NaN, infinite or out of range.
    """
    wanted = f"a number of at least {low:g}"
    if high < math.inf:
        wanted = f"a number between {low:g} and {high:g}"
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(
            f"{name} must be {wanted}; got {value!r} of type {type(value).__name__}."
        )
    if not math.isfinite(value) or not low <= float(value) <= high:
        raise ValueError(f"{name} must be {wanted}; got {value!r}.")


def check_integer(name: str, value: Any, *, low: int) -> None:
    """Check that a parameter is an integer of at least `low`.

    Raises
    ------
    TypeError
        If it is no integer.
    ValueError
        If it is too small.
    """
    wanted = f"an integer of at least {low}"
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise TypeError(
            f"{name} must be {wanted}; got {value!r} of type {type(value).__name__}."
        )
    if value < low:
        raise ValueError(f"{name} must be {wanted}; got {value!r}.")


def check_range(name: str, value: Any, *, low: float, high: float) -> None:
    """Check that a parameter is a pair of numbers, low <= first <= second <= high.

    Raises
    ------
    TypeError
        If it is no pair of numbers.
    ValueError
        If the numbers are out of range or order.
    """
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{name} must be a pair of numbers (low, high); got {value!r}.")
    for part in value:
        check_number(name, part, low=low, high=high)
    if value[0] > value[1]:
        raise ValueError(f"{name} must be in order, (low, high); got {value!r}.")


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Check that a parameter is one of some names."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {list(choices)}; got {value!r}.")
