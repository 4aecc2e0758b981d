"""Settings of a training beyond epochs, batches and learning rate, checked.

All of them are off by default, and a training without any runs the plain steps.
"""

from __future__ import annotations

import difflib
import inspect
import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from sk_mixup.training.recipes._schedule import SCHEDULES

PRECISIONS = {
    "float32": None,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True)
class Knobs:
    """What a user may turn, as the training uses it.

    Attributes
    ----------
    augment : tuple of callables
    schedule : str, callable or None
    warmup : float
    ema : float or None
    clip_norm : float or None
    accumulate : int
    precision : torch.dtype or None
        Of automatic mixed precision; None: float32 throughout.
    compile : dict or None
        Arguments of `torch.compile`; None: the module runs as it is.
    channels_last : bool
    """

    augment: tuple[Callable[[Any], Any], ...] = ()
    schedule: Any = "auto"
    warmup: float = 0.0
    ema: float | None = None
    clip_norm: float | None = None
    accumulate: int = 1
    precision: torch.dtype | None = None
    compile: dict[str, Any] | None = None
    channels_last: bool = False

    def check_net(self, net: Any) -> None:
        """Check what depends on the device and the optimizer of an initialized net.

        Raises
        ------
        ValueError
        """
        device = net.place_
        if self.precision == torch.float16 and device.type != "cuda":
            raise ValueError(
                f"precision='float16' needs a CUDA device, and the training runs on"
                f" {str(device)!r}. Use precision='bfloat16'."
            )
        if (
            self.precision == torch.bfloat16
            and device.type == "cuda"
            and not torch.cuda.is_bf16_supported()
        ):
            raise ValueError(
                "precision='bfloat16': this CUDA device does not support it. Use"
                " precision='float16'."
            )
        asks_again = asks_several_times(net)
        for name, used in (
            ("clip_norm", self.clip_norm is not None),
            ("accumulate", self.accumulate > 1),
            ("precision='float16'", self.precision == torch.float16),
        ):
            if used and asks_again:
                raise ValueError(
                    f"{name} cannot be used with an optimizer that asks for several"
                    " gradients per step, such as LBFGS or SAM. Choose another one."
                )


def check_knobs(
    *,
    augment: Any = None,
    schedule: Any = "auto",
    warmup: Any = 0,
    ema: Any = None,
    clip_norm: Any = None,
    accumulate: Any = 1,
    precision: Any = "float32",
    compile: Any = False,
    compile_options: Mapping[str, Any] | None = None,
    channels_last: Any = False,
) -> Knobs:
    """Check the parameters of an estimator.

    Parameters
    ----------
    augment, schedule, warmup, ema, clip_norm, accumulate, precision, compile, \
channels_last : object
        As the user gave them.
    compile_options : mapping or None
        Those given as ``compile__x``.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter and the value received.
    """
    _check_number("warmup", warmup, 0.0, math.inf)
    if ema is not None:
        _check_number("ema", ema, 0.0, 1.0)
    if clip_norm is not None:
        _check_number("clip_norm", clip_norm, 0.0, math.inf)
        if clip_norm == 0:
            raise ValueError("clip_norm must be a positive number or None; got 0.")
    if not isinstance(accumulate, numbers.Integral) or isinstance(accumulate, bool):
        raise TypeError(f"accumulate must be an int of at least 1; got {accumulate!r}.")
    if accumulate < 1:
        raise ValueError(f"accumulate must be an int of at least 1; got {accumulate}.")
    if not isinstance(channels_last, bool):
        raise TypeError(f"channels_last must be True or False; got {channels_last!r}.")
    _check_schedule(schedule)
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise ValueError(
            f"precision must be one of {['auto', *PRECISIONS]}; got {precision!r}."
        )
    return Knobs(
        augment=_augment_steps(augment),
        schedule=schedule,
        warmup=float(warmup),
        ema=None if ema is None else float(ema),
        clip_norm=None if clip_norm is None else float(clip_norm),
        accumulate=int(accumulate),
        precision=PRECISIONS[precision],
        compile=_compile_options(compile, compile_options or {}),
        channels_last=channels_last,
    )


def asks_several_times(net: Any) -> bool:
    """Whether an optimizer of the net calls its closure more than once."""
    return any(_needs_closure(getattr(net, f"{name}_")) for name in net._optimizers)


def _needs_closure(optimizer: Any) -> bool:
    # Sharpness-aware ones step up, ask again, and step down.
    has_two_steps = hasattr(optimizer, "first_step") and hasattr(
        optimizer, "second_step"
    )
    if isinstance(optimizer, torch.optim.LBFGS) or has_two_steps:
        return True
    try:
        closure = inspect.signature(optimizer.step).parameters.get("closure")
    except (TypeError, ValueError):
        return False
    return closure is not None and closure.default is closure.empty


def _check_number(name: str, value: Any, low: float, high: float) -> None:
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(
            f"{name} must be a number; got {value!r} of type {type(value).__name__}."
        )
    if not low <= float(value) < high:
        upper = "finite" if high == math.inf else f"below {high:g}"
        raise ValueError(f"{name} must be at least {low:g} and {upper}; got {value!r}.")


def _check_schedule(schedule: Any) -> None:
    if schedule is None or callable(schedule):
        return
    known = ["auto", *SCHEDULES]
    if isinstance(schedule, str) and schedule in known:
        return
    near = difflib.get_close_matches(str(schedule), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"schedule must be None, one of {known}, or a function of the progress; got"
        f" {schedule!r}.{hint} Schedulers of torch work as a callback:"
        " skorch.callbacks.LRScheduler(policy=...)."
    )


def _augment_steps(augment: Any) -> tuple[Callable[[Any], Any], ...]:
    if augment is None:
        return ()
    steps = tuple(augment) if isinstance(augment, (list, tuple)) else (augment,)
    for step in steps:
        if isinstance(step, type) or not callable(step):
            kind = "a class; give an instance" if isinstance(step, type) else "not one"
            raise TypeError(
                "augment must be a function from a batch to a batch, or a list of"
                f" them; {step!r} is {kind}."
            )
    return steps


def _compile_options(value: Any, prefixed: Mapping[str, Any]) -> dict[str, Any] | None:
    if not isinstance(value, (bool, Mapping)):
        raise TypeError(
            "compile must be True, False or a dict of arguments of torch.compile; got"
            f" {value!r}."
        )
    if value is False:
        if prefixed:
            name = next(iter(prefixed))
            raise ValueError(f"compile__{name} was given without compile=True.")
        return None
    options = dict(prefixed) if value is True else {**value, **prefixed}
    known = [*inspect.signature(torch.compile).parameters][1:]
    for name in options:
        if name not in known:
            raise ValueError(
                f"compile: torch.compile takes no argument {name!r}; it takes {known}."
            )
    return options
