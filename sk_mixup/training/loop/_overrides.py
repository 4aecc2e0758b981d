"""What a wrapped skorch net replaces: what holds, and what would never be called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

# Who may define a step without replacing it; Gaussian processes of skorch may not.
_LIBRARIES = (
    "skorch.net",
    "skorch.classifier",
    "skorch.regressor",
    "skorch.hf",
    "sklearn.",
)
_INTO_MODULE = "Move what it does into the module, the criterion or a callback."
_INTO_INFER = (
    "Move what it does to the input or the output into `infer` or the module, which"
    " training, validation and prediction share; what becomes of outputs is"
    " `predict_nonlinearity`."
)
_INTO_DATA = "Give the data as they are meant to be, or a torch data set, as X."
_INTO_LOADER = (
    "Say how batches are made by iterator_train__sampler, iterator_train__collate_fn"
    " and the like."
)
#: Methods of skorch that a wrapped net must not replace: why, and what to do.
REPLACED: dict[str, tuple[str, str]] = {
    name: (why, remedy)
    for why, remedy, names in (
        (
            "in which mixing takes place",
            _INTO_MODULE,
            "train_step train_step_single run_single_epoch get_loss validation_step"
            " notify _step_optimizer _zero_grad_optimizer get_train_step_accumulator",
        ),
        (
            "which is not asked for predictions",
            _INTO_INFER,
            "forward_iter forward evaluation_step predict_proba predict score"
            " _get_predict_nonlinearity",
        ),
        (
            "which is not called: rows come encoded, split and checked",
            _INTO_DATA,
            "fit partial_fit check_data get_dataset get_split_datasets",
        ),
        ("which is not called: batches come whole", _INTO_LOADER, "get_iterator"),
    )
    for name in names.split()
}


def check_overrides(base: type) -> None:
    """Check that a skorch net replaces nothing that would not be called.

    Raises
    ------
    TypeError
        Names the method.
    """
    for name in REPLACED:
        owner = next((cls for cls in base.__mro__ if name in vars(cls)), None)
        if owner is not None and not owner.__module__.startswith(_LIBRARIES):
            _refuse(base, name)


def check_instance(net: Any) -> None:
    """Check that no method has been put into a net itself, whose copy lacks it.

    Raises
    ------
    TypeError
        Names the method.
    """
    for name in (*REPLACED, "infer"):
        if name in vars(net):
            raise TypeError(
                f"module: {name} was set on an instance of {type(net).__name__}, which"
                " is built anew by every fit. Define it in a subclass."
            )


def _refuse(base: type, name: str) -> None:
    why, remedy = REPLACED[name]
    raise TypeError(f"module: {base.__name__} replaces {name}, {why}. {remedy}")


class OwnInfer:
    """A module as its net calls it: what `predict_outputs` runs in its place.

    Parameters
    ----------
    net : skorch net
        Has its own `infer`.
    call : callable
        The module in evaluation mode, compiled if it was in `fit`.
    """

    def __init__(self, net: Any, call: Callable[..., Any]) -> None:
        self.net = net
        self.call = call

    @property
    def training(self) -> bool:
        """Mode of the module."""
        return bool(self.net.module_.training)

    def eval(self) -> None:
        """Put the module in evaluation mode."""
        self.net.module_.eval()

    def infer(self, x: Any) -> Any:
        """Return what the net makes of a batch."""
        net = self.net
        state = vars(net)
        module, state["module_"] = state["module_"], self.call
        try:
            with torch.no_grad():
                return net.infer(x)
        finally:
            state["module_"] = module
