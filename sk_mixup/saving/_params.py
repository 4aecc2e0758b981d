"""The parameters of an estimator: what a file can hold of them, and what not."""

from __future__ import annotations

from typing import Any

from torch import nn

from sk_mixup.saving._fields import Fields
from sk_mixup.saving._values import ValueWriter
from sk_mixup.training import module_kind

# Code, always: what they hold is of no use without it.
_CODE = ("callbacks", "augment")


def params_state(
    estimator: Any, writer: ValueWriter
) -> tuple[dict[str, Any], list[str]]:
    """Return the parameters as JSON, and the names of those that are left out.

    Parameters
    ----------
    estimator : estimator
        A list of parameters that are objects of known classes goes as a whole, or not.
    writer : ValueWriter
    """
    kept: dict[str, Any] = {}
    left_out = []
    for name, value in estimator.get_params(deep=False).items():
        if name == "checkpoint":
            continue  # A folder of this machine.
        if name == "module":
            kept[name] = module_state(value, writer)
            continue
        if _is_code(name, value):
            left_out.append(name)
            continue
        written, state = writer.attempt(value, name)
        if written:
            kept[name] = state
        else:
            left_out.append(name)
    return kept, left_out


def _is_code(name: str, value: Any) -> bool:
    prefix = name.partition("__")[0]
    if prefix not in _CODE or value is None:
        return False
    return not (isinstance(value, (list, tuple)) and not value)


def module_state(module: Any, writer: ValueWriter) -> Any:
    """Return what stands for a module: its name, or that somebody must bring it."""
    kind = module_kind(module)
    if module is None or (kind == "bundled" and "/" not in module):
        return module
    if kind == "bundled":
        return {"is": "given", "name": module}
    if isinstance(module, type):
        written, state = writer.attempt(module, "module")
        if written:
            return state
    return {"is": "given", "name": _name(module)}


def params_of(kind: type, given: Fields, module: Any) -> dict[str, Any]:
    """Return the parameters of what `params_state` returned.

    Parameters
    ----------
    kind : type
        Of the estimator.
    given : Fields
    module : object
        What somebody has brought; None: nothing.

    Raises
    ------
    ValueError
        If a module must be brought, or was brought for none.
    """
    stored = given.raw("module")
    rest = {name: given.value(name) for name in given.given if name != "module"}
    if isinstance(stored, dict) and stored.get("is") == "given":
        if module is None:
            name = str(stored.get("name"))[:200]
            raise ValueError(
                f"This is no model that its file can build alone: its module, {name},"
                " is code of your own or of another library, and no file of ours holds"
                " code. Bring it: sk_mixup.load(path, module=...), with the class,"
                " instance or name that the model was made with."
            )
        return rest | {"module": module}
    known = given.value("module")
    if module is not None and module is not known and module != known:
        raise ValueError(
            f"This is no model for module={module!r}: its file knows its net,"
            f" module={known!r}. Leave module out."
        )
    return rest | {"module": known}


def _name(module: Any) -> str:
    if isinstance(module, nn.Module) or not hasattr(module, "__qualname__"):
        module = type(module)
    return f"{module.__module__}.{module.__qualname__}"
