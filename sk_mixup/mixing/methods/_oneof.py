"""One of several methods, drawn per batch."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from sk_mixup.mixing._batch import first_tensor
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._params import check_number
from sk_mixup.mixing.draws import MixStreams, uniform
from sk_mixup.mixing.methods._mixup import Mixup


class OneOf(Method):
    """Draw one method for each batch.

    timm's ``switch_prob`` is ``OneOf([Mixup(0.8), CutMix(1.0)], p=[1 - s, s])``.

    Parameters
    ----------
    methods : sequence of methods or None, default=None
        The choices. None: `Mixup` with lambda per batch, and with lambda per row.
    p : sequence of float or None, default=None
        Their probabilities, with a sum of at most 1; the rest leaves the batch as it
        is. None: all alike.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import CutMix, Mixup, OneOf
    >>> method = OneOf([Mixup(0.8), CutMix(1.0)], p=[0.5, 0.5])
    >>> images, y = torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 2, 0])
    >>> mixed, targets = method(images, y, n_classes=3)
    >>> mixed.shape, targets.shape
    (torch.Size([4, 3, 8, 8]), torch.Size([4, 3]))
    """

    short_name = "one_of"
    cost = "that of the method drawn"
    group = "combining"
    paper = "timm's switch_prob, for any methods"

    def __init__(
        self,
        methods: Sequence[Method] | None = None,
        p: Sequence[float] | None = None,
    ) -> None:
        self.methods = [Mixup(), Mixup(per="row")] if methods is None else methods
        self.p = p

    @property
    def choices(self) -> Sequence[Method]:
        """The methods of which one mixes a batch."""
        return self.methods

    @property
    def never_mixes(self) -> bool:
        """Whether none of the methods ever mixes."""
        return all(method.never_mixes for method in self.methods)

    @property
    def reads_module(self) -> bool:
        """Whether any of the methods looks at the weights."""
        return any(method.reads_module for method in self.methods)

    @property
    def needs_information(self) -> bool:
        """Whether any of the methods uses the information of columns."""
        return any(method.needs_information for method in self.methods)

    @property
    def blends(self) -> bool:
        """Whether any of the methods blends numbers."""
        return any(method.blends for method in self.methods)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; those of the methods as ``0__alpha``."""
        params: dict[str, Any] = {"methods": self.methods, "p": self.p}
        if deep:
            for i, method in enumerate(self.methods):
                for key, value in method.get_params().items():
                    params[f"{i}__{key}"] = value
        return params

    def set_params(self, **params: Any) -> OneOf:
        """Set parameters; those of the methods as ``0__alpha``."""
        for key, value in params.items():
            name, _, rest = key.partition("__")
            if rest and name.isdigit() and int(name) < len(self.methods):
                self.methods[int(name)].set_params(**{rest: value})
            else:
                super().set_params(**{key: value})
        return self

    def validate(self) -> None:
        """Check the methods and their probabilities."""
        if isinstance(self.methods, (str, Method)) or len(self.methods) == 0:
            raise ValueError(
                f"methods must be a non-empty list of methods; got {self.methods!r}."
            )
        for method in self.methods:
            if not isinstance(method, Method):
                raise TypeError(
                    f"methods must hold method objects such as Mixup(); got {method!r}"
                    f" of type {type(method).__name__}."
                )
            method.validate()
        if self.p is None:
            return
        if isinstance(self.p, (str, numbers.Real)):
            raise TypeError(
                "p must be None or a list with one probability per method; got"
                f" {self.p!r} of type {type(self.p).__name__}."
            )
        probabilities = list(self.p)
        for value in probabilities:
            check_number("p", value, low=0.0, high=1.0)
        if len(probabilities) != len(self.methods) or sum(probabilities) > 1 + 1e-9:
            raise ValueError(
                f"p must hold one probability for each of the {len(self.methods)}"
                f" methods, with a sum of at most 1; got {self.p!r}."
            )

    @property
    def draws_first(self) -> bool:
        """Whether all numbers of a draw are drawn before anything is made of them."""
        own = super().draws_first
        return own and all(method.draws_first for method in self.methods)

    def _whole_drawing(
        self,
        x: Any,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        """Draw a method, then its plan."""
        self.validate()
        n = len(self.methods)
        probabilities = [1 / n] * n if self.p is None else list(self.p)
        u = uniform(streams.site)
        for method, probability in zip(self.methods, probabilities, strict=True):
            if u < probability:
                return (yield from method.drawing(x, y, streams, context))
            u -= probability
        if self.p is None:  # the last bit of rounding
            return (yield from method.drawing(x, y, streams, context))
        return self._identity(first_tensor(x))
