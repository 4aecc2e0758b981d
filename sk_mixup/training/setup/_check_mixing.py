"""Whether a method can mix this input for this net, found out before training."""

from __future__ import annotations

import copy
import dataclasses
import functools
import numbers
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup import mixing
from sk_mixup.mixing import (
    Method,
    MixContext,
    MixPlan,
    companions_of,
    output_activation,
    target_form,
)
from sk_mixup.training.feeds import (
    Input,
    facts_on,
    mixes_input,
    move,
    own_copy,
)
from sk_mixup.training.loop import place_of
from sk_mixup.training.setup._companions import copy_caller
from sk_mixup.training.setup._trial import try_plan


def check_mixing(
    method: Method | None,
    net: Any,
    sample: Input,
    y: Tensor,
    facts: dict[str, Any],
    *,
    criterion: Callable[[Any, Tensor], Tensor] | None = None,
) -> None:
    """Draw and apply plans, so that a method that cannot mix this input says so.

    Parameters
    ----------
    method : Method or None
    net : skorch net
        Initialized.
    sample : Tensor or dict
        Some rows of input.
    y : Tensor
        Their targets.
    facts : dict
        As `mix_facts` returns them.
    criterion : callable or None
        As `MixContext` has it.
    """
    if method is None:
        return
    module, device = net.module_, place_of(net)
    sample, y, facts = move(sample, device), move(y, device), facts_on(facts, device)
    inside = getattr(module, "mixes_inside", False)
    # Copies, of rows that are tried several times.
    call = functools.partial(_infer_copy, net)
    context = MixContext(module=module, call=call, criterion=criterion, **facts)
    for one in method.choices:
        _check_memory(one, module, inside)
        if context.has_weights:
            _check_weights(one)
        if _runs_the_net(one):
            mixing.try_layers(one, module, sample, y, call=call, context=context)
        # Also of a method inside another: `method__off_first`.
        epochs = [k for k in one.get_params() if k.endswith(("off_first", "off_last"))]
        trial = copy.deepcopy(one).set_params(**dict.fromkeys(epochs, 0))
        if one.reads_module:
            # A look that fails does so now, whatever gates and schedules say.
            seen = _mixing_plan(trial, net, sample, y, context)
            _check_pair(net.criterion_, seen)
        plan = _drawn(trial, net, sample, y, context)
        if plan.unites_targets:
            _check_union(net.criterion_)
        if callable(check_plan := getattr(net.criterion_, "check_plan", None)):
            check_plan(_mixing_plan(trial, net, sample, y, context))
        # A hidden layer that can be drawn excuses an input that cannot be mixed.
        if mixes_input(plan, inside) and not _may_mix_layers_alone(one, module):
            try_plan(plan, sample)


def _may_mix_layers_alone(method: Method, module: nn.Module) -> bool:
    if not method.mixes_layers:
        return False
    assert isinstance(method, mixing.ManifoldMixup)
    return "input" not in method.sites(module)


def _runs_the_net(method: Method) -> bool:
    """Whether a plan takes effect in the pass of the net, alone or inside another."""
    parts = [part for part in method.walk() if isinstance(part, Method)]
    return any(part.mixes_layers or part.weighs_late for part in parts)


def _infer_copy(net: Any, x: Any) -> Any:
    return net.infer(own_copy(x))


def _drawn(
    method: Method, net: Any, sample: Input, y: Tensor, context: MixContext
) -> MixPlan:
    generator = torch.Generator().manual_seed(0)
    companions = companions_of(
        method,
        net.module_,
        sample,
        call=copy_caller(net),
        generator=torch.Generator().manual_seed(0),
    )
    context = dataclasses.replace(context, companions=companions)
    return method.draw(sample, y, generator=generator, context=context)


def _mixing_plan(
    method: Method, net: Any, sample: Input, y: Tensor, context: MixContext
) -> MixPlan:
    """Draw a plan as of a batch that the gate and the schedules let be mixed.

    One that leaves everything as it is, where a method never does anything else.
    """
    opened = {
        key: 1.0
        for key, value in method.get_params().items()
        if _last(key) in ("p", "alpha") and (callable(value) or _is_share(key, value))
    }
    opened |= {key: 1 for key in method.get_params() if _last(key) == "every"}
    trial = copy.deepcopy(method).set_params(**opened)
    return _drawn(trial, net, sample, y, context)


def _is_share(key: str, value: Any) -> bool:
    """Whether a parameter is a probability other than 0."""
    return _last(key) == "p" and isinstance(value, numbers.Real) and value != 0


def _last(key: str) -> str:
    return key.rpartition("__")[2]


def _check_union(criterion: Any) -> None:
    """Refuse the labels of both partners where a row can have one alone."""
    one_class = isinstance(criterion, (nn.CrossEntropyLoss, nn.NLLLoss))
    if one_class or output_activation(criterion) == "softmax":
        raise ValueError(
            "mix: union=True gives a row the labels of both partners, and criterion:"
            f" {type(criterion).__name__} takes shares of one label. Use"
            " criterion=torch.nn.BCEWithLogitsLoss, or union=False."
        )


def _check_pair(criterion: Any, plan: MixPlan) -> None:
    """Refuse a criterion of one number per row where labels have two."""
    if target_form(criterion) != "pair":
        return
    try:
        _ = plan.own_share
    except ValueError as error:
        raise ValueError(f"criterion: {type(criterion).__name__}: {error}") from error


def _check_memory(method: Method, module: nn.Module, inside: bool) -> None:
    """Refuse partners from memory where something else than the input is mixed."""
    for pairing in _memories(method):
        if method.mixes_layers or (inside and method.blends):
            place = "hidden layers" if not inside else "the embedded input"
            raise ValueError(
                f"mix: pairing={pairing!r} keeps rows of the input, and"
                f" {type(method).__name__} mixes {place} of {type(module).__name__}."
                " Use another pairing such as 'shuffle'"
                + (", or a module of your own." if inside else ".")
            )


def _check_weights(method: Method) -> None:
    """Refuse partners from memory, whose weights nobody has kept."""
    if method.never_mixes or getattr(method, "p", None) == 0:
        return
    for pairing in _memories(method):
        raise ValueError(
            f"mix: the partners that pairing={pairing!r} takes from memory have no"
            " weights; leave sample_weight and class_weight out, or choose another"
            " pairing."
        )


def _memories(method: Method) -> list[Any]:
    """Return the pairings with memory of a method, and of those inside it."""
    values = method.get_params().values()
    return [value for value in values if getattr(value, "keeps_rows", False)]
