"""Mixing what a layer returns, by a forward hook that lives for one forward pass.

The module needs no change and keeps none. A layer may return a tensor or tensors in
tuples, lists and mappings (Hugging Face outputs are mappings): every float tensor with
the rows of the batch along its batch axis is mixed, everything else is passed on.

The batch axis is the first one. Layers of torch that say themselves where it is
(recurrent layers, attention and transformers with ``batch_first=False``) are asked.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from sk_mixup.mixing.plans import MixPlan, joined_masks


class MixedPass:
    """One forward pass that a plan mixes.

    Attributes
    ----------
    plan : MixPlan
        The plan of the batch. When the pass is over, it is one whose label weights are
        known: another one than before, where they follow from what the net showed.
    """

    def __init__(self, plan: MixPlan) -> None:
        self.plan = plan


@contextmanager
def mix_layer(module: nn.Module, plan: MixPlan) -> Iterator[MixedPass]:
    """Mix the output of the plan's layer in the forward pass inside this context.

    With a plan that weighs late and has no layer, nothing is mixed here: run the net on
    the mixed input inside this context, in which it is watched.

    Parameters
    ----------
    module : torch.nn.Module
        The net; it has no hook left afterwards. A compiled net runs uncompiled inside
        this context, since compiled code knows no hooks.
    plan : MixPlan
        A plan with a `site`, or one that weighs late; with others nothing happens.

    Yields
    ------
    mixed : MixedPass
        Its `plan` has the weights of the targets, for the loss after the pass.

    Raises
    ------
    RuntimeError
        If the layer ran not once but never or several times, or if a compiled net
        cannot run uncompiled (before torch 2.6).
    TypeError
        If the layer returned no tensor of floats.
    ValueError
        If no tensor of floats has the rows of the batch, or if the net is an
        nn.DataParallel over several devices, which cuts batches in parts.
    """
    passed = MixedPass(plan)
    if plan.site is None:
        if not plan.weighs_late:
            yield passed
            return
        with uncompiled(module), plan.watched(module) as weighed:
            yield passed
            passed.plan = weighed()
        return
    calls = 0

    def hook(layer: nn.Module, inputs: Any, output: Any) -> Any:
        nonlocal calls
        calls += 1
        # A second time is an error, told when the pass is over.
        if calls > 1:
            return output
        if plan.weighs_late:
            passed.plan = plan.settled(_first_rows(plan, layer, output))
        return mix_output(passed.plan, layer, output)

    handle = find_layer(module, plan.site).register_forward_hook(hook)
    try:
        with uncompiled(module), joined_masks(module, plan):
            yield passed
    finally:
        handle.remove()
    if calls != 1:
        raise RuntimeError(
            f"layers: {plan.site!r} ran {calls} times in one forward pass; a mixed"
            " layer must run exactly once. Name another layer."
        )


def mix_output(plan: MixPlan, layer: nn.Module, output: Any) -> Any:
    """Mix what a layer returned.

    Parameters
    ----------
    plan : MixPlan
    layer : torch.nn.Module
        Its type tells where the batch axis is.
    output : Tensor, or tuple, list or mapping that holds tensors

    Returns
    -------
    mixed : like `output`
    """
    walk = _Walk(plan)
    axis = batch_axis(layer)
    if isinstance(layer, nn.RNNBase):
        # States are (layers, B, width), whatever the order in the sequence is.
        mixed: Any = (walk(output[0], axis), walk(output[1], 1))
    elif isinstance(layer, nn.MultiheadAttention):
        mixed = (walk(output[0], axis), walk(output[1], 0))
    else:
        mixed = walk(output, axis)
    if not walk.done:
        raise _nothing_to_mix(plan, axis, output)
    return mixed


def _first_rows(plan: MixPlan, layer: nn.Module, output: Any) -> Tensor:
    """Return the first tensor that will be mixed, with the batch first."""
    axis = batch_axis(layer)
    for value in tensors_of(output):
        if value.is_floating_point() and value.shape[axis : axis + 1] == (plan.n_rows,):
            return value.movedim(axis, 0)
    raise _nothing_to_mix(plan, axis, output)


def batch_axis(layer: nn.Module) -> int:
    """Return the axis of the batch in what a layer returns: 0, or 1 where it says so.

    Parameters
    ----------
    layer : torch.nn.Module
    """
    part: Any = layer
    if isinstance(part, (nn.TransformerEncoder, nn.TransformerDecoder)):
        part = part.layers[0]
    if isinstance(part, (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)):
        part = part.self_attn
    if isinstance(part, (nn.RNNBase, nn.MultiheadAttention, nn.Transformer)):
        return 0 if part.batch_first else 1
    return 0


def tensors_of(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in tuples, lists and mappings."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from tensors_of(part)
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from tensors_of(part)


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the net inside torch.compile, DataParallel and DistributedDataParallel.

    Its layers are known by the names that they have without a wrapper.
    """
    inner: Any = module
    while True:
        if hasattr(inner, "_orig_mod"):
            inner = inner._orig_mod
        elif isinstance(inner, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            inner = inner.module
        else:
            net: nn.Module = inner
            return net


def layer_names(module: nn.Module) -> list[str]:
    """Return the names of all layers below a net, without those of wrappers."""
    named = unwrapped(module).named_modules()
    names = [name.replace("._orig_mod", "") for name, _ in named if name]
    return list(dict.fromkeys(names))


def find_layer(module: nn.Module, name: str) -> nn.Module:
    """Return a layer by its name.

    Raises
    ------
    ValueError
        If the net cuts batches in parts, or has no such layer.
    """
    if isinstance(module, nn.DataParallel) and len(module.device_ids) > 1:
        raise ValueError(
            f"layers: {name!r} cannot be mixed in an nn.DataParallel over"
            f" {len(module.device_ids)} devices: each sees a part of the batch, and"
            " partners stand in other parts. Use one process per device"
            " (DistributedDataParallel), or mix the input."
        )
    net = unwrapped(module)
    try:
        layer = net.get_submodule(name.replace("_orig_mod.", ""))
    except AttributeError as error:
        raise ValueError(
            f"layers: {type(net).__name__} has no layer {name!r}."
        ) from error
    return unwrapped(layer)


class _Walk:
    """Mixes the tensors of one output; `done` tells whether there were any."""

    def __init__(self, plan: MixPlan) -> None:
        self.plan = plan
        self.done: dict[int, Tensor] = {}

    def __call__(self, value: Any, axis: int) -> Any:
        if isinstance(value, Tensor):
            return self._tensor(value, axis)
        if isinstance(value, PackedSequence):
            raise TypeError(
                f"layers: {self.plan.site!r} returns a PackedSequence, in which rows"
                " of a batch have no places of their own. Name a layer behind"
                " pad_packed_sequence."
            )
        if isinstance(value, Mapping):
            return self._mapping(value, axis)
        if isinstance(value, (tuple, list)):
            parts = [self(part, axis) for part in value]
            # A named tuple takes its fields one by one.
            return (
                type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
            )
        return value

    def _tensor(self, value: Tensor, axis: int) -> Tensor:
        if value.is_nested or not (value.is_floating_point() or value.is_complex()):
            return value
        if value.ndim <= axis or value.shape[axis] != self.plan.n_rows:
            return value
        if id(value) not in self.done:  # Outputs may hold one tensor twice.
            self.done[id(value)] = (
                self.plan.apply(value.movedim(axis, 0)).movedim(0, axis)
                if axis
                else self.plan.apply(value)
            )
        return self.done[id(value)]

    def _mapping(self, value: Mapping[Any, Any], axis: int) -> Any:
        mixed = {key: self(part, axis) for key, part in value.items()}
        if type(value) is dict or not isinstance(value, MutableMapping):
            return mixed
        # Outputs of Hugging Face are also read by attribute: setting an entry sets it.
        result = copy.copy(value)
        for key, part in mixed.items():
            result[key] = part
        return result


def _nothing_to_mix(plan: MixPlan, axis: int, output: Any) -> Exception:
    floats = [t for t in tensors_of(output) if t.is_floating_point() or t.is_complex()]
    if not floats:
        kinds = sorted({str(t.dtype) for t in tensors_of(output)})
        what = f" of {', '.join(kinds)}" if kinds else ""
        return TypeError(
            f"layers: {plan.site!r} returns {type(output).__name__}{what}, and a tensor"
            " of floats is needed, alone or in a tuple, list or dict. Name another"
            " layer."
        )
    shapes = ", ".join("nested" if t.is_nested else str(tuple(t.shape)) for t in floats)
    return ValueError(
        f"layers: {plan.site!r} returns {shapes} for a batch of {plan.n_rows} rows, and"
        f" axis {axis} must be the batch. Name a layer whose output has the batch"
        " first; recurrent layers, attention and transformers of torch may also have"
        " it second (batch_first=False)."
    )


def uncompiled(module: nn.Module) -> contextlib.AbstractContextManager[Any]:
    """Run compiled parts as plain code, where there are any."""
    if not any(
        "_orig_mod" in part._modules
        or getattr(part, "_compiled_call_impl", None) is not None
        for part in module.modules()
    ):
        return contextlib.nullcontext()
    if not hasattr(torch.compiler, "set_stance"):
        raise RuntimeError(
            "layers: hidden layers of a compiled net need torch 2.6 or later. Mix the"
            " input (layers='input'), or do not compile."
        )
    stance: contextlib.AbstractContextManager[Any] = torch.compiler.set_stance(
        "force_eager"
    )
    return stance
