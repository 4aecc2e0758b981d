"""Losses that look at the two labels of a mixed row, not at their average.

An average does not say which labels were mixed when both are of one class, and no loss
here is linear in it. They take a `MixedTargets`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from sk_mixup.mixing._params import check_choice, check_number
from sk_mixup.mixing.losses._cross_entropies import (
    PerClass,
    binary_losses,
    check_flag,
    class_logits,
    per_class,
    reduced,
)
from sk_mixup.mixing.plans import MixedTargets, check_class_range


class TwoHotBinaryCrossEntropy(nn.Module):
    r"""Binary cross-entropy against both labels of a mixed row.

    .. math:: t_i = \min\big(1,\; s \, [g(\lambda_i) \, y_i
        + g(1 - \lambda_i) \, y_{j}]\big), \qquad
        g(\lambda) = \min\big(1, (\lambda / \tau)^{k}\big), \quad g(0) = 0

    With `power` 0 both classes count fully, however little of them is in the row; 1
    with `threshold` 1 gives the shares themselves.

    NOTE[DIFF] In OpenMixup, a row mixed with its own class gets a target of 2, for
    which binary cross-entropy has no minimum, and a row that was not mixed gets the
    label of its partner. Here targets end at 1, and a label of share 0 is not there.

    Parameters
    ----------
    scale : float, default=1.0
        `s`, in (0, 1]: what a whole label counts.
    power : float, default=0.0
        `k`, at least 0.
    threshold : float, default=1.0
        `τ`, in (0, 1]: the share from which a label counts whole.
    sum_classes : bool, default=False
        Sum over classes, and not the mean.
    pos_weight, weight : Tensor or sequence of shape (C,), float or None
        Weight of a positive, and of each class.
    reduction : "mean" or "none", default="mean"
        "none" returns one value per row.

    Attributes
    ----------
    mixed_targets : str
        "pair": what :func:`mixed_loss` and the estimators give.
    output_activation : str
        "sigmoid". The estimators scale the sigmoids of a row to sum to one.

    References
    ----------
    .. [1] S. Li et al., "OpenMixup: Open Mixup Toolbox and Benchmark for Visual
       Representation Learning", 2022, arXiv:2209.04851 (`ClsMixupHead`, `two_hot`).

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import Mixup, TwoHotBinaryCrossEntropy, mixed_loss
    >>> x, y = torch.randn(8, 3), torch.randint(0, 3, (8,))
    >>> x_mixed, pair = Mixup(alpha=0.2)(x, y)
    >>> mixed_loss(TwoHotBinaryCrossEntropy(), x_mixed, pair).shape
    torch.Size([])
    """

    mixed_targets: ClassVar[str] = "pair"
    output_activation: ClassVar[str] = "sigmoid"
    pos_weight: Tensor | None
    weight: Tensor | None

    def __init__(
        self,
        scale: float = 1.0,
        power: float = 0.0,
        threshold: float = 1.0,
        sum_classes: bool = False,
        *,
        pos_weight: PerClass = None,
        weight: PerClass = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        for name, value in (("scale", scale), ("threshold", threshold)):
            check_number(name, value, low=0.0, high=1.0)
            if value == 0:
                raise ValueError(f"{name} must be greater than 0; got {value!r}.")
        check_number("power", power, low=0.0)
        check_flag("sum_classes", sum_classes)
        check_choice("reduction", reduction, ("mean", "none"))
        self.scale = scale
        self.power = power
        self.threshold = threshold
        self.sum_classes = sum_classes
        self.reduction = reduction
        self.register_buffer("pos_weight", per_class("pos_weight", pos_weight))
        self.register_buffer("weight", per_class("weight", weight))

    def forward(self, output: Tensor, target: Tensor | MixedTargets) -> Tensor:
        """Return the loss.

        Parameters
        ----------
        output : Tensor of shape (B, C)
            Logits, one per class also for two classes; half precision is widened.
        target : MixedTargets of class indices, or Tensor of shape (B,)
            Plain class indices are rows that were not mixed.

        Returns
        -------
        loss : Tensor, scalar or of shape (B,)

        Raises
        ------
        ValueError, TypeError
            For other targets, or shapes that do not fit.
        """
        output = class_logits(self, output)
        own, other, lam = class_pair(self, output, target)
        hot = torch.zeros_like(output)
        for y, share in ((own, lam), (other, 1 - lam)):
            counts = (share / self.threshold).pow(self.power).clamp(max=1.0)
            # A power of 0 would count a label that is not there.
            counts = torch.where(share > 0, counts, torch.zeros_like(counts))
            hot.scatter_add_(1, y.unsqueeze(1), counts.unsqueeze(1))
        hot = (self.scale * hot).clamp(max=1.0)
        loss = binary_losses(self, output, hot, self.pos_weight, self.weight)
        loss = loss.sum(1) if self.sum_classes else loss.mean(1)
        return reduced(loss, self.reduction)

    def extra_repr(self) -> str:
        """Show the parameters."""
        return (
            f"scale={self.scale}, power={self.power}, threshold={self.threshold},"
            f" sum_classes={self.sum_classes}, reduction={self.reduction!r}"
        )


class DecoupledCrossEntropy(nn.Module):
    r"""Cross-entropy of a mixed row, and of each of its classes without the other.

    .. math:: L_i = -\lambda \log \sigma(z)_a - (1 - \lambda) \log \sigma(z)_b
        - \eta \left[ \log \phi^{a,b} + \log \phi^{b,a} \right], \qquad
        \phi^{a,b} = \frac{\exp(z_a)}{\sum_{c \neq b} \exp(z_c)}

    In a softmax the two mixed classes compete, and a confident answer for one is
    punished by the other's share. :math:`\phi^{a,b}` leaves the competitor `b` out.
    Both classes count alike in the second part, as the paper's two-hot labels say. It
    is 0 for a row that was not mixed, or mixed with its own class.

    With two classes nothing is left to compare with, and :math:`\phi = 1` whatever the
    net says: that is an error, unless `eta` is 0.

    NOTE[DIFF] OpenMixup's code leaves the second part out for lambda = 1/2 exactly,
    since it tells the two labels apart by their shares. Its option to decouple only
    the class with the larger or smaller share is not here.

    Parameters
    ----------
    eta : float, default=0.1
        Weight of the second part, at least 0.
    reduction : "mean" or "none", default="mean"
        "none" returns one value per row.

    Attributes
    ----------
    mixed_targets : str
        "pair": what :func:`mixed_loss` and the estimators give.

    References
    ----------
    .. [1] Z. Liu, S. Li, G. Wang, L. Wu, C. Tan, S. Z. Li, "Harnessing Hard Mixed
       Samples with Decoupled Regularizer", NeurIPS 2023, arXiv:2203.10761.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import DecoupledCrossEntropy, MixedTargets
    >>> half = torch.tensor([0.5])
    >>> pair = MixedTargets(torch.tensor([0]), torch.tensor([1]), half)
    >>> round(DecoupledCrossEntropy(eta=1.0)(torch.zeros(1, 3), pair).item(), 4)
    2.4849
    """

    mixed_targets: ClassVar[str] = "pair"
    output_activation: ClassVar[str] = "softmax"

    def __init__(self, eta: float = 0.1, *, reduction: str = "mean") -> None:
        super().__init__()
        check_number("eta", eta, low=0.0)
        check_choice("reduction", reduction, ("mean", "none"))
        self.eta = eta
        self.reduction = reduction

    def forward(self, output: Tensor, target: Tensor | MixedTargets) -> Tensor:
        """Return the loss.

        Parameters
        ----------
        output : Tensor of shape (B, C)
            Logits of at least three classes; half precision is widened.
        target : MixedTargets of class indices, or Tensor of shape (B,)
            Plain class indices are rows that were not mixed.

        Returns
        -------
        loss : Tensor, scalar or of shape (B,)

        Raises
        ------
        ValueError, TypeError
            For other targets, shapes that do not fit, or two classes.
        """
        output = class_logits(self, output)
        if self.eta and output.shape[1] == 2:
            raise ValueError(
                "DecoupledCrossEntropy needs at least 3 classes: without its competitor"
                " a class of two is alone. Use nn.CrossEntropyLoss, or eta=0."
            )
        own, other, lam = class_pair(self, output, target)
        own, other = own.unsqueeze(1), other.unsqueeze(1)
        both = torch.cat((own, other), 1)
        share = torch.stack((lam, 1 - lam), 1)
        loss = -(share * output.log_softmax(1).gather(1, both)).sum(1)
        if self.eta:
            decoupled = _without(output, other) + _without(output, own)
            decoupled = decoupled - output.gather(1, both).sum(1)
            mixes = (own != other).squeeze(1) & (lam > 0) & (lam < 1)
            loss = loss + self.eta * torch.where(
                mixes, decoupled, torch.zeros_like(decoupled)
            )
        return reduced(loss, self.reduction)

    def extra_repr(self) -> str:
        """Show the parameters."""
        return f"eta={self.eta}, reduction={self.reduction!r}"


# -- what losses of pairs share --------------------------------------------------------


def class_pair(
    loss: Any, output: Tensor, target: Tensor | MixedTargets
) -> tuple[Tensor, Tensor, Tensor]:
    """Return own and partner's class indices, int64, and the own share.

    Raises
    ------
    TypeError
        If the targets are no class indices.
    ValueError
        If they do not fit the output, or shares lie outside [0, 1].
    """
    if not isinstance(target, MixedTargets):
        target = MixedTargets(target, target, output.new_ones(len(target)))
    name = type(loss).__name__
    own, other, lam = target
    for y in (own, other):
        if y.is_floating_point():
            raise TypeError(
                f"{name} needs the two labels of a row as class indices (integers); got"
                f" dtype {y.dtype}. Call the method without n_classes for a"
                " MixedTargets."
            )
        if y.shape != output.shape[:1]:
            raise ValueError(
                f"{name} needs class indices of shape ({len(output)},); got"
                f" {tuple(y.shape)}."
            )
        check_class_range(y, output.shape[1])
    if lam.device.type == "cpu" and len(lam) and not torch.compiler.is_compiling():
        low, high = (float(bound) for bound in torch.aminmax(lam))
        if not (low >= 0.0 and high <= 1.0):
            raise ValueError(
                f"{name} needs shares between 0 and 1; got lam from {low:g} to"
                f" {high:g}."
            )
    return own.long(), other.long(), lam.to(output.dtype)


def _without(output: Tensor, left_out: Tensor) -> Tensor:
    """Return the log of the sum of exponentials over all classes but one."""
    return output.scatter(1, left_out, -torch.inf).logsumexp(1)
