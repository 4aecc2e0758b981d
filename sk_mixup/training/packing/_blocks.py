"""Some steps of some members, made ready: rows gathered, plans drawn, inputs mixed.

Blends of all members are computed together, with one gather for the rows and one for
their partners; other plans are applied member by member.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing import MixPlan
from sk_mixup.mixing.plans import to_blendable
from sk_mixup.training.feeds import map_tensors, mixes_input, select, split_weight
from sk_mixup.training.packing._draws import Drawer
from sk_mixup.training.packing._feeds import Feed, Feeds, distinct, gathered
from sk_mixup.training.packing._shares import Shares

Mix = Callable[[Tensor], Tensor]


@dataclass
class Targets:
    """Targets of some members over some steps, in the order (members, steps, rows).

    Attributes
    ----------
    y : Tensor of shape (members, steps, rows, ...)
    weight : Tensor of shape (members, steps, rows) or None
    shares : Shares or None
        None: nothing is mixed.
    """

    y: Tensor
    weight: Tensor | None
    shares: Shares | None

    def partners(self, values: Tensor) -> Tensor:
        """Return the partners' entries of (members, steps, rows, ...)."""
        assert self.shares is not None
        partner = self.shares.partner
        n_rows = partner.shape[2]
        start = torch.arange(partner.numel() // n_rows, device=values.device) * n_rows
        index = (partner.view(-1, n_rows) + start.unsqueeze(1)).view(-1)
        flat = values.reshape(-1, *values.shape[3:])
        return flat.index_select(0, index).view(values.shape)


@dataclass
class Part:
    """One forward pass: consecutive members with equally many rows.

    Attributes
    ----------
    low, high : int
    step : int
        Of its block.
    x : Tensor, dict or tuple of (members, rows, ...)
    mix : callable or None
        For nets that mix inside.
    """

    low: int
    high: int
    step: int
    x: Any
    mix: Mix | None


class LinearBlock:
    """Steps in which every plan is a blend.

    Parameters
    ----------
    low, high : int
        Members.
    feeds : Feeds
    first, n_steps, size : int
        Steps of the epoch, and rows per batch.
    shares : Shares or None
    rows : tuple
        As `gathered` returns them for the feeds of these members.
    mixes_inside : bool
    """

    def __init__(
        self,
        low: int,
        high: int,
        feeds: Feeds,
        n_steps: int,
        size: int,
        shares: Shares | None,
        rows: tuple[Any, Tensor, Tensor | None, list[Any]],
        mixes_inside: bool,
    ) -> None:
        self.low, self.high, self.n_steps, self.size = low, high, n_steps, size
        numbers = feeds.of[low:high]
        used = distinct(numbers)
        x, y, weight, _ = rows
        device = y.device
        place = feeds.places(low, high, device)
        self._clean = [True] * n_steps
        if shares is not None:
            self._clean = shares.clean
            if all(self._clean):
                shares = None
        by_feed = (len(used), n_steps, size)

        def own(values: Tensor) -> Tensor:
            values = values.view(*by_feed, *values.shape[1:])
            if len(used) == 1:
                return values.expand(high - low, *values.shape[1:])
            return values.index_select(0, place)

        self.targets = Targets(own(y), None if weight is None else own(weight), shares)
        self._shares = shares
        self._inside = mixes_inside
        if shares is not None:
            self._lam = shares.lam
            # Rows of a member's partners, among the rows of all feeds.
            steps = torch.arange(n_steps, device=device) * size
            start = (place * (n_steps * size)).unsqueeze(1) + steps
            self._partner = shares.partner
            index = (self._partner + start.unsqueeze(2)).transpose(0, 1).reshape(-1)
        if shares is None or mixes_inside:
            self._x = map_tensors(lambda t: own(t).transpose(0, 1), x)
            return
        shape = (n_steps, high - low, size)

        def blend(values: Tensor) -> Tensor:
            values = to_blendable(values)
            mixed = values.index_select(0, index).view(*shape, *values.shape[1:])
            lam = self._lam.to(values.dtype).transpose(0, 1)
            lam = lam.view(*lam.shape, *(1,) * (values.ndim - 1))
            return mixed.lerp_(own(values).transpose(0, 1), lam)

        self._x = map_tensors(blend, x)

    def parts(self, step: int) -> Iterator[Part]:
        """Yield the forward passes of a step."""
        x = map_tensors(lambda t: t[step], self._x)
        mix = None
        if self._inside and not self._clean[step]:
            lam, partner = self._lam[:, step], self._partner[:, step]
            mix = Blend(lam, partner)
        yield Part(self.low, self.high, step, x, mix)


class Blend:
    """Blend tensors of all members inside a net.

    Parameters
    ----------
    lam : Tensor of shape (members, 1 or rows), float64
    partner : Tensor of shape (members, rows), int64
    """

    def __init__(self, lam: Tensor, partner: Tensor) -> None:
        self.lam = lam
        n_members, n_rows = partner.shape
        start = torch.arange(n_members, device=partner.device) * n_rows
        self.index = (partner + start.unsqueeze(1)).view(-1)

    def __call__(self, x: Tensor) -> Tensor:
        """Blend (members, rows, ...)."""
        lam = self.lam.to(x.dtype)
        lam = lam.view(*lam.shape, *(1,) * (x.ndim - 2))
        flat = x.reshape(-1, *x.shape[2:])
        return torch.lerp(flat.index_select(0, self.index).view(x.shape), x, lam)


class FreeBlock:
    """Steps with plans of any kind, applied member by member.

    Parameters
    ----------
    low, high : int
    batches : list of lists of (x, y, label)
        Of each member.
    plans : list of lists of MixPlan or None
        Of each member.
    mixes_inside : bool
    """

    def __init__(
        self,
        low: int,
        high: int,
        batches: Sequence[Sequence[tuple[Any, Any, Any]]],
        plans: Sequence[Sequence[MixPlan | None]],
        mixes_inside: bool,
    ) -> None:
        self.low, self.high = low, high
        self.n_steps = len(batches[0])
        self.batches = batches
        self.plans = plans
        self._inside = mixes_inside

    def parts(self, step: int) -> Iterator[Part]:
        """Yield the forward passes of a step: a plan may change the number of rows."""
        counts = []
        for batches, plans in zip(self.batches, self.plans, strict=True):
            plan = plans[step]
            rows = None if plan is None else plan.rows
            counts.append(len(batches[step][1]) if rows is None else len(rows))
        start = 0
        for stop in range(1, len(counts) + 1):
            if stop < len(counts) and counts[stop] == counts[start]:
                continue
            inputs = [self._input(k, step) for k in range(start, stop)]
            x = map_tensors(lambda *t: torch.stack(t), *inputs)
            inner = [self._inner(k, step) for k in range(start, stop)]
            mix = None if all(plan is None for plan in inner) else _each(inner)
            yield Part(self.low + start, self.low + stop, step, x, mix)
            start = stop

    def _input(self, k: int, step: int) -> Any:
        x, plan = self.batches[k][step][0], self.plans[k][step]
        x = map_tensors(lambda t: t.float() if t.dtype == torch.uint8 else t, x)
        if plan is None or plan.is_identity or not mixes_input(plan, self._inside):
            return x
        return plan.apply(x)

    def _inner(self, k: int, step: int) -> MixPlan | None:
        plan = self.plans[k][step]
        if plan is None or plan.is_identity or mixes_input(plan, self._inside):
            return None
        return plan


def _each(plans: Sequence[MixPlan | None]) -> Mix:
    def mix(x: Tensor) -> Tensor:
        return torch.stack(
            [
                values if plan is None else plan.apply(values)
                for values, plan in zip(x, plans, strict=True)
            ]
        )

    return mix


def make_block(
    low: int,
    high: int,
    feeds: Feeds,
    drawer: Drawer,
    first: int,
    n_steps: int,
    size: int,
    *,
    mixes_inside: bool,
) -> LinearBlock | FreeBlock:
    """Gather and draw some steps of consecutive members.

    Parameters
    ----------
    low, high : int
    feeds : Feeds
    drawer : Drawer
    first, n_steps, size : int
        Steps of the epoch, and rows per batch.
    mixes_inside : bool
    """
    used = distinct(feeds.of[low:high])
    rows = gathered([feeds.feeds[f] for f in used], first, n_steps, size)
    drawn: Any = None
    batches: list[list[tuple[Any, Any, Any]]] = []
    if any(method is not None for method in drawer.methods[low:high]):
        by_feed = _batches(feeds.feeds, used, rows, n_steps, size)
        batches = [by_feed[number] for number in feeds.of[low:high]]
        drawn = drawer.draw(low, high, batches)
    if isinstance(drawn, list):
        return FreeBlock(low, high, batches, drawn, mixes_inside)
    return LinearBlock(low, high, feeds, n_steps, size, drawn, rows, mixes_inside)


def _batches(
    feeds: Sequence[Feed], used: Sequence[int], rows: Any, n_steps: int, size: int
) -> dict[int, list[tuple[Any, Any, Any]]]:
    """Cut gathered rows into batches, by feed."""
    x, _, _, labels = rows
    result = {}
    for place, (number, label) in enumerate(zip(used, labels, strict=True)):
        batches = []
        for step in range(n_steps):
            start = (place * n_steps + step) * size
            values = select(x, slice(start, start + size))
            own = select(label, slice(step * size, (step + 1) * size))
            batches.append((values, split_weight(own)[0], own))
        result[number] = batches
    return result
