"""What mixes with what, drawn for all members of a pack.

Every member has the draws that its own fit would make. Members that read the same
streams by the same rules, and differ in alpha or in the probability of mixing alone,
share their draws: partners and uniform numbers are drawn once, and each alpha makes its
own lambda of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing import BetaLaw, Method, MixContext, MixPlan, MixStreams, Mixup
from sk_mixup.mixing.draws import Begun, arrived, shuffle_many
from sk_mixup.mixing.plans import LinearPlan
from sk_mixup.training.feeds import facts_on, row_groups
from sk_mixup.training.packing._feeds import copy_of, state_of
from sk_mixup.training.packing._member import PackMember
from sk_mixup.training.packing._shares import Blend, Shares, joined_blends


class Drawer:
    """Draws for the members of a pack.

    Parameters
    ----------
    members : sequence of PackMember
    """

    def __init__(self, members: Sequence[PackMember], feeds: Sequence[int]) -> None:
        self._members = list(members)
        self._contexts: list[MixContext] = []
        # Members of one key share their draws; those without one draw by themselves.
        self._streams: dict[Any, MixStreams] = {}
        self._keys = [
            _sharing_key(member, feed)
            for member, feed in zip(members, feeds, strict=True)
        ]
        for key, member in zip(self._keys, members, strict=True):
            if key is not None and key not in self._streams:
                mix = member.run.streams.mix
                copies = (copy_of(stream) for stream in mix if stream is not None)
                self._streams[key] = MixStreams(*copies)

    def start_epoch(self, epoch: int) -> None:
        """Tell the methods where the training stands."""
        for member in self._members:
            member.run.facts = facts_on(member.run.facts, member.net.place_)
        self._contexts = [
            MixContext(epoch, m.run.n_epochs, m.net.module_, **m.run.facts)
            for m in self._members
        ]

    @property
    def methods(self) -> list[Method | None]:
        """Method of each member."""
        return [member.run.method for member in self._members]

    def release(self, k: int) -> None:
        """Leave the streams of a member as its own training would."""
        if self._keys[k] is None:
            return
        own = self._members[k].run.streams.mix
        for mine, shared in zip(own, self._streams[self._keys[k]], strict=True):
            assert mine is not None
            assert shared is not None
            mine.set_state(shared.get_state())

    def keep(self, kept: Sequence[int]) -> None:
        """Go on with some members."""
        self._members = [self._members[k] for k in kept]
        self._keys = [self._keys[k] for k in kept]
        self._streams = {k: v for k, v in self._streams.items() if k in self._keys}

    def draw(
        self, low: int, high: int, batches: Sequence[Sequence[tuple[Any, Any, Any]]]
    ) -> Shares | list[list[MixPlan | None]]:
        """Draw for some steps of consecutive members.

        Parameters
        ----------
        low, high : int
        batches : sequence of sequences of (x, y, label)
            For each member its batches; `label` as `ArrayData` gives it.

        Returns
        -------
        drawn : Shares, or list of lists of MixPlan or None
            Plans of each member where they are more than blends.
        """
        n_steps, n_rows = len(batches[0]), len(batches[0][0][1])
        device = batches[0][0][1].device
        rows: list[Blend | list[MixPlan | None]] = []
        alone: dict[int, list[Begun]] = {}
        shared: dict[Any, _Common | None] = {}
        for k in range(low, high):
            key, member = self._keys[k], self._members[k]
            method, context = member.run.method, self._contexts[k]
            if method is None:
                rows.append(Blend.none(n_steps))
            elif key is not None:
                assert isinstance(method, Mixup)
                if key not in shared:
                    shared[key] = _draw_common(
                        method, context, self._streams[key], n_steps, n_rows
                    )
                rows.append(_blend_of(method, context, shared[key], n_steps))
            elif device.type != "cpu" and method.draws_first:
                alone[len(rows)] = _begin_alone(member, context, batches[k - low])
                rows.append([])
            else:
                rows.append(_draw_alone(member, context, batches[k - low]))
        for place, plans in zip(alone, _finished(alone.values(), device), strict=True):
            rows[place] = _blend_or_plans(plans)
        blends = [row for row in rows if isinstance(row, Blend)]
        if len(blends) == len(rows):
            return joined_blends(blends, n_steps, n_rows, device)
        return [
            row.plans(n_rows, device) if isinstance(row, Blend) else row for row in rows
        ]


@dataclasses.dataclass
class _Common:
    """Draws that several members share."""

    gate: list[float]
    lam: list[float]
    partner: Tensor


def _sharing_key(member: PackMember, feed: int) -> Any:
    """Return what members that share draws have in common."""
    method, streams = member.run.method, member.run.streams.mix
    if (
        type(method) is not Mixup
        or method.per != "batch"
        or method.law != "beta"
        or method.pairing != "shuffle"
        or method.single_target
        or member.train.groups is not None
        or not streams.are_apart_on_cpu
    ):
        return None
    states = tuple(state_of(s) for s in streams if s is not None)
    # The number of draws of an epoch depends on its batches alone.
    return (
        states, feed, member.run.n_epochs, method.off_first, method.off_last,
    )  # fmt: skip


def _draw_common(
    method: Mixup,
    context: MixContext,
    streams: MixStreams,
    n_steps: int,
    n_rows: int,
) -> _Common | None:
    """Make the draws of `Mixup.draw` for some steps; None: mixing is off."""
    if not method.is_on(context):
        return None
    gate, lam = (
        torch.rand(n_steps, dtype=torch.float64, generator=stream).tolist()
        for stream in (streams.gate, streams.lam)
    )
    partner = torch.zeros((n_steps, n_rows), dtype=torch.int64)
    if n_rows > 1:
        partner = shuffle_many(n_steps, n_rows, generator=streams.partner)
    return _Common(gate, lam, partner)


def _blend_of(
    method: Mixup, context: MixContext, common: _Common | None, n_steps: int
) -> Blend:
    """Make one member's lambdas of the common draws."""
    if common is None or common.partner.shape[1] < 2:
        return Blend.none(n_steps)
    method.validate()
    law, p = BetaLaw(method._alpha_now(context)), method._p_now(context)
    if law.alpha == 0:
        return Blend.none(n_steps)
    lams = [law.quantile_scalar(u) for u in common.lam]
    if method._folds():
        lams = [max(lam, 1.0 - lam) for lam in lams]
    if p < 1:
        lams = [lam if u < p else 1.0 for lam, u in zip(lams, common.gate, strict=True)]
    return Blend(lams, common.partner)


