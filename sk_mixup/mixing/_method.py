"""The base of all methods: parameters, the gate, and the shorthand call.

A new method is one small class: its parameters in ``__init__``, its checks in
``_validate`` and its draw in ``_draw``. Parameters are stored as given and checked when
used, as scikit-learn does, so that methods can be cloned and swept.
"""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._pairing import Pairing, resolve_pairing
from sk_mixup.mixing._plan import MixPlan
from sk_mixup.mixing._streams import MixStreams, uniform
from sk_mixup.mixing._targets import MixedTargets


@dataclass(frozen=True)
class MixContext:
    """What some methods need to know beyond the batch.

    Attributes
    ----------
    epoch : int
        Running epoch, from 0.
    n_epochs : int or None
        Planned number of epochs; None: unknown, and `off_last` has no effect.
    module : torch.nn.Module or None
        The net, for methods that mix hidden layers.
    """

    epoch: int = 0
    n_epochs: int | None = None
    module: torch.nn.Module | None = None


class Method:
    """Base class of mixing methods.

    Parameters
    ----------
    p : float, default=1.0
        Probability of mixing a batch (a row, for methods with ``per="row"``).
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs without mixing at the start and the end: a number of epochs, or a
        fraction of them below 1.
    """

    short_name: str = ""
    #: Whether a blend of numbers is taken, which refuses integer input.
    blends: bool = True
    #: Whether a draw looks at the weights of `MixContext.module`, or at what earlier
    #: steps left: then no draw is made ahead of its step.
    reads_module: bool = False

    alpha: float
    per: str
    p: float
    pairing: str | Pairing
    off_first: float
    off_last: float

    # -- parameters -----------------------------------------------------------------

    @classmethod
    def _parameter_names(cls) -> list[str]:
        return sorted(name for name in inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name.

        Parameters
        ----------
        deep : bool, default=True
            Also those of nested methods, as ``name__parameter``.

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

    def set_params(self, **params: Any) -> Method:
        """Set parameters by name.

        Parameters
        ----------
        **params : object
            Names as `get_params` lists them.

        Returns
        -------
        self : Method

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
            if name == "alpha" or getattr(self, name) != parameter.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    # -- checks ---------------------------------------------------------------------

    def validate(self) -> None:
        """Check all parameters.

        Raises
        ------
        ValueError, TypeError
            Naming the parameter and the value received.
        """
        check_number("p", self.p, low=0.0, high=1.0)
        resolve_pairing(self.pairing)
        for name in ("off_first", "off_last"):
            check_number(name, getattr(self, name), low=0.0)
        self._validate()

    def _validate(self) -> None:
        """Check what most methods have; others extend or replace this."""
        check_number("alpha", self.alpha, low=0.0)
        check_choice("per", self.per, ("batch", "row"))

    # -- draw -----------------------------------------------------------------------

    def draw(
        self,
        x: Any,
        y: Tensor | None = None,
        *,
        generator: torch.Generator | MixStreams | None = None,
        context: MixContext | None = None,
    ) -> MixPlan:
        """Draw everything random about mixing one batch.

        Parameters
        ----------
        x : Tensor of shape (B, ...), or dict, tuple or list of such
            The batch; only its shape, dtype and device matter here.
        y : Tensor of shape (B, ...) or None
            Targets, for pairings and methods that look at them.
        generator : torch.Generator, MixStreams or None
            Source of all draws; None: torch's global generator.
        context : MixContext or None
            Training progress and module, for methods and schedules that need them.

        Returns
        -------
        plan : MixPlan
        """
        self.validate()
        first = first_tensor(x)
        if not self.is_on(context):
            return self._identity(first)
        return self._draw(first, y, MixStreams.of(generator), context)

    def _draw(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> MixPlan:
        raise NotImplementedError

    def is_on(self, context: MixContext | None) -> bool:
        """Whether the schedule lets this epoch be mixed."""
        if context is None or (not self.off_first and not self.off_last):
            return True
        if context.epoch < _epochs(self.off_first, context.n_epochs):
            return False
        if context.n_epochs is None:
            return True
        left = context.n_epochs - context.epoch
        return left > _epochs(self.off_last, context.n_epochs)

    def _gate_is_open(self, streams: MixStreams) -> bool:
        # Drawn even for p=1, so that a sweep over p reads one stream alike.
        return uniform(streams.gate) < self.p

    def _pair(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Tensor:
        pairing = resolve_pairing(self.pairing)
        partner = pairing(len(x), x=x, y=y, generator=streams.partner, context=context)
        return partner.to(x.device, non_blocking=True)

    def _identity(self, x: Tensor) -> MixPlan:
        n_rows = len(x)
        index = torch.arange(n_rows, device=x.device)
        lam = torch.ones(n_rows, dtype=lam_dtype(x), device=x.device)
        return self._clean_plan(partner=index, lam=lam)

    def _clean_plan(self, partner: Tensor, lam: Tensor) -> MixPlan:
        return MixPlan(partner, lam, lam_host=1.0)

    # -- shorthand ------------------------------------------------------------------

    def __call__(
        self,
        x: Any,
        y: Tensor,
        *,
        n_classes: int | None = None,
        generator: torch.Generator | MixStreams | None = None,
        context: MixContext | None = None,
    ) -> tuple[Any, Tensor | MixedTargets]:
        """Draw, and mix a batch and its targets.

        Parameters
        ----------
        x : Tensor of shape (B, ...), or dict, tuple or list of such
            The batch.
        y : Tensor of shape (B,) or (B, k)
            Class indices, numbers to predict or soft labels.
        n_classes : int or None
            Number of classes. Without it, class indices come back as a
            `MixedTargets` for `mixed_loss`.
        generator, context :
            As for `draw`.

        Returns
        -------
        x_mixed : like `x`
        targets : Tensor or MixedTargets
        """
        plan = self.draw(x, y, generator=generator, context=context)
        if plan.site is not None:
            raise ValueError(
                f"{type(self).__name__} drew the hidden layer {plan.site!r}, which a"
                " call on the input cannot mix. Use plan = method.draw(x, y, ...) and"
                " run the net inside `with mix_layer(module, plan):`."
            )
        x_mixed = plan.apply(x)
        if n_classes is not None or y.is_floating_point():
            if n_classes is not None and y.is_floating_point() and y.ndim == 1:
                raise TypeError(
                    f"n_classes={n_classes} needs class indices (an integer y); got y"
                    f" of dtype {y.dtype}."
                )
            return x_mixed, plan.targets(y, n_classes)
        y_own = y if plan.rows is None else y[plan.rows]
        return x_mixed, MixedTargets(y_own, y[plan.partner], plan.label_weights[0])


def lam_dtype(x: Tensor) -> torch.dtype:
    """Return float64 for float64 input, float32 for everything else."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def first_tensor(x: Any) -> Tensor:
    """Return the first tensor of a batch, whose rows count."""
    for value in _tensors(x):
        if value.ndim == 0:
            raise ValueError("A batch needs a first axis of rows; got a 0-d tensor.")
        return value
    raise TypeError(f"A batch holds tensors; got {type(x).__name__}.")


def _tensors(x: Any) -> Iterator[Tensor]:
    if isinstance(x, Tensor):
        yield x
    elif isinstance(x, Mapping):
        for value in x.values():
            yield from _tensors(value)
    elif isinstance(x, (tuple, list)):
        for value in x:
            yield from _tensors(value)


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


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Check that a parameter is one of some names."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {list(choices)}; got {value!r}.")


def _epochs(value: float, n_epochs: int | None) -> float:
    if 0 < value < 1:
        return 0 if n_epochs is None else math.ceil(value * n_epochs)
    return value
