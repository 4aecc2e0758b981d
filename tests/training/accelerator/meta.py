"""Trainings on the device `meta`, which runs everything and hands nothing back.

What would make a step wait for an accelerator is noted there and answered by zeros: a
number that is read, a tensor that is fetched. What would fail on a machine that has one
fails: an operation that mixes devices, or a result whose size depends on values.
"""

from __future__ import annotations

from contextlib import contextmanager
from unittest import mock

import torch
from skorch import NeuralNet
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

META = torch.device("meta")

#: Calls that wait for a device, and the answers that they get here.
READS = {
    Tensor.item: lambda t: t.new_zeros((), device="cpu").item(),
    Tensor.tolist: lambda t: torch.zeros(t.shape, dtype=t.dtype).tolist(),
    Tensor.cpu: lambda t, *_, **__: torch.zeros(t.shape, dtype=t.dtype),
    Tensor.numpy: lambda t, *_, **__: torch.zeros(t.shape, dtype=t.dtype).numpy(),
    Tensor.__bool__: lambda t: True,
    Tensor.__int__: lambda t: 0,
    Tensor.__float__: lambda t: 0.0,
    Tensor.__index__: lambda t: 0,
    torch.equal: lambda *_: True,
    torch.allclose: lambda *_, **__: True,
}
#: Calls that make a tensor of numbers of the host, and send it.
MAKERS = {torch.tensor, torch.as_tensor, torch.asarray, Tensor.new_tensor}


def _is_there(value):
    return isinstance(value, Tensor) and value.device == META


class _Calls(TorchFunctionMode):
    """Notes reads, and tensors that are made of numbers of the host."""

    def __init__(self, note):
        super().__init__()
        self.note = note

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in READS and any(map(_is_there, args)):
            self.note("read")
            return READS[func](*args, **kwargs)
        if func is Tensor.to and _is_there(args[0]):
            aims = [a for a in (*args[1:], *kwargs.values()) if _names_host(a)]
            if aims:
                self.note("read")
                return torch.zeros(args[0].shape, dtype=args[0].dtype)
        if func in (Tensor.__getitem__, Tensor.__setitem__) and _is_there(args[0]):
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            if any(isinstance(part, list) for part in index):
                self.note("copy")
            masks = [t for t in index if isinstance(t, Tensor) and not _counts(t)]
            if func is Tensor.__setitem__ and masks and isinstance(args[2], Tensor):
                # Rows that a mask marks are counted before they are written to.
                self.note("read")
        result = func(*args, **kwargs)
        is_made = func in MAKERS and _is_there(result)
        if is_made and not _is_there(args[1 if func is Tensor.new_tensor else 0]):
            self.note("copy")
        return result


def _names_host(aim):
    if isinstance(aim, Tensor):
        return aim.device.type == "cpu"
    is_device = isinstance(aim, (str, torch.device))
    return is_device and torch.device(aim).type == "cpu"


def _counts(index):
    return index.dtype not in (torch.bool, torch.uint8)


class Traffic(TorchDispatchMode):
    """Notes steps, what is read back, and what is sent to the device.

    Attributes
    ----------
    events : list of str
        "epoch", "step", "read", "copy" and "end", in their order.
    """

    def __init__(self):
        super().__init__()
        self.events = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        if name in ("_to_copy", "copy_", "to"):
            if _is_there(result) and not all(map(_is_there, given)):
                self.events.append("copy")
        elif name != "lift_fresh":
            places = {t.device for t in given if t.ndim}
            assert len(places) < 2, f"{func} mixes {places}"
        return result

    @contextmanager
    def watched(self):
        """Note all that is done inside."""
        begin, end = NeuralNet.on_epoch_begin, NeuralNet.on_train_end
        nets = []

        def on_epoch_begin(net, *args, **kwargs):
            nets.append(net)
            self.events.append("epoch")
            begin(net, *args, **kwargs)

        def on_train_end(net, *args, **kwargs):
            self.events.append("end")
            end(net, *args, **kwargs)

        def stepped(optimizer, *_):
            if nets and optimizer is nets[-1].optimizer_:
                self.events.append("step")

        handle = register_optimizer_step_post_hook(stepped)
        try:
            with (
                mock.patch.object(NeuralNet, "on_epoch_begin", on_epoch_begin),
                mock.patch.object(NeuralNet, "on_train_end", on_train_end),
                _Calls(self.events.append),
                self,
            ):
                yield self
        finally:
            handle.remove()

    def parts(self):
        """Return the events before the epochs, those of each, and those behind."""
        found = [[]]
        for event in self.events:
            if event in ("epoch", "end"):
                found.append([])
            found[-1].append(event)
        return found[0], found[1:-1], found[-1]


def traffic_of(model, X, y, **fit):
    """Fit a model on the device, and return what was sent and read."""
    with Traffic().watched() as found:
        model.set_params(device="meta").fit(X, y, **fit)
    return found
