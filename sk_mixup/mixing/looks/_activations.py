"""Where in an image the net sees a class."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing.looks._asking import asked, in_rows, module_of
from sk_mixup.mixing.looks._leaves import leaf_at
from sk_mixup.mixing.looks._losses import main_tensor
from sk_mixup.mixing.looks._maps import last_map_layer, only_map


def class_activations(
    context: MixContext | None,
    x: Tensor,
    y: Tensor,
    layer: str = "auto",
    *,
    who: str = "the method",
    module: nn.Module | None = None,
    evaluates: bool = True,
    chunk: int | None = None,
) -> Tensor:
    r"""Return how much each place of a feature map speaks for a class.

    :math:`\sum_c w_c f_c(u, v)` over the channels of the map :math:`f`, where
    :math:`w_c` is the sum over places of the gradient of the class's output in
    :math:`f_c` (Grad-CAM, without its cut at zero). For a net that ends in average
    pooling and one linear layer, :math:`w` is the row of that layer, and this is the
    class activation map itself. Behind the layer alone is a graph recorded, so that
    the price is a forward pass.

    Parameters
    ----------
    context : MixContext or None
    x : Tensor of shape (B, channels, height, width)
    y : Tensor of shape (B,) or (B, n_classes)
        Class of each row. Floats, and indicators of several classes: the sum of their
        outputs, weighted so. Of a net with one output, that output.
    layer : str, default="auto"
        Its name in the net; "auto": the last one that returns a map.
    who, module, evaluates, chunk :
        As for `feature_map`.

    Returns
    -------
    maps : Tensor of shape (B, height, width) of the feature map
        On the device of `x`; any sign.

    Raises
    ------
    ValueError
        As for `feature_map`, and if no gradient comes back to the layer.

    References
    ----------
    Zhou et al.: Learning Deep Features for Discriminative Localization, CVPR 2016.
    Selvaraju et al.: Grad-CAM, ICCV 2017.
    """
    net = module_of(context, who) if module is None else module
    if y is None:
        raise ValueError(
            f"{who} looks at where the net sees the class, and got y=None. Give y to"
            " draw."
        )
    if layer == "auto":
        layer = last_map_layer(context, x, who=who, module=module)

    def look(rows: Tensor, targets: Tensor) -> Tensor:
        with (
            asked(context, who, module=module, evaluates=evaluates) as call,
            leaf_at(net, layer) as seen,
        ):
            score = _of_class(call(rows), targets)
            only_map(who, layer, seen, len(rows))
            slope = None
            if score.requires_grad:
                (slope,) = torch.autograd.grad(score, seen, allow_unused=True)
        if slope is None:
            raise ValueError(
                f"{who} looks at where {type(net).__name__} sees the class, and no"
                f" gradient of its output comes back to layer {layer!r}. Name a layer"
                " that the output follows from, or use a method that needs no"
                " gradient, such as saliency_mix or cutmix."
            )
        features: Tensor = seen[0].detach().float()
        weight = slope.float().sum((2, 3), keepdim=True)
        return (weight * features).sum(1).to(x.device)

    return in_rows(look, chunk, x, y)


def _of_class(output: Any, y: Tensor) -> Tensor:
    """Return the sum over rows of what the net says of their classes."""
    scores = main_tensor(output)
    rows = scores.flatten(1) if scores.ndim > 1 else scores.unsqueeze(1)
    y = y.to(rows.device)
    if rows.shape[1] == 1:
        # One logit speaks for the second of two classes, and against the first.
        if not y.is_floating_point() and y.ndim == 1:
            return (rows[:, 0] * (2 * y - 1)).sum()
        return rows.sum()
    if y.ndim == 1 and not y.is_floating_point():
        return rows.gather(1, y.long().unsqueeze(1)).sum()
    return (rows * y.to(rows.dtype)).sum()
