"""Packages that import what they show when somebody asks for it (PEP 562).

A package writes its imports twice: for checkers, which run nothing, and as the names by
module that are looked up when the program runs::

    if TYPE_CHECKING:
        from sk_mixup.nets._resnet import ResNet as ResNet
    else:
        __all__ = lazy_exports(__name__, {"._resnet": "ResNet"})

So an import loads what it names, and what that needs, and no other file of the package.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any


def lazy_exports(package: str, names: Mapping[str, str]) -> list[str]:
    """Let a package look names up in its modules, once each.

    Modules of the package that nobody has imported are found like names that it shows:
    ``sk_mixup.mixing`` needs no import of its own.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    names : mapping of str to str
        Names that it shows, divided by spaces, by the module that has them: relative
        as in ``"._resnet"``, or in full.

    Returns
    -------
    names : list of str
        For ``__all__``, in order.
    """
    module = sys.modules[package]
    homes = {name: home for home, shown in names.items() for name in shown.split()}
    shown = sorted(homes)

    def look_up(name: str) -> Any:
        if name in homes:
            value = getattr(importlib.import_module(homes[name], package), name)
        else:
            value = _module_of(module, name)
        # From here on it is found without asking.
        setattr(module, name, value)
        return value

    def list_names() -> list[str]:
        return sorted({*vars(module), *shown})

    vars(module).update(__getattr__=look_up, __dir__=list_names)
    return shown


def _module_of(package: Any, name: str) -> Any:
    """Import a module of a package; an AttributeError where there is none."""
    full = f"{package.__name__}.{name}"
    # Python and its tools ask for names like `__path__` of whatever they meet.
    if not name.startswith("__"):
        try:
            return importlib.import_module(full)
        except ModuleNotFoundError as error:
            if error.name != full:
                raise
    # Given both, Python's own report says which name was meant.
    raise AttributeError(
        f"module {package.__name__!r} has no attribute {name!r}",
        name=name,
        obj=package,
    )
