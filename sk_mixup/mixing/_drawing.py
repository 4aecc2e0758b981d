"""Draws in two halves: all numbers first, on the host; then the plan, with the batch.

Streams of random numbers are on the host, so that they give the same for every device.
What is drawn has to be sent to the device of the batch, and a message costs about as
much as a small step. So a method says once per draw what it sends, and whoever draws
for several batches sends all of it in one message.

A *drawing* is a generator: it draws, yields what is to be sent, gets that back on the
device of the batch, and returns the plan::

    def _drawing(self, x, y, streams, context):
        lam = torch.rand(len(x), generator=streams.lam)
        partner = self._pair(x, y, streams, context)
        partner, lam = yield partner, lam
        return LinearPlan(partner, lam)

Nothing is drawn behind the `yield`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sk_mixup.mixing._batch import sent_together

if TYPE_CHECKING:
    from sk_mixup.mixing.plans import MixPlan

Drawing = Generator[Any, Any, "MixPlan"]

_TWICE = "A drawing sends once."


@dataclass(frozen=True)
class Later:
    """What is made, on the device of the batch, of numbers drawn on the host.

    Parameters
    ----------
    drawn : Tensor
        Is sent.
    make : callable
        Takes it there, when the plan is made, and returns what the drawing gets.
    """

    drawn: Tensor
    make: Callable[[Tensor], Tensor]


class Begun:
    """A drawing whose numbers are drawn.

    Parameters
    ----------
    drawing : Drawing

    Attributes
    ----------
    load : object
        What is to be sent: tensors, `Later`, tuples of such; anything else stays as it
        is.
    """

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing
        self._plan: MixPlan | None = None
        self.load: Any = None
        try:
            self.load = next(drawing)
        except StopIteration as end:
            self._plan = end.value

    def finish(self, arrived: Any) -> MixPlan:
        """Return the plan.

        Parameters
        ----------
        arrived : object
            The load, on the device of the batch.
        """
        if self._plan is None:
            try:
                self._drawing.send(made(arrived))
            except StopIteration as end:
                self._plan = end.value
            else:
                raise RuntimeError(_TWICE)
        assert self._plan is not None
        return self._plan

    @property
    def needs_nothing(self) -> bool:
        """Whether the plan is made already: nothing was to be sent."""
        return self._plan is not None

    def rest(self) -> Drawing:
        """Return what is left, for a method that has drawn more in between."""
        if self._plan is not None:  # there is nothing to send
            return self._plan
        return self.finish((yield self.load))


def drawn(drawing: Drawing, device: torch.device) -> MixPlan:
    """Return the plan of one drawing.

    Parameters
    ----------
    drawing : Drawing
    device : torch.device
        Of its batch.
    """
    # As `Begun` does it, in fewer calls: a draw takes some thirty microseconds.
    try:
        load = next(drawing)
    except StopIteration as end:
        plan: MixPlan = end.value
        return plan
    if device.type != "cpu" or not _is_here(load):
        (load,) = arrived([load], device)
        load = made(load)
    try:
        drawing.send(load)
    except StopIteration as end:
        plan = end.value
        return plan
    raise RuntimeError(_TWICE)


def drawn_together(drawings: Iterable[Drawing], device: torch.device) -> Iterator[Any]:
    """Draw all numbers of several drawings, and send them in one message.

    Parameters
    ----------
    drawings : iterable of Drawing
    device : torch.device
        Of all their batches.

    Returns
    -------
    plans : iterator of MixPlan
        Each is made when it is asked for.
    """
    begun = [Begun(drawing) for drawing in drawings]
    there = arrived([one.load for one in begun], device)
    return (one.finish(load) for one, load in zip(begun, there, strict=True))


def at_once(draw: Callable[[], MixPlan]) -> Drawing:
    """Return a drawing of somebody who draws and makes the plan in one go."""
    return draw()
    yield


def arrived(loads: list[Any], device: torch.device) -> list[Any]:
    """Return what was sent, on a device: all of it in one message.

    Parameters
    ----------
    loads : list of object
        As in `Begun.load`.
    device : torch.device

    Returns
    -------
    loads : list of object
        With everything that is `Later` still to be made.
    """
    waiting: list[Tensor] = []
    if device.type != "cpu":
        for load in loads:
            _collect(load, waiting)
    sent = iter(sent_together(waiting, device))
    return [_replaced(load, sent, device) for load in loads]


def made(load: Any) -> Any:
    """Return what has arrived, with everything that is `Later` made.

    Parameters
    ----------
    load : object
        One of those that `arrived` returned.
    """
    if isinstance(load, Later):
        return load.make(load.drawn)
    if isinstance(load, (tuple, list)):
        return _alike(load, [made(part) for part in load])
    return load


def _is_here(load: Any) -> bool:
    """Whether a load is a flat one of tensors on the host."""
    for part in load:
        if part is not None and not (type(part) is Tensor and part.is_cpu):
            return False
    return True


def _collect(load: Any, waiting: list[Tensor]) -> None:
    if isinstance(load, Later):
        load = load.drawn
    if isinstance(load, Tensor):
        if load.device.type == "cpu":
            waiting.append(load)
    elif isinstance(load, (tuple, list)):
        for part in load:
            _collect(part, waiting)


def _replaced(load: Any, sent: Iterator[Tensor], device: torch.device) -> Any:
    if isinstance(load, Tensor):
        if load.device == device:
            return load
        return next(sent) if load.device.type == "cpu" else load.to(device)
    if isinstance(load, Later):
        return replace(load, drawn=_replaced(load.drawn, sent, device))
    if isinstance(load, (tuple, list)):
        return _alike(load, [_replaced(part, sent, device) for part in load])
    return load


def _alike(load: Any, parts: list[Any]) -> Any:
    return type(load)(*parts) if hasattr(load, "_fields") else type(load)(parts)
