"""The base of methods that do something with the plans of another method."""

from __future__ import annotations

from typing import Any

from sk_mixup.mixing._method import Method
from sk_mixup.mixing.methods._mixup import Mixup


class Wrapper(Method):
    """A method around one other method.

    It has no alpha, probability, pairing or epochs of its own: those of the inner
    method hold, as ``method__alpha`` and so on. Setting `alpha` sets the inner one, so
    that a wrapper given by name takes the alpha beside it.

    Parameters
    ----------
    method : Method or None, default=None
        The inner method. None: `Mixup`.
    """

    group = "combining"

    def __init__(self, method: Method | None = None) -> None:
        self.method = Mixup() if method is None else method

    def set_params(self, **params: Any) -> Wrapper:
        """Set parameters; `alpha` and ``method__*`` are the inner method's."""
        if "alpha" in params:
            # After `method`, which may be set in the same call.
            params["method__alpha"] = params.pop("alpha")
        super().set_params(**params)
        return self

    def validate(self) -> None:
        """Check the inner method and what the wrapper adds."""
        if not isinstance(self.method, Method):
            raise TypeError(
                f"method of {type(self).__name__} must be a method object such as"
                f" Mixup(); got {self.method!r} of type {type(self.method).__name__}."
            )
        self.method.validate()
        self._validate()

    @property
    def never_mixes(self) -> bool:
        """Whether the inner method never mixes."""
        return self.method.never_mixes

    @property
    def reads_module(self) -> bool:
        """Whether the inner method looks at the weights."""
        return self.method.reads_module

    @property
    def draws_first(self) -> bool:
        """Whether all numbers of a draw are drawn before anything is made of them."""
        return super().draws_first and self.method.draws_first

    @property
    def needs_information(self) -> bool:
        """Whether the inner method uses the information of columns."""
        return self.method.needs_information

    @property
    def blends(self) -> bool:
        """Whether the inner method blends numbers."""
        return self.method.blends
