"""Laws of lambda, each as a quantile function.

One uniform draw per lambda whatever the law: trainings that differ in the law alone see
the same partners and comparable lambdas.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

from sk_mixup.mixing._params import Parameterized, check_number
from sk_mixup.mixing.draws._beta import effective_alpha, symmetric_beta


class LamLaw(Parameterized):
    """Base class: a law is what turns a uniform number into lambda."""

    def validate(self) -> None:
        """Check the parameters.

        Raises
        ------
        ValueError, TypeError
            Naming the parameter and the value received.
        """

    def quantile(self, u: Tensor) -> Tensor:
        """Return lambda for uniform numbers.

        Parameters
        ----------
        u : Tensor, float64
            In [0, 1).

        Returns
        -------
        lam : Tensor, float64
            Of the same shape, in [0, 1].
        """
        raise NotImplementedError

    def quantile_scalar(self, u: float) -> float:
        """Return lambda for one uniform number, on the host."""
        return float(self.quantile(torch.tensor([u], dtype=torch.float64))[0])


class BetaLaw(LamLaw):
    """Beta(alpha, alpha), the law of mixup.

    Parameters
    ----------
    alpha : float, default=1.0
        At least 0; less than 1e-8 gives lambda = 1.

    Examples
    --------
    >>> from sk_mixup.mixing import BetaLaw
    >>> round(BetaLaw(2.0).quantile_scalar(0.25), 4)
    0.3264
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def validate(self) -> None:
        """Check alpha."""
        check_number("alpha", self.alpha, low=0.0)

    def quantile(self, u: Tensor) -> Tensor:
        """Return lambda for uniform numbers."""
        if effective_alpha(self.alpha) == 0:
            return torch.ones_like(u)
        low = symmetric_beta(float(self.alpha)).lower(torch.minimum(u, 1.0 - u))
        return torch.where(u >= 0.5, 1.0 - low, low)

    def quantile_scalar(self, u: float) -> float:
        """Return lambda for one uniform number, on the host."""
        if effective_alpha(self.alpha) == 0:
            return 1.0
        low = symmetric_beta(float(self.alpha)).lower_scalar(min(u, 1.0 - u))
        return 1.0 - low if u >= 0.5 else low

    def folded(self, u: Tensor) -> Tensor:
        """Return max(lambda, 1 - lambda) for uniform numbers."""
        if effective_alpha(self.alpha) == 0:
            return torch.ones_like(u)
        low = symmetric_beta(float(self.alpha)).lower(torch.minimum(u, 1.0 - u))
        return 1.0 - low


class OneSidedBetaLaw(LamLaw):
    r"""Beta(alpha, 1), of which most lies near 0 for a small alpha.

    Parameters
    ----------
    alpha : float, default=0.2
        Greater than 0. The quantile is :math:`u^{1/\alpha}`.

    Examples
    --------
    >>> from sk_mixup.mixing import OneSidedBetaLaw
    >>> OneSidedBetaLaw(0.5).quantile_scalar(0.5)
    0.25
    """

    def __init__(self, alpha: float = 0.2) -> None:
        self.alpha = alpha

    def validate(self) -> None:
        """Check alpha."""
        check_number("alpha", self.alpha, low=0.0)
        if self.alpha == 0:
            raise ValueError("alpha of OneSidedBetaLaw must be greater than 0; got 0.")

    def quantile(self, u: Tensor) -> Tensor:
        """Return lambda for uniform numbers."""
        return u.pow(1.0 / float(self.alpha))


class UniformLaw(LamLaw):
    """Uniform between two bounds.

    Parameters
    ----------
    low, high : float, default=0.0 and 1.0
        ``0 <= low <= high <= 1``.

    Examples
    --------
    >>> from sk_mixup.mixing import UniformLaw
    >>> UniformLaw(0.5, 0.9).quantile_scalar(0.25)
    0.6
    """

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        self.low = low
        self.high = high

    def validate(self) -> None:
        """Check the bounds."""
        _check_bounds(self.low, self.high)

    def quantile(self, u: Tensor) -> Tensor:
        """Return lambda for uniform numbers."""
        return self.low + (self.high - self.low) * u


class FixedLaw(LamLaw):
    """Always the same lambda.

    Parameters
    ----------
    lam : float, default=0.5
        In [0, 1].

    Examples
    --------
    >>> from sk_mixup.mixing import FixedLaw
    >>> FixedLaw(0.7).quantile_scalar(0.1)
    0.7
    """

    def __init__(self, lam: float = 0.5) -> None:
        self.lam = lam

    def validate(self) -> None:
        """Check lambda."""
        check_number("lam", self.lam, low=0.0, high=1.0)

    def quantile(self, u: Tensor) -> Tensor:
        """Return lambda for uniform numbers."""
        return torch.full_like(u, float(self.lam))


