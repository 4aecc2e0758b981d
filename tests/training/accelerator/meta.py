"""Trainings on the device `meta`, which runs everything and hands nothing back.

A number read from it, or an operation that mixes devices, fails there as it would make
a step wait for an accelerator, or fail, on a machine that has one.
"""

from contextlib import contextmanager
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sk_mixup.estimators import GivenRows, Settings, prepare, read

META = torch.device("meta")


class Traffic(TorchDispatchMode):
    """Notes steps, what is read back, and what is sent to the device.

    Attributes
    ----------
    events : list of str
        "epoch", "step", "read" and "copy", in their order.
    """

    def __init__(self):
        super().__init__()
        self.events = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        if name == "lift_fresh":
            # A tensor of Python's numbers, made on the device.
            moved = given[0].device == META
        elif name in ("_to_copy", "copy_"):
            moved = result.device == META and any(t.device != META for t in given)
        else:
            moved = False
            places = {t.device for t in given if t.ndim}
            assert len(places) < 2, f"{func} mixes {places}"
        if moved:
            self.events.append("copy")
        return result

    @contextmanager
    def watched(self):
        """Replace what reads a number back, and note it."""
        item, tolist = torch.Tensor.item, torch.Tensor.tolist

        def read_item(tensor):
            if tensor.device != META:
                return item(tensor)
            self.events.append("read")
            return 0.0

        def read_list(tensor):
            if tensor.device != META:
                return tolist(tensor)
            self.events.append("read")
            return tolist(torch.zeros(tensor.shape))

        with (
            mock.patch.object(torch.Tensor, "item", read_item),
            mock.patch.object(torch.Tensor, "tolist", read_list),
            self,
        ):
            yield

    def epochs(self):
        """Return the events of every epoch; what comes before the first is its own."""
        found = [[]]
        for event in self.events:
            if event == "epoch":
                found.append([])
            found[-1].append(event)
        return [found[0] + found[1], *found[2:]]


def traffic_of(model, X, y):
    """Train a model of which everything but the reading of rows is on the device."""
    settings = Settings.of(model, X)
    training = prepare(settings, read(settings, GivenRows(X, y)), reports=False)
    net = training.net
    net.module_.to(META)
    if isinstance(net.criterion_, torch.nn.Module):
        net.criterion_.to(META)
    vars(net)["device"] = "meta"
    net.renew_optimizer(always=True)
    found, begin = Traffic(), net.on_epoch_begin

    def on_epoch_begin(*args, **kwargs):
        found.events.append("epoch")
        begin(*args, **kwargs)

    vars(net)["on_epoch_begin"] = on_epoch_begin
    net.optimizer_.register_step_post_hook(lambda *_: found.events.append("step"))
    with found.watched():
        training.go()
    return found
