"""The base of all methods: parameters, the gate, and the shorthand call.

A new method is one small class: its parameters in ``__init__``, its checks in
``_validate`` and its draw in ``_draw``. Parameters are stored as given and checked when
used, as scikit-learn does, so that methods can be cloned and swept.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sk_mixup.mixing._batch import first_tensor, lam_dtype, sent
from sk_mixup.mixing._called import called_targets, check_called, mixed_targets
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._params import Parameterized, check_choice, check_number
from sk_mixup.mixing.draws import (
    MixStreams,
    Pairing,
    Schedule,
    check_pairing,
    check_partners,
    check_schedule,
    effective_alpha,
    keeps_rows,
    never_pairs_selves,
    resolve_pairing,
    uniform,
    uniforms,
    value_at,
)
from sk_mixup.mixing.plans import (
    MixedTargets,
    MixPlan,
    as_targets,
)

if TYPE_CHECKING:
    from sk_mixup.mixing._preview import MixPreview

_PLAIN = (float, int, str, type(None))


class Method(Parameterized):
    """Base class of mixing methods.

    Parameters
    ----------
    p : float or schedule, default=1.0
        Probability of mixing a batch (a row, for methods with ``per="row"``).
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs without mixing at the start and the end: a number of epochs, or a
        fraction of them below 1.
    """

    #: Name for ``mix="..."``, the kind of method and its source, for `list_methods`.
    short_name: str = ""
    group: str = ""
    paper: str = ""
    #: What a step costs beyond one without mixing, in words.
    cost: str = "none"
    #: Whether a blend of numbers is taken, which refuses integer input.
    # A property for the checker: methods may ask another method.
    if TYPE_CHECKING:

        @property
        def blends(self) -> bool:
            """Whether a blend of numbers is taken."""
    else:
        blends = True
    #: Whether a draw solves something on the host, and waits for the device.
    solves_on_host: bool = False

    #: Whether it draws plans whose label weights follow from the pass of the net.
    weighs_late: bool = False
    #: Whether it mixes hidden layers.
    mixes_layers: bool = False
    #: Whether masks can be mixed as its plans mix images.
    keeps_places: bool = True

    _checked: list[Any] | None = None

    alpha: float | Schedule
    per: str
    # A probability or a schedule; of `OneOf` one probability per method.
    p: Any
    pairing: str | Pairing
    off_first: float
    off_last: float

    @property
    def choices(self) -> Sequence[Method]:
        """The methods of which one mixes a batch."""
        return [self]

    # -- checks ---------------------------------------------------------------------

    def validate(self) -> None:
        """Check all parameters.

        Raises
        ------
        ValueError, TypeError
            Naming the parameter and the value received.
        """
        check_schedule("p", self.p, low=0.0, high=1.0)
        check_pairing(self.pairing)
        for name in ("off_first", "off_last"):
            check_number(name, getattr(self, name), low=0.0)
        self._validate()

    def _validate_once(self) -> None:
        """Check the parameters unless they are those of the last check.

        A check of every draw would be a tenth of it. Nested objects can change inside,
        so methods that hold any are checked every time.
        """
        values = [v for k, v in self.__dict__.items() if k != "_checked"]
        plain = all(isinstance(value, _PLAIN) for value in values)
        if plain and values == self._checked:
            return
        self.validate()
        self._checked = values if plain else None

    def _validate(self) -> None:
        """Check what most methods have; others extend or replace this."""
        check_schedule("alpha", self.alpha, low=0.0)
        check_choice("per", self.per, ("batch", "row"))

    @property
    def never_mixes(self) -> bool:
        """Whether the parameters say that nothing is ever mixed."""
        alpha = getattr(self, "alpha", None)
        return isinstance(alpha, numbers.Real) and effective_alpha(float(alpha)) == 0

    @property
    def reads_module(self) -> bool:
        """Whether a draw looks at the module's weights, or at what earlier steps left.

        Then no draw is made ahead of its step.
        """
        return keeps_rows(self.pairing)

    @property
    def needs_information(self) -> bool:
        """Whether a draw uses `MixContext.information`, which takes time to compute."""
        return False

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
        self._validate_once()
        first = first_tensor(x)
        if y is not None:
            y = as_targets(y, first.device)
        if not self.is_on(context):
            return self._identity(first)
        if not keeps_rows(self.pairing):
            return self._draw_batch(x, first, y, MixStreams.of(generator), context)
        if not isinstance(x, Tensor):
            raise TypeError(
                f"pairing={self.pairing!r} keeps rows of one tensor; got an input of"
                f" type {type(x).__name__}. Use another pairing for several inputs."
            )
        return self._with_pool(
            self._draw_batch(x, first, y, MixStreams.of(generator), context)
        )

    def draw_many(
        self,
        batches: Sequence[tuple[Any, Tensor | None]],
        *,
        generator: torch.Generator | MixStreams | None = None,
        contexts: Sequence[MixContext | None],
    ) -> list[MixPlan]:
        """Draw the plans of several batches.

        Parameters
        ----------
        batches : sequence of (x, y)
            As `draw` takes them.
        generator : torch.Generator, MixStreams or None
            Source of all draws; None: torch's global generator.
        contexts : sequence of MixContext or None
            One per batch.

        Returns
        -------
        plans : list of MixPlan
            Those that as many calls of `draw` in this order would give.
        """
        streams = MixStreams.of(generator)
        return [
            self.draw(x, y, generator=streams, context=context)
            for (x, y), context in zip(batches, contexts, strict=True)
        ]

    def _draw_batch(
        self,
        x: Any,
        first: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> MixPlan:
        """Draw for a whole batch; most methods look at its first tensor alone."""
        return self._draw(first, y, streams, context)

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

    def _alpha_now(self, context: MixContext | None) -> float:
        return effective_alpha(self._now("alpha", context, math.inf))

    def _p_now(self, context: MixContext | None) -> float:
        return self._now("p", context, 1.0)

    def _now(self, name: str, context: MixContext | None, high: float) -> float:
        """Return what a parameter or its schedule says; a schedule may say anything."""
        progress = 0.0 if context is None else context.progress
        given = getattr(self, name)
        value = value_at(given, progress)
        if not 0.0 <= value <= high or value == math.inf:
            label = f"{name} at progress {progress:g}" if callable(given) else name
            check_number(label, value, low=0.0, high=high)
        return value

    def _gate_is_open(self, streams: MixStreams, context: MixContext | None) -> bool:
        # Drawn even for p=1, so that a sweep over p reads one stream alike.
        return uniform(streams.gate) < self._p_now(context)

    def _gate(
        self, n_rows: int, streams: MixStreams, context: MixContext | None
    ) -> bool | Tensor:
        """Draw one gate for the batch, or one per row."""
        if self.per == "batch":
            return self._gate_is_open(streams, context)
        return self._open_rows(n_rows, streams, context)

    def _open_rows(
        self, n_rows: int, streams: MixStreams, context: MixContext | None
    ) -> Tensor:
        """Mark the rows to be mixed, on the generator's device."""
        return uniforms(n_rows, streams.gate) < self._p_now(context)

    def _pair(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Tensor:
        pairing = resolve_pairing(self.pairing)
        partner = pairing(len(x), x=x, y=y, generator=streams.partner, context=context)
        check_partners(pairing, partner, len(x))
        return sent(partner, x.device)

    def _with_pool(self, plan: MixPlan) -> MixPlan:
        """Hand the rows of a pairing with memory over to the plan."""
        if not keeps_rows(self.pairing) or plan.is_identity or plan.pool is not None:
            return plan
        if plan.site is not None:
            raise ValueError(
                f"pairing={self.pairing!r} keeps inputs, and {type(self).__name__} drew"
                f" the hidden layer {plan.site!r}; use another pairing."
            )
        pool = getattr(self.pairing, "pool_", None)
        return plan if pool is None else plan.with_pool(pool)

    def _too_few(self, n_rows: int) -> bool:
        """Whether no row can have a partner."""
        return n_rows < (1 if keeps_rows(self.pairing) else 2)

    def _may_pair_selves(self, context: MixContext | None) -> bool:
        """Whether a row may have come out as its own partner."""
        grouped = context is not None and context.groups is not None
        return grouped or not never_pairs_selves(self.pairing)

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
        y: Any,
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
        y : Tensor, array or list of shape (B,), (B, k) or (B, ...)
            Class indices, one-hot rows, numbers to predict or soft labels; with three
            axes or more masks, mixed by `MixPlan.apply_masks`.
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
        return self._mix(x, y, n_classes, generator, context)[1:]

    def _mix(
        self,
        x: Any,
        y: Any,
        n_classes: int | None,
        generator: torch.Generator | MixStreams | None,
        context: MixContext | None = None,
    ) -> tuple[MixPlan, Any, Tensor | MixedTargets]:
        """Do what a call does, and return the plan as well."""
        y = as_targets(y, first_tensor(x).device)
        if y.ndim == 0 or len(y) != len(first_tensor(x)):
            raise ValueError(
                f"x has {len(first_tensor(x))} rows and y has shape {tuple(y.shape)};"
                " each row needs a target."
            )
        y = called_targets(y, n_classes, lam_dtype(first_tensor(x)))
        plan = self.draw(x, y, generator=generator, context=context)
        check_called(type(self).__name__, plan)
        return plan, plan.apply(x), mixed_targets(plan, y, n_classes)

    def preview(
        self,
        x: Any,
        y: Any = None,
        *,
        n: int = 8,
        generator: torch.Generator | MixStreams | None = None,
        n_classes: int | None = None,
        context: MixContext | None = None,
    ) -> MixPreview:
        """Mix the first rows as one batch, to be looked at.

        Parameters
        ----------
        x : Tensor, array or list of shape (rows, ...), or dict, tuple or list of such
            Samples.
        y : Tensor, array or list of shape (rows, ...), or None
            Class indices, numbers to predict or soft labels.
        n : int, default=8
            Number of rows in the batch.
        generator : torch.Generator, MixStreams or None
            As for `draw`.
        n_classes : int or None
            Number of classes; None: as many as `y` shows.
        context : MixContext or None
            As for `draw`, for these `n` rows.

        Returns
        -------
        preview : MixPreview
            Without a mixed input, but with the name of the layer, where a hidden layer
            was drawn. The method itself remembers nothing.

        Raises
        ------
        ValueError, TypeError
            As for `draw` and for applying the plan.

        See Also
        --------
        sk_mixup.inspection.MixDisplay : The preview as a picture.

        Examples
        --------
        >>> from sk_mixup.mixing import Mixup
        >>> preview = Mixup().preview([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1])
        >>> preview.mixed.shape, preview.targets.shape
        (torch.Size([3, 2]), torch.Size([3, 2]))
        """
        from sk_mixup.mixing._preview import preview_method

        given: Any = {"generator": generator, "n_classes": n_classes}
        return preview_method(self, x, y, n=n, context=context, **given)


def _epochs(value: float, n_epochs: int | None) -> float:
    if 0 < value < 1:
        return 0 if n_epochs is None else math.ceil(value * n_epochs)
    return value
