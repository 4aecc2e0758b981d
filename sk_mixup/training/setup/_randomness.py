"""What a training draws from beside the streams of mixing: a generator, or the globals.

The bundled nets take a generator of their own. The dropout of torch and code of users
(modules, criteria, callbacks, augmentation, data sets) can only read the global states:
for these they are seeded, and one training at a time has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.inputs import SparseRows
from sk_mixup.mixing import Method
from sk_mixup.nets import dropout_from
from sk_mixup.training.feeds import ArrayData, seeded_globals
from sk_mixup.training.loop import MixingRun

# Layers of torch that draw. Those with a rate do so if it is not 0.
_DRAWING = (
    nn.modules.dropout._DropoutNd,
    nn.RReLU,
    nn.FractionalMaxPool2d,
    nn.FractionalMaxPool3d,
)
_KNOWN = ("torch.nn.modules.", "sk_mixup.")


@contextmanager
def training_randomness(
    net: Any, run: MixingRun, train: Any, seed: int
) -> Iterator[None]:
    """Let a training draw from what `seed` gives, and leave global states as they are.

    Parameters
    ----------
    net : skorch net
        Ready to train.
    run : MixingRun
        Started; gets `lend`, which the training calls between two steps.
    train : ArrayData or StreamData
    seed : int
        In [0, 2**32).
    """
    if not reads_globals(net, run, train):
        with dropout_from(torch.Generator().manual_seed(seed)):
            yield
        return
    with seeded_globals(seed) as run.lend:
        try:
            yield
        finally:
            run.lend = None


def reads_globals(net: Any, run: MixingRun, train: Any) -> bool:
    """Whether anything in a training may draw from a global random state.

    Parameters
    ----------
    net, run, train :
        As for `training_randomness`.
    """
    ours = (
        not net.wraps_
        and not net.callbacks
        and all(name != "scikit_learn" for name, _ in net.callbacks_)
        and not run.augment
        and net.place_.type == "cpu"
        and (run.forward is None or run.forward.options is None)
        and not net.uses_loader_
        and isinstance(train, ArrayData)
        and _in_memory(train.X)
        and _is_known(net.criterion_)
        and getattr(net.optimizer, "__module__", "").startswith("torch.optim.")
        and _is_known_method(run.method)
    )
    return not (ours and all(map(_draws_nothing, net.module_.modules())))


def _in_memory(x: Any) -> bool:
    if isinstance(x, dict):
        x = tuple(x.values())
    if isinstance(x, tuple):
        return all(isinstance(value, (Tensor, SparseRows)) for value in x)
    return isinstance(x, (Tensor, SparseRows))


def _is_known(thing: Any) -> bool:
    """Whether it is of a class of torch's layers, or of one of ours."""
    return type(thing).__module__.startswith(_KNOWN)


def _is_known_method(method: Method | None) -> bool:
    return method is None or all(map(_is_known, method.walk()))


def _draws_nothing(part: nn.Module) -> bool:
    """Whether a layer is known to draw nothing, or from the generator of the thread."""
    if not _is_known(part) or "forward" in vars(part) or _has_hooks(part):
        return False
    draws_apart = getattr(part, "draws_apart", False)
    if isinstance(part, _DRAWING):
        return draws_apart and not part.inplace
    # Of attention and recurrent layers: a rate that their own code hands to torch.
    rate = getattr(part, "dropout", 0.0)
    return isinstance(rate, nn.Module) or rate == 0.0 or draws_apart


def _has_hooks(part: nn.Module) -> bool:
    return bool(
        part._forward_hooks
        or part._forward_pre_hooks
        or part._backward_hooks
        or part._backward_pre_hooks
        or any(p._backward_hooks for p in part.parameters(recurse=False))
    )
