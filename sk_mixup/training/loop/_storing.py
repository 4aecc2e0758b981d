"""How fitted objects are copied and pickled: as one whole, for any device.

All of an object goes through one `torch.save`, so that a tensor that is reached in two
ways is stored once and stays one, and all of it is read back to where there is room: a
device that the reader lacks becomes the CPU. Optimizers, schedules and averages of
weights, which only a training that goes on wants, are left out unless asked for.
"""

from __future__ import annotations

import importlib
import io
import pickle
import sys
import threading
import zlib
from types import FrameType
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler

from sk_mixup.training.loop._copies import (
    copied,
    is_parametrized,
    reduced_parametrized,
)
from sk_mixup.training.loop._ema import WeightAverage

_LEFT_OUT = (torch.optim.Optimizer, LRScheduler, WeightAverage)
# Bytes that take no time to compress, and how they begin then.
_SMALL, _COMPRESSED = 2**18, b"x"


class _Here(threading.local):
    """What the thread is at."""

    stores = False


_here = _Here()


def reduced_whole(self: Any, protocol: Any) -> Any:
    """Pickle as one whole; the `__reduce_ex__` of a fitted object.

    Its `_keeps_steps` says whether the state of the optimizer goes with it; None: there
    is nothing to store yet.
    """
    keeps_steps = self._keeps_steps()
    if _here.stores or keeps_steps is None:
        return object.__reduce_ex__(self, protocol)
    return restored, (stored(self, keeps_steps=keeps_steps),)


def shallow_copy(self: Any) -> Any:
    """Return another object with the same attributes: a `__copy__`."""
    twin: Any = object.__new__(type(self))
    vars(twin).update(vars(self))
    return twin


def deep_copy(self: Any, memo: dict[int, Any]) -> Any:
    """Return a copy of everything, optimizers too: a `__deepcopy__`."""
    twin: Any = object.__new__(type(self))
    memo[id(self)] = twin
    # Less what only a running training needs.
    twin.__setstate__(copied(self.__getstate__(), memo))
    return twin


def stored(whole: Any, *, keeps_steps: bool) -> bytes:
    """Return an object as bytes.

    Parameters
    ----------
    whole : object
    keeps_steps : bool
        Whether optimizers, schedules and averages of weights are among them.
    """
    was, _here.stores = _here.stores, True
    try:
        if _goes_by_value():
            return _saved(whole, _cloudpickle(), keeps_steps)
        try:
            return _saved(whole, pickle, keeps_steps)
        except (pickle.PicklingError, AttributeError, TypeError):
            # Classes of a notebook, in a process of joblib that knows them by value.
            return _saved(whole, _cloudpickle(), keeps_steps)
    finally:
        _here.stores = was


def restored(data: bytes) -> Any:
    """Return the object of `stored`."""
    if data.startswith(_COMPRESSED):
        data = zlib.decompress(data)
    # Written by us, and as trustworthy as the pickle that it stands in.
    return torch.load(io.BytesIO(data), map_location=_placed, weights_only=False)


def is_usable(device: Any) -> bool:
    """Whether this machine has a device."""
    wanted = torch.device(device)
    if wanted.type == "cuda":
        return torch.cuda.is_available() and (
            (wanted.index or 0) < torch.cuda.device_count()
        )
    return wanted.type != "mps" or torch.backends.mps.is_available()


def _placed(storage: Any, location: str) -> Any:
    """Return what is on the CPU as it is, where its device is not here."""
    return None if is_usable(location) else storage


def _saved(whole: Any, module: Any, keeps_steps: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(
        whole,
        buffer,
        pickle_module=_Pickling(module, keeps_steps),
        pickle_protocol=pickle.DEFAULT_PROTOCOL,
    )
    data = buffer.getvalue()
    # Of a small net, half is what frames its tensors, and repeats.
    return zlib.compress(data, 1) if len(data) <= _SMALL else data


class _Pickling:
    """A module as `torch.save` wants one, with a pickler of ours."""

    def __init__(self, module: Any, keeps_steps: bool) -> None:
        self.__name__ = module.__name__
        self.Pickler = _pickler(module.Pickler, () if keeps_steps else _LEFT_OUT)


def _pickler(base: Any, left_out: tuple[type, ...]) -> Any:
    class Pickler(base):
        def reducer_override(self, value: Any) -> Any:
            if isinstance(value, left_out):
                return _nothing, ()
            if is_parametrized(value):
                # torch makes its class at run time, and would not pickle it.
                return reduced_parametrized(value)
            further = getattr(super(), "reducer_override", None)
            return NotImplemented if further is None else further(value)

    return Pickler


def _nothing() -> None:
    """Stand where something was left out."""


def _goes_by_value() -> bool:
    """Whether cloudpickle asks, as joblib's processes do; nobody else can tell it."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if str(frame.f_globals.get("__name__")).endswith("cloudpickle.cloudpickle"):
            return True
        frame = frame.f_back
    return False


def _cloudpickle() -> Any:
    try:
        return importlib.import_module("cloudpickle")
    except ImportError:
        # Its copy comes with older joblibs.
        return importlib.import_module("joblib.externals.cloudpickle")