def _draw_alone(
    member: PackMember, context: MixContext, batches: Sequence[tuple[Any, Any, Any]]
) -> Blend | list[MixPlan | None]:
    method = member.run.method
    assert method is not None
    plans = method.draw_many(
        [(x, y) for x, y, _ in batches],
        generator=member.run.streams.mix,
        contexts=[_with_groups(context, label) for *_, label in batches],
    )
    return _blend_or_plans(plans)


def _begin_alone(
    member: PackMember, context: MixContext, batches: Sequence[tuple[Any, Any, Any]]
) -> list[Begun]:
    """Draw all numbers of a member; its plans wait for them to arrive."""
    method = member.run.method
    assert method is not None
    return [
        Begun(method.drawing(x, y, member.run.streams.mix, _with_groups(context, one)))
        for x, y, one in batches
    ]


def _finished(
    alone: Iterable[list[Begun]], device: torch.device
) -> Iterator[list[MixPlan]]:
    """Send the numbers of all members in one message, and make their plans."""
    begun = list(alone)
    there = iter(arrived([one.load for member in begun for one in member], device))
    return ([one.finish(next(there)) for one in member] for member in begun)


def _with_groups(context: MixContext, label: Any) -> MixContext:
    groups = row_groups(label)
    return context if groups is None else dataclasses.replace(context, groups=groups)


def _blend_or_plans(plans: Sequence[MixPlan]) -> Blend | list[MixPlan | None]:
    if not all(map(_is_blend, plans)):
        return list(plans)
    return Blend(None, None, list(plans))


def _is_blend(plan: MixPlan) -> bool:
    if plan.pool is not None or plan.site is not None or plan.rows is not None:
        return False
    if plan.unites_targets:
        return False
    return type(plan) is LinearPlan or (type(plan) is MixPlan and plan.is_identity)
