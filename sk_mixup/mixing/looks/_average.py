"""The average of a net over its training, to be asked in its place."""

from __future__ import annotations

import copy
import weakref

import torch
from torch import nn

from sk_mixup.mixing.layers import unwrapped

# Of each net, as long as it lives: its average for every decay that was asked for.
_AVERAGES: weakref.WeakKeyDictionary[nn.Module, dict[float, nn.Module]]
_AVERAGES = weakref.WeakKeyDictionary()


@torch.no_grad()
def running_average(module: nn.Module, decay: float) -> nn.Module:
    """Return the average of a net's weights, with the present ones taken in.

    Parameters
    ----------
    module : torch.nn.Module
        Which trains.
    decay : float
        Share of the average that stays with every call, in [0, 1).

    Returns
    -------
    average : torch.nn.Module
        The same object for one net and decay, without gradients; at the first call a
        copy of the net. It is kept beside the net, and no part of it: a training that
        is taken up from a file begins a new one.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing.looks import running_average
    >>> net = torch.nn.Linear(1, 1, bias=False)
    >>> _ = net.weight.data.fill_(1.0)
    >>> average = running_average(net, 0.75)
    >>> _ = net.weight.data.fill_(5.0)
    >>> running_average(net, 0.75).weight.item(), average.weight.requires_grad
    (2.0, False)
    """
    net = unwrapped(module)
    kept = _AVERAGES.setdefault(net, {})
    if decay not in kept:
        kept[decay] = copy.deepcopy(net).requires_grad_(False)
        return kept[decay]
    average = kept[decay]
    values = net.state_dict()
    for name, old in average.state_dict().items():
        new = values[name]
        if old.is_floating_point():
            old.lerp_(new.to(old), 1.0 - decay)
        else:
            old.copy_(new)
    return average