class ClippedLaw(LamLaw):
    """Another law, with what lies outside two bounds moved to them.

    Parameters
    ----------
    law : LamLaw
        The law to clip.
    low, high : float, default=0.0 and 1.0
        ``0 <= low <= high <= 1``.

    Examples
    --------
    >>> from sk_mixup.mixing import BetaLaw, ClippedLaw
    >>> ClippedLaw(BetaLaw(0.2), 0.1, 0.9).quantile_scalar(0.01)
    0.1
    """

    def __init__(self, law: LamLaw, low: float = 0.0, high: float = 1.0) -> None:
        self.law = law
        self.low = low
        self.high = high

    def validate(self) -> None:
        """Check the inner law and the bounds."""
        if not isinstance(self.law, LamLaw):
            raise TypeError(
                f"law must be a law of lambda such as BetaLaw(); got {self.law!r} of"
                f" type {type(self.law).__name__}."
            )
        self.law.validate()
        _check_bounds(self.low, self.high)

    def quantile(self, u: Tensor) -> Tensor:
        """Return lambda for uniform numbers."""
        return self.law.quantile(u).clamp(float(self.low), float(self.high))


def resolve_law(law: str | LamLaw, alpha: float) -> LamLaw:
    """Return the law object; ``"beta"`` is Beta(alpha, alpha).

    Raises
    ------
    TypeError, ValueError
        For anything else than a law or a known name.
    """
    if isinstance(law, LamLaw):
        return law
    if law == "beta":
        return BetaLaw(effective_alpha(alpha))
    if isinstance(law, str):
        raise ValueError(
            f"law must be 'beta' or a law object such as UniformLaw(0, 1); got {law!r}."
        )
    raise TypeError(
        f"law must be 'beta' or a law object such as UniformLaw(0, 1); got {law!r} of"
        f" type {type(law).__name__}."
    )


def draw_lam(
    law: LamLaw,
    size: int | None,
    *,
    fold: bool,
    generator: torch.Generator | None,
) -> Tensor | float:
    """Draw lambda as the quantile of one uniform number per value.

    Parameters
    ----------
    law : LamLaw
    size : int or None
        Number of values; None draws one.
    fold : bool
        Return max(lambda, 1 - lambda).
    generator : torch.Generator or None
        None: torch's global generator.

    Returns
    -------
    lam : float or Tensor of shape (size,), float64
        A host number for ``size=None`` and a CPU generator; a 0-d or 1-d tensor
        on the generator's device otherwise, so that nothing waits for a GPU.
    """
    device = torch.device("cpu") if generator is None else generator.device
    shape = () if size is None else (size,)
    u = torch.rand(shape, dtype=torch.float64, generator=generator, device=device)
    if size is None and device.type == "cpu":
        lam = _checked(law, law.quantile_scalar(u.item()))
        return max(lam, 1.0 - lam) if fold else lam
    if not fold:
        return _checked(law, law.quantile(u))
    if isinstance(law, BetaLaw):
        return law.folded(u)
    values = _checked(law, law.quantile(u))
    return torch.maximum(values, 1.0 - values)


def beta_lams(alpha: float, size: int, generator: torch.Generator | None) -> Tensor:
    """Draw lambda by Beta(alpha, alpha), without folding.

    Parameters
    ----------
    alpha : float
        At least 0.
    size : int
        Number of values.
    generator : torch.Generator or None
        None: torch's global generator.

    Returns
    -------
    lam : Tensor of shape (size,), float64
        On the generator's device.
    """
    lam = draw_lam(BetaLaw(alpha), size, fold=False, generator=generator)
    return torch.as_tensor(lam)


_Lam = TypeVar("_Lam", float, Tensor)


def _checked(law: LamLaw, lam: _Lam) -> _Lam:
    """Hold what a law of somebody else says against what lambda is."""
    if type(law).__module__.startswith("sk_mixup."):
        return lam
    inside = (lam >= 0) & (lam <= 1) if isinstance(lam, Tensor) else 0 <= lam <= 1
    if not bool(inside.all() if isinstance(inside, Tensor) else inside):
        outside = lam[~inside].flatten()[0] if isinstance(inside, Tensor) else lam
        raise ValueError(
            f"law={type(law).__name__} gave lambda = {float(outside)!r}, which must lie"
            " in [0, 1]."
        )
    return lam


def _check_bounds(low: float, high: float) -> None:
    check_number("low", low, low=0.0, high=1.0)
    check_number("high", high, low=0.0, high=1.0)
    if low > high:
        raise ValueError(f"low must not be above high; got low={low!r}, high={high!r}.")
