"""Masks of mixed rows: what is there in either of two.

An attention mask goes beside the input to layers behind the one that is mixed. A blend
of two rows has tokens wherever one of the two has any, so its mask is the union.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing.plans._plan import MixPlan
from sk_mixup.mixing.plans._rows import take_rows


def united(own: Tensor, other: Tensor, lam: Tensor) -> Tensor:
    """Return what is set in either of two tensors, the larger of two numbers.

    Parameters
    ----------
    own, other : Tensor of shape (B, ...)
    lam : Tensor of shape (B,)
        Share of `own`. A row of which nothing is there adds nothing.

    Returns
    -------
    union : Tensor of shape (B, ...)
    """
    both = own | other if own.dtype == torch.bool else torch.maximum(own, other)
    lam = lam.view((-1,) + (1,) * (own.ndim - 1))
    return torch.where(lam == 1, own, torch.where(lam == 0, other, both))


def check_union(union: Any) -> tuple[str, ...]:
    """Return the keys of masks as a tuple.

    Raises
    ------
    TypeError
        For anything but names.
    """
    keys = (union,) if isinstance(union, str) else union
    if not isinstance(keys, (tuple, list)) or not all(isinstance(k, str) for k in keys):
        raise TypeError(
            "union must be names of masks in a dict input, such as ('mask',); got"
            f" {union!r}."
        )
    return tuple(keys)


@contextmanager
def joined_masks(module: nn.Module, plan: MixPlan) -> Iterator[None]:
    """Join the masks of the plan's pairs in the forward pass inside this context.

    Parameters
    ----------
    module : torch.nn.Module
        Gets its masks by name. It has no hook left afterwards.
    plan : MixPlan
        Names in `joined` what is a mask.

    Raises
    ------
    ValueError
        If the module gets no such argument by name.
    """
    if not plan.joined or plan.is_identity:
        yield
        return

    def hook(layer: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        kwargs = dict(kwargs)
        for key in plan.joined:
            if not isinstance(kwargs.get(key), Tensor):
                raise ValueError(
                    f"union: {type(layer).__name__} got no tensor by the name {key!r};"
                    f" by name it got {sorted(kwargs)}."
                )
            mask = kwargs[key]
            partners = take_rows(mask, plan.partner)
            kwargs[key] = united(plan.own_rows(mask), partners, plan.lam)
        return args, kwargs

    handle = module.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
