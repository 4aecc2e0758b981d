"""What mixes with what, drawn for all members of a pack.

Every member has the draws that its own fit would make. Members that read the same
streams by the same rules, and differ in alpha or in the probability of mixing alone,
share their draws: partners and uniform numbers are drawn once, and each alpha makes its
own lambda of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing import BetaLaw, Method, MixContext, MixPlan, MixStreams, Mixup
from sk_mixup.mixing.draws import shuffle_many
from sk_mixup.mixing.plans import LinearPlan
from sk_mixup.training.feeds import row_groups
from sk_mixup.training.packing._feeds import copy_of, state_of
from sk_mixup.training.packing._member import PackMember


@dataclasses.dataclass
class Shares:
    """Blends of all members over some steps.

    Attributes
    ----------
    partner : Tensor of shape (members, steps, rows), int64
        On the host.
    lam : Tensor of shape (members, steps, 1 or rows), float64
    own, other : Tensor of the same shape or None
        Weights of the targets where they are not made of `lam`.
    known : bool
        Whether a single number per batch is all there is, known to the host.
    hosts : list of bool
        Whether the host knows those numbers of a member.
    """

    partner: Tensor
    lam: Tensor
    own: Tensor | None
    other: Tensor | None
    known: bool
    hosts: list[bool]


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
        rows: list[_Blend | list[MixPlan | None]] = []
        shared: dict[Any, _Common | None] = {}
        for k in range(low, high):
            key, member = self._keys[k], self._members[k]
            method, context = member.run.method, self._contexts[k]
            if method is None:
                rows.append(_Blend.clean(n_steps))
            elif key is not None:
                assert isinstance(method, Mixup)
                if key not in shared:
                    shared[key] = _draw_common(
                        method, context, self._streams[key], n_steps, n_rows
                    )
                rows.append(_blend_of(method, context, shared[key], n_steps))
            else:
                rows.append(_draw_alone(member, context, batches[k - low]))
        blends = [row for row in rows if isinstance(row, _Blend)]
        if len(blends) == len(rows):
            return _shares(blends, n_steps, n_rows)
        return [row.plans(n_rows) if isinstance(row, _Blend) else row for row in rows]


@dataclasses.dataclass
class _Common:
    """Draws that several members share."""

    gate: list[float]
    lam: list[float]
    partner: Tensor


@dataclasses.dataclass
class _Blend:
    """Blends of one member: lambda per step, or plans with lambda per row."""

    lams: list[float] | None
    partner: Tensor | None
    linear: list[MixPlan] | None = None

    @classmethod
    def clean(cls, n_steps: int) -> _Blend:
        return cls([1.0] * n_steps, None)

    def plans(self, n_rows: int) -> list[MixPlan | None]:
        if self.linear is not None:
            return list(self.linear)
        assert self.lams is not None
        if self.partner is None:
            return [None] * len(self.lams)
        return [
            LinearPlan(partner, torch.full((n_rows,), lam), lam_host=lam)
            for partner, lam in zip(self.partner, self.lams, strict=True)
        ]


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
) -> _Blend:
    """Make one member's lambdas of the common draws."""
    if common is None or common.partner.shape[1] < 2:
        return _Blend.clean(n_steps)
    method.validate()
    law, p = BetaLaw(method._alpha_now(context)), method._p_now(context)
    if law.alpha == 0:
        return _Blend.clean(n_steps)
    lams = [law.quantile_scalar(u) for u in common.lam]
    if method._folds():
        lams = [max(lam, 1.0 - lam) for lam in lams]
    if p < 1:
        lams = [lam if u < p else 1.0 for lam, u in zip(lams, common.gate, strict=True)]
    return _Blend(lams, common.partner)


def _draw_alone(
    member: PackMember, context: MixContext, batches: Sequence[tuple[Any, Any, Any]]
) -> _Blend | list[MixPlan | None]:
    method = member.run.method
    assert method is not None
    contexts = []
    for *_, label in batches:
        groups = row_groups(label)
        contexts.append(
            context if groups is None else dataclasses.replace(context, groups=groups)
        )
    plans = method.draw_many(
        [(x, y) for x, y, _ in batches],
        generator=member.run.streams.mix,
        contexts=contexts,
    )
    if not all(_is_blend(plan) for plan in plans):
        return list(plans)
    return _Blend(None, None, list(plans))


def _is_blend(plan: MixPlan) -> bool:
    if plan.pool is not None or plan.site is not None or plan.rows is not None:
        return False
    if plan.unites_targets:
        return False
    return type(plan) is LinearPlan or (type(plan) is MixPlan and plan.is_identity)


def _shares(blends: Sequence[_Blend], n_steps: int, n_rows: int) -> Shares:
    """Join the blends of all members."""
    index = torch.arange(n_rows)
    clean = index.expand(n_steps, n_rows)
    plans = [blend.linear for blend in blends]
    hosts = [
        linear is None or all(plan.label_lam_host is not None for plan in linear)
        for linear in plans
    ]
    known = all(hosts)
    partners: list[Tensor] = []
    lams: list[Tensor] = []
    owns: list[Tensor] = []
    others: list[Tensor] = []
    for blend, linear in zip(blends, plans, strict=True):
        if linear is None:
            partner = clean if blend.partner is None else blend.partner
            lam = torch.tensor(blend.lams, dtype=torch.float64).unsqueeze(1)
            own, other = lam, 1.0 - lam
        else:
            partner = torch.stack([plan.partner for plan in linear]).cpu()
            if known:
                numbers = [plan.label_lam_host for plan in linear]
                lam = torch.tensor(numbers, dtype=torch.float64).unsqueeze(1)
                own, other = lam, 1.0 - lam
            else:
                lam = torch.stack([_widest(plan.lam, plan.lam_host) for plan in linear])
                pairs = [_label_shares(plan) for plan in linear]
                own = torch.stack([own for own, _ in pairs])
                other = torch.stack([other for _, other in pairs])
        partners.append(partner)
        width = 1 if known else n_rows
        for values, value in ((lams, lam), (owns, own), (others, other)):
            values.append(value.expand(n_steps, width))
    partner, lam = torch.stack(partners), torch.stack(lams)
    if known:
        return Shares(partner, lam, None, None, True, hosts)
    return Shares(partner, lam, torch.stack(owns), torch.stack(others), False, hosts)


def _widest(lam: Tensor, host: float | None) -> Tensor:
    if host is None:
        return lam.double().cpu()
    return torch.full(lam.shape, host, dtype=torch.float64)


def _label_shares(plan: MixPlan) -> tuple[Tensor, Tensor]:
    """Return the weights of the targets as the loss of a lone training has them."""
    host = plan.label_lam_host
    if host is not None:
        own = _widest(plan.lam, host)
        return own, 1.0 - own
    own, other = plan.label_weights
    return own.double().cpu(), other.double().cpu()
