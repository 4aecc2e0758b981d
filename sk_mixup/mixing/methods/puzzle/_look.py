"""The look at a batch that shows its saliency, and what it leaves for the training."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing.looks import InputLook, look_back, ready_loss
from sk_mixup.mixing.methods.puzzle._saliency import gradient_saliency


def look_for_saliency(
    x: Tensor,
    y: Tensor | None,
    context: MixContext | None,
    *,
    who: str,
    smooth: int,
    clean_lam: float = 0.0,
) -> tuple[Tensor, Callable[[], Tensor] | None]:
    """Return the saliency of images, and the loss of the clean batch.

    Parameters
    ----------
    x : Tensor of shape (B, channels, height, width)
    y : Tensor or None
        Their targets.
    context : MixContext or None
    who : str
        What messages call the method.
    smooth : int
        As for `gradient_saliency`.
    clean_lam : float, default=0.0
        Weight of the clean loss. Where it counts, the net is asked in the mode that it
        trains in; otherwise in evaluation mode, where rows do not meet.

    Returns
    -------
    saliency : Tensor of shape (B, height, width), on the CPU
    extra_loss : callable or None
        For `MixPlan.extra_loss`.

    Raises
    ------
    ValueError
        As `look_back` does.
    """
    look = look_back(
        context,
        x,
        y,
        who=who,
        evaluates=not clean_lam,
        with_parameters=bool(clean_lam),
    )
    extra_loss = _CleanLoss(look, clean_lam) if clean_lam else None
    return gradient_saliency(look.gradient, smooth), extra_loss


class _CleanLoss:
    """The loss of the clean batch, whose gradients are known already."""

    def __init__(self, look: InputLook, weight: float) -> None:
        self.look, self.weight = look, weight

    def __call__(self) -> Tensor:
        look = self.look
        mean = look.loss.mean()
        return self.weight * ready_loss(mean, look.parameters, look.parameter_gradients)
