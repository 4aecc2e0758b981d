"""The base of all methods: parameters, the gate, and the shorthand call.

A new method is one small class: its parameters in ``__init__``, its checks in
``_validate`` and its draw in ``_drawing``, or, all at once, in ``_draw``. Parameters
are stored as given and checked when used, as scikit-learn does, so that methods can be
cloned and swept.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sk_mixup.mixing._batch import first_tensor, lam_dtype
from sk_mixup.mixing._called import called_targets, check_called, mixed_targets
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._draws import Draws
from sk_mixup.mixing._params import check_choice, check_number
from sk_mixup.mixing.draws import (
    MixStreams,
    check_pairing,
    check_schedule,
    effective_alpha,
    keeps_rows,
)
from sk_mixup.mixing.plans import (
    MixedTargets,
    MixPlan,
    as_targets,
)

if TYPE_CHECKING:
    from sk_mixup.mixing._preview import MixPreview

_PLAIN = (float, int, str, type(None))


class Method(Draws):
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
