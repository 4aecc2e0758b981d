"""Losses of soft targets: cross-entropy, and one yes or no per class.

Smoothing labels before or after they are mixed is the same: both are averages with
weights that sum to one, ``mix(smooth(y)) = smooth(mix(y))``. The losses here smooth
what they are given, so there is nothing to choose. A threshold is no average, and comes
last.

Targets are checked where a look is free, on the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from sk_mixup.mixing._params import check_choice, check_number
from sk_mixup.mixing.plans import MixedTargets, check_class_range

# What rounding leaves of a sum of two shares, in half precision.
_SLACK = 1e-3
PerClass = Tensor | Sequence[float] | float | None


class SoftCrossEntropy(nn.Module):
    r"""Cross-entropy with soft targets.

    .. math:: L_i = -\sum_c w_c \, t_{ic} \log \mathrm{softmax}(z_i)_c, \qquad
        t_i = (1 - s) \, y_i + s / C

    It is linear in the target: without `weight` it equals the pair form of
    :class:`torch.nn.CrossEntropyLoss`, and labels may be smoothed before or after
    mixing. With `weight`, the sum over rows is divided by their number, not by the sum
    of weights.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        `s`, in [0, 1].
    weight : Tensor or sequence of shape (C,), or None
        Weight of each class.
    reduction : "mean" or "none", default="mean"
        "none" returns one value per row.

    Attributes
    ----------
    mixed_targets : str
        "soft": what :func:`mixed_loss` and the estimators give.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import Mixup, SoftCrossEntropy
    >>> x, y = torch.randn(8, 3), torch.randint(0, 3, (8,))
    >>> x_mixed, targets = Mixup(alpha=0.2)(x, y, n_classes=3)
    >>> SoftCrossEntropy(label_smoothing=0.1)(x_mixed, targets).shape
    torch.Size([])
    """

    mixed_targets: ClassVar[str] = "soft"
    output_activation: ClassVar[str] = "softmax"
    weight: Tensor | None

    def __init__(
        self,
        label_smoothing: float = 0.0,
        *,
        weight: PerClass = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        check_number("label_smoothing", label_smoothing, low=0.0, high=1.0)
        check_choice("reduction", reduction, ("mean", "none"))
        self.label_smoothing = label_smoothing
        self.reduction = reduction
        self.register_buffer("weight", per_class("weight", weight))

    def forward(self, output: Tensor, target: Tensor | MixedTargets) -> Tensor:
        """Return the loss.

        Parameters
        ----------
        output : Tensor of shape (B, C)
            Logits; half precision is widened.
        target : Tensor of shape (B, C) or (B,), or MixedTargets
            Soft labels in [0, 1], or class indices.

        Returns
        -------
        loss : Tensor, scalar or of shape (B,)

        Raises
        ------
        ValueError
            For targets outside [0, 1], or shapes that do not fit.
        """
        output = class_logits(self, output)
        loss = functional.cross_entropy(
            output,
            class_shares(self, output, target).to(output.dtype),
            checked_width(self, "weight", self.weight, output),
            reduction="none",
            label_smoothing=self.label_smoothing,
        )
        return reduced(loss, self.reduction)

    def extra_repr(self) -> str:
        """Show the parameters."""
        return f"label_smoothing={self.label_smoothing}, reduction={self.reduction!r}"


class BinaryCrossEntropy(nn.Module):
    r"""Binary cross-entropy of every class, with a threshold for mixed targets.

    .. math:: L_i = \frac{1}{C} \sum_c w_c \left[ -p_c \, t_{ic} \log \sigma(z_{ic})
        - (1 - t_{ic}) \log (1 - \sigma(z_{ic})) \right]

    As in timm, labels are first smoothed, a class to :math:`1 - s + s/C` and its
    absence to :math:`s/C`, then mixed, then compared with `target_threshold`: 1 where
    the target is strictly greater, 0 elsewhere. With a threshold of 0.5, a pair mixed
    half and half has therefore no positive class, and the threshold makes the loss
    nonlinear: it has no pair form.

    NOTE[DIFF] timm's loss smooths class indices alone, since its Mixup smooths soft
    labels. Here nothing else smooths, so that soft labels are smoothed too.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        `s`, in [0, 1]. For one logit, `C` is 2.
    target_threshold : float or None, default=None
        In [0, 1]; None: soft targets stay soft. For one logit it is compared with the
        share of the second class.
    sum_classes : bool, default=False
        Sum over classes, and not the mean.
    pos_weight : Tensor or sequence of shape (C,), float or None
        `p`, the weight of a positive.
    weight : Tensor or sequence of shape (C,), float or None
        `w`, the weight of each class.
    reduction : "mean" or "none", default="mean"
        "none" returns one value per row.

    Attributes
    ----------
    mixed_targets : str
        "soft": what :func:`mixed_loss` and the estimators give.
    output_activation : str
        "sigmoid". For several classes the estimators scale sigmoids to sum to one.

    References
    ----------
    .. [1] R. Wightman, H. Touvron, H. Jégou, "ResNet strikes back: An improved training
       procedure in timm", 2021, arXiv:2110.00476.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import BinaryCrossEntropy
    >>> criterion = BinaryCrossEntropy(target_threshold=0.2)
    >>> targets = torch.tensor([[0.7, 0.3, 0.0], [0.9, 0.0, 0.1]])
    >>> round(criterion(torch.zeros(2, 3), targets).item(), 4)
    0.6931
    """

    mixed_targets: ClassVar[str] = "soft"
    output_activation: ClassVar[str] = "sigmoid"
    pos_weight: Tensor | None
    weight: Tensor | None

    def __init__(
        self,
        label_smoothing: float = 0.0,
        target_threshold: float | None = None,
        sum_classes: bool = False,
        *,
        pos_weight: PerClass = None,
        weight: PerClass = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        check_number("label_smoothing", label_smoothing, low=0.0, high=1.0)
        if target_threshold is not None:
            check_number("target_threshold", target_threshold, low=0.0, high=1.0)
        check_flag("sum_classes", sum_classes)
        check_choice("reduction", reduction, ("mean", "none"))
        self.label_smoothing = label_smoothing
        self.target_threshold = target_threshold
        self.sum_classes = sum_classes
        self.reduction = reduction
        self.register_buffer("pos_weight", per_class("pos_weight", pos_weight))
        self.register_buffer("weight", per_class("weight", weight))

    def forward(self, output: Tensor, target: Tensor | MixedTargets) -> Tensor:
        """Return the loss.

        Parameters
        ----------
        output : Tensor of shape (B, C), or (B,) or (B, 1)
            Logits of each class, or of the second of two; half precision is widened.
        target : Tensor of shape (B, C) or (B,), or MixedTargets
            Soft or multi-label targets in [0, 1], or class indices. For one logit:
            numbers in [0, 1], or two columns.

        Returns
        -------
        loss : Tensor, scalar or of shape (B,)

        Raises
        ------
        ValueError
            For targets outside [0, 1], shapes that do not fit, or a threshold below or
            above the smoothed labels of all classes.
        """
        output = one_or_more_logits(self, output)
        target = class_shares(self, output, target)
        share = self.label_smoothing / (2 if output.shape[1] == 1 else output.shape[1])
        if self.label_smoothing:
            target = target * (1 - self.label_smoothing) + share
        if self.target_threshold is not None:
            self._check_threshold(share)
            target = target > self.target_threshold
        loss = binary_losses(self, output, target, self.pos_weight, self.weight)
        loss = loss.sum(1) if self.sum_classes else loss.mean(1)
        return reduced(loss, self.reduction)

    def _check_threshold(self, off: float) -> None:
        assert self.target_threshold is not None
        on = 1.0 - self.label_smoothing + off
        if off <= self.target_threshold < on:
            return
        which = "every" if self.target_threshold < off else "no"
        raise ValueError(
            f"target_threshold={self.target_threshold!r} makes {which} class positive:"
            f" label_smoothing={self.label_smoothing!r} gives {off:g} to absent and"
            f" {on:g} to present classes. Choose a threshold between them."
        )

    def extra_repr(self) -> str:
        """Show the parameters."""
        return (
            f"label_smoothing={self.label_smoothing},"
            f" target_threshold={self.target_threshold},"
            f" sum_classes={self.sum_classes}, reduction={self.reduction!r}"
        )


# -- what the losses share ------------------------------------------------------------


def check_flag(name: str, value: Any) -> None:
    """Raise a TypeError for what is neither True nor False."""
    if value not in (True, False):
        raise TypeError(f"{name} must be True or False; got {value!r}.")


def per_class(name: str, value: PerClass) -> Tensor | None:
    """Return weights as a float tensor of at most one axis.

    Raises
    ------
    ValueError
        If they are negative, NaN or infinite, or have more axes.
    """
    if value is None:
        return None
    weights = torch.as_tensor(value).detach().clone()
    if not weights.is_floating_point():
        weights = weights.float()
    if weights.ndim > 1:
        raise ValueError(
            f"{name} must hold one number per class; got shape {tuple(weights.shape)}."
        )
    if not bool((weights.isfinite() & (weights >= 0)).all()):
        raise ValueError(f"{name} must be finite and not negative; got {value!r}.")
    return weights


def checked_width(
    loss: Any, name: str, weights: Tensor | None, output: Tensor
) -> Tensor | None:
    """Return weights in the dtype of the output; raise where classes do not match."""
    if weights is None:
        return None
    if weights.ndim == 1 and len(weights) not in (1, output.shape[1]):
        raise ValueError(
            f"{type(loss).__name__}: {name} has {len(weights)} entries, and the output"
            f" has shape {tuple(output.shape)}."
        )
    return weights.to(output.dtype).expand(output.shape[1])


def class_logits(loss: Any, output: Tensor, least: int = 2) -> Tensor:
    """Return the logits of each class in float32 or wider.

    Raises
    ------
    ValueError
        If they do not have a column for each class.
    """
    if output.ndim != 2 or output.shape[1] < least:
        raise ValueError(
            f"{type(loss).__name__} needs an output of shape (rows, classes), with at"
            f" least {least} classes; got {tuple(output.shape)}."
        )
    return widened(output)


def one_or_more_logits(loss: Any, output: Tensor) -> Tensor:
    """Return logits as two axes in float32 or wider; a single logit as one column."""
    return class_logits(loss, output[:, None] if output.ndim == 1 else output, least=1)


def widened(output: Tensor) -> Tensor:
    """Return float32 or float64; sums of half precision lose what gradients need."""
    return output.to(torch.promote_types(output.dtype, torch.float32))


def class_shares(loss: Any, output: Tensor, target: Tensor | MixedTargets) -> Tensor:
    """Return targets as shares of the shape of the output.

    They keep their dtype: in another one, a share equal to a threshold may lie above.

    Raises
    ------
    ValueError
        If they do not fit the output, or lie outside [0, 1].
    """
    n_classes = output.shape[1]
    n_labels = 2 if n_classes == 1 else n_classes
    if isinstance(target, MixedTargets):
        target = target.soft(n_labels)
    name = type(loss).__name__
    if target.ndim == 1 and not target.is_floating_point():
        check_class_range(target, n_labels)
        target = functional.one_hot(target.long(), n_labels).to(output.dtype)
    if n_classes == 1 and target.ndim == 2 and target.shape[1] == 2:
        target = target[:, 1]
    if n_classes == 1 and target.ndim == 1:
        target = target.unsqueeze(1)
    if target.shape != output.shape:
        raise ValueError(
            f"{name} needs targets of shape {tuple(output.shape)}, or class indices"
            f" (integers of shape ({len(output)},)); got shape {tuple(target.shape)}"
            f" and dtype {target.dtype}."
        )
    looks = target.device.type == "cpu" and not torch.compiler.is_compiling()
    if looks and target.numel():
        low, high = (float(bound) for bound in torch.aminmax(target))
        if not (low >= -_SLACK and high <= 1.0 + _SLACK):
            raise ValueError(
                f"{name} needs targets between 0 and 1; got values from {low:g} to"
                f" {high:g}."
            )
    return target


def binary_losses(
    loss: Any,
    output: Tensor,
    target: Tensor,
    pos_weight: Tensor | None,
    weight: Tensor | None,
) -> Tensor:
    """Return the binary cross-entropy of every row and class."""
    return functional.binary_cross_entropy_with_logits(
        output,
        target.to(output.dtype),
        checked_width(loss, "weight", weight, output),
        pos_weight=checked_width(loss, "pos_weight", pos_weight, output),
        reduction="none",
    )


def reduced(rows: Tensor, reduction: str) -> Tensor:
    """Return one value per row, or their mean."""
    return rows.mean() if reduction == "mean" else rows
