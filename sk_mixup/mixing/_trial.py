"""Every hidden layer that a method may draw, mixed once before training begins."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._method import Method
from sk_mixup.mixing.layers import (
    INPUT,
    Call,
    find_layer,
    find_sites,
    misplaced_batch,
    mix_layer,
    plain_call,
    quiet,
    run_and_record,
    some_rows,
)
from sk_mixup.mixing.methods import ManifoldMixup
from sk_mixup.mixing.plans import MixPlan


def try_layers(
    method: Method,
    module: nn.Module,
    x: Any,
    y: Tensor,
    *,
    call: Call | None = None,
    context: MixContext | None = None,
) -> None:
    """Mix each place that a method may draw in one forward pass of two rows.

    A method that learns the weights of labels from such a pass is tried too. The net
    runs in evaluation mode, without gradients, and is left as it was.

    Parameters
    ----------
    method : Method
        One that mixes hidden layers or weighs late, alone or inside another; others
        are not tried.
    module : torch.nn.Module
    x : Tensor, or dict, tuple or list of such
        Some rows of input, at least one.
    y : Tensor
        Their targets.
    call : callable or None
        Runs the net on rows like those of `x`; None: ``module(x)``, with the parts
        of a dict by name and those of a tuple one by one.
    context : MixContext or None
        As for `Method.draw`.

    Raises
    ------
    RuntimeError
        If a layer never runs, or several times.
    ValueError, TypeError
        If a layer does not exist or returns nothing that can be mixed, or an input
        that may be drawn cannot be blended.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import ManifoldMixup, try_layers
    >>> relu = torch.nn.ReLU()
    >>> net = torch.nn.Sequential(torch.nn.Linear(3, 5), relu, torch.nn.Linear(5, 2))
    >>> x, y = torch.randn(8, 3), torch.randint(0, 2, (8,))
    >>> try_layers(ManifoldMixup(layers=["0", "1"]), net, x, y)
    >>> net.append(relu)
    Sequential(...)
    >>> try_layers(ManifoldMixup(layers=["0", "1"]), net, x, y)
    Traceback (most recent call last):
    RuntimeError: layers: '1' ran 2 times in one forward pass; ...
    """
    layered = list(_layered(method))
    call = call or plain_call(module)
    if not layered:
        _try_watching(method, module, x, y, call, context)
        return
    if any(one.finds_layers_in(module) for one in layered):
        find_sites(module, x, call)
    sites = {site: True for one in layered for site in one.sites(module)}
    if method.never_mixes:
        return
    last = len(y) - 1
    rows, labels = some_rows(x, (0, last)), y[[0, last]]
    if sites.pop(INPUT, False) and not getattr(module, "mixes_inside", False):
        _plan_at(INPUT, method, rows, labels, context).apply(rows)
    if not sites:
        return
    with quiet(module):
        two = run_and_record(module, call, rows)
        three = run_and_record(module, call, some_rows(x, (0, last, 0)))
        for site in sites:
            shape = misplaced_batch(find_layer(module, site), two[site], three[site])
            if shape is not None:
                raise ValueError(
                    f"layers: {site!r} returns shape {shape} for 2 rows, in which the"
                    " batch is not the first axis. Name a layer whose output has the"
                    " batch first, or one around it."
                )
            with mix_layer(module, _plan_at(site, method, rows, labels, context)):
                call(rows)


def _try_watching(
    method: Method,
    module: nn.Module,
    x: Any,
    y: Tensor,
    call: Call,
    context: MixContext | None,
) -> None:
    """Run the net on mixed rows, where label weights follow from that."""
    late = any(one.weighs_late for one in _methods(method))
    if not late or method.never_mixes or getattr(module, "mixes_inside", False):
        return
    trial = copy.deepcopy(method)
    for one in _methods(trial):
        if one.weighs_late:
            one.p, one.pairing, one.off_first, one.off_last = 1.0, "shuffle", 0, 0
    rows, labels = some_rows(x, (0, len(y) - 1)), y[[0, -1]]
    generator = torch.Generator().manual_seed(0)
    plan = trial.draw(rows, labels, generator=generator, context=context)
    with quiet(module), mix_layer(module, plan):
        call(plan.apply(rows))


def _plan_at(
    site: str, method: Method, x: Any, y: Tensor, context: MixContext | None
) -> MixPlan:
    """Draw what the method would do at one place."""
    trial = copy.deepcopy(method)
    wanted = None if site == INPUT else site
    for one in _layered(trial):
        one.layers, one.alpha, one.p, one.pairing = [site], 1.0, 1.0, "shuffle"
        one.off_first = one.off_last = 0
    plain = ManifoldMixup(1.0, layers=[site])
    choices: tuple[Method, ...] = (trial, *_layered(trial), plain)
    for choice in choices:
        generator = torch.Generator().manual_seed(0)
        plan = choice.draw(x, y, generator=generator, context=context)
        if plan.site == wanted and not plan.is_identity:
            break
    return plan


def _methods(method: Method) -> Iterator[Method]:
    """Yield a method itself, and those inside it."""
    for part in method.walk():
        if isinstance(part, Method):
            yield part


def _layered(method: Method) -> Iterator[ManifoldMixup]:
    """Yield the methods for hidden layers: a method itself, and those inside it."""
    for part in method.walk():
        if isinstance(part, ManifoldMixup):
            yield part
