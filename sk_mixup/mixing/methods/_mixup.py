"""Linear mixup: the blend of two rows, of numbers or of embedded categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._batch import first_tensor, lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Begun, Drawing, arrived
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._params import check_choice
from sk_mixup.mixing.draws import (
    BetaLaw,
    LamLaw,
    MixStreams,
    Pairing,
    Schedule,
    alpha_for_smoothing,
    check_schedule,
    draw_lam,
    effective_alpha,
    resolve_law,
    self_pairs,
    shuffle_many,
    uniform,
    uniforms,
)
from sk_mixup.mixing.methods._of_members import (
    alphas_of,
    draw_shares,
    is_of_members,
    members_of,
)
from sk_mixup.mixing.plans import LinearPlan, MemberPlan, MixPlan


class Mixup(Method):
    r"""Blend each row with a partner: :math:`\lambda x_i + (1 - \lambda) x_j`.

    Targets are blended alike, with :math:`\lambda \sim Beta(\alpha, \alpha)`.

    Parameters
    ----------
    alpha : float, sequence of float or schedule, default=0.2
        Parameter of the Beta law, at least 0; 0: no mixing. Larger is stronger. A
        sequence has one for each member of a net (``per="member"``).
    per : {"batch", "row", "member"}, default="batch"
        One lambda for the whole batch, as in the paper's code, or one per row.
        "member": for nets of several members, such as the default for tables. Each
        member gets partners and a lambda per row of its own.
    p : float or schedule, default=1.0
        Probability of mixing a batch (``per="batch"``) or a row (else).
    fold : bool or None, default=None
        Use max(lambda, 1 - lambda), so that a row keeps its own majority; for the Beta
        law the mixed batches have the same law by symmetry. None: fold with
        ``law="beta"`` and two targets, and take any other law as it is.
    law : "beta" or LamLaw, default="beta"
        Law of lambda; a law object takes the place of `alpha`.
    single_target : bool, default=False
        Keep the own label alone and draw :math:`\lambda \sim Beta(\alpha + 1,
        \alpha)`: the same loss in expectation, for losses that take hard labels only.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.
    partners : {"local", "global"}, default="local"
        Where partners come from in a `fit` by several processes, see the guide "Beyond
        one machine": the rows that the process has of the batch, or those of all
        processes, which are exchanged in every step. Alone, both are the same.

    References
    ----------
    Zhang, Cissé, Dauphin, Lopez-Paz: mixup: Beyond Empirical Risk Minimization,
    ICLR 2018. The form with a single target: Huszár, 2017; Harris et al.: FMix, 2020.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import Mixup
    >>> x, y = torch.randn(8, 3), torch.randint(0, 10, (8,))
    >>> x_mixed, targets = Mixup(alpha=0.2)(x, y, n_classes=10)
    >>> x_mixed.shape, targets.shape
    (torch.Size([8, 3]), torch.Size([8, 10]))
    """

    short_name = "mixup"
    group = "linear"
    paper = "Zhang et al., ICLR 2018"

    # Methods that extend this one need not have it.
    partners: str = "local"

    def __init__(
        self,
        alpha: float | Sequence[float] | Schedule = 0.2,
        *,
        per: str = "batch",
        p: float | Schedule = 1.0,
        fold: bool | None = None,
        law: str | LamLaw = "beta",
        single_target: bool = False,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
        partners: str = "local",
    ) -> None:
        self.alpha = alpha  # type: ignore[assignment]  # one per member, here alone
        self.per = per
        self.p = p
        self.fold = fold
        self.law = law
        self.single_target = single_target
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last
        self.partners = partners

    @classmethod
    def from_smoothing(cls, rate: float, **params: Any) -> Mixup:
        """Return the method whose expected label smoothing is `rate`.

        Parameters
        ----------
        rate : float
            Mass that moves from a label towards the class prior, in [0, 1/2); see
            `expected_smoothing`.
        **params : object
            The other parameters.

        Returns
        -------
        method : Mixup

        References
        ----------
        Carratino, Cissé, Jenatton, Vert: On Mixup Regularization, JMLR 2022.

        Examples
        --------
        >>> from sk_mixup.mixing import Mixup, expected_smoothing
        >>> method = Mixup.from_smoothing(0.1, per="row")
        >>> round(method.alpha, 4), round(expected_smoothing(method.alpha), 6)
        (0.1968, 0.1)
        """
        return cls(alpha_for_smoothing(rate), **params)

    def _validate(self) -> None:
        if type(self) is Mixup and is_of_members(self):
            pass
        elif type(self) is Mixup and self.per == "member":
            check_schedule("alpha", self.alpha, low=0.0)
        else:
            super()._validate()
        check_choice("partners", self.partners, ("local", "global"))
        if self.per == "member" and self.partners == "global":
            raise ValueError(
                "partners='global' is for per='batch' and per='row': members of a net"
                " have partners of their own among the rows of the process."
            )
        if self.per == "member" and self.single_target:
            raise ValueError("single_target=True is for per='batch' and per='row'.")
        resolve_law(self.law, 1.0).validate()
        for name in ("fold", "single_target"):
            value = getattr(self, name)
            if not isinstance(value, bool) and not (name == "fold" and value is None):
                raise TypeError(
                    f"{name} must be True or False; got {value!r} of type"
                    f" {type(value).__name__}."
                )
        if self.single_target and self.fold:
            raise ValueError(
                "single_target=True needs lambda on both sides of 1/2, so fold=True"
                " cannot stand beside it; leave fold out."
            )

    @property
    def never_mixes(self) -> bool:
        """Whether the parameters say that nothing is ever mixed."""
        if self.law != "beta":
            return False
        if isinstance(self.alpha, Sequence):
            return not any(map(effective_alpha, self.alpha))
        return super().never_mixes

    def _folds(self) -> bool:
        if self.fold is None:
            return self.law == "beta" and not self.single_target
        return self.fold

    def _law_now(self, context: MixContext | None) -> LamLaw:
        return resolve_law(self.law, self._alpha_now(context))

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        n_rows = len(x)
        if self.per == "member":
            return (yield from self._member_drawing(x, y, streams, context))
        law = self._law_now(context)
        size = None if self.per == "batch" else n_rows
        if size is None:
            gate: bool | Tensor = self._gate_is_open(streams, context)
        lam = draw_lam(law, size, fold=self._folds(), generator=streams.lam)
        if self.single_target:
            lam = _size_biased(lam, streams)
        if size is not None:
            gate = self._open_rows(n_rows, streams, context)
            lam = torch.where(gate, torch.as_tensor(lam), 1.0)
        if self._too_few(n_rows):
            return self._identity(x)
        # Partners are drawn even if nothing is mixed: alpha and p move no other draw.
        partner = self._pair(x, y, streams, context)
        if gate is False or (isinstance(law, BetaLaw) and law.alpha == 0):
            return self._identity(x)
        if isinstance(lam, float):
            (partner,) = yield (partner,)
        else:
            # Not all devices take float64; on the host the plan takes it as it is.
            lam = lam if x.device.type == "cpu" else lam.to(lam_dtype(x))
            partner, lam = yield partner, lam
        return self._plan(x, partner, lam, context)

    def _member_drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        n_rows, n_members = len(x), members_of(context)
        alphas = alphas_of(self.alpha, n_members, context)
        law = None if self.law == "beta" else self._law_now(context)
        lam = draw_shares(n_rows, alphas, law, streams, fold=self._folds())
        gate = self._open_rows(n_rows * n_members, streams, context)
        lam = torch.where(gate.view_as(lam), lam, 1.0)
        if self._too_few(n_rows):
            return self._identity(x)
        has_own_rows = x.ndim > 2 and x.shape[1] == n_members
        # Rows of members differ already: in one place each has another partner.
        n_draws = 1 if has_own_rows else n_members
        pairs = [self._pair(x, y, streams, context) for _ in range(n_draws)]
        if law is None and not any(alphas):
            return self._identity(x)
        drawn, lam = yield pairs, lam.to(lam_dtype(x))
        partners = torch.stack(drawn, 1).expand(n_rows, n_members)
        if self._may_pair_selves(context):
            own = torch.arange(n_rows, device=partners.device).unsqueeze(1)
            lam = lam.masked_fill(partners == own, 1.0)
        return MemberPlan(
            drawn[0], lam, partners=partners.contiguous(), has_own_rows=has_own_rows
        )

    def draw_many(
        self,
        batches: Sequence[tuple[Any, Tensor | None]],
        *,
        generator: torch.Generator | MixStreams | None = None,
        contexts: Sequence[MixContext | None],
    ) -> list[MixPlan]:
        """Draw the plans of several batches; parameters as for `Method.draw_many`."""
        streams = MixStreams.of(generator)
        firsts = [first_tensor(x) for x, _ in batches]
        n_equal = len(firsts)
        if n_equal > 2 and firsts[-1].shape[:1] != firsts[0].shape[:1]:
            # The last batch of an epoch is shorter: it stands alone.
            n_equal -= 1
        if not self._draws_as_block(firsts[:n_equal], streams, contexts[:n_equal]):
            return super().draw_many(batches, generator=streams, contexts=contexts)
        self._validate_once()
        x, context = firsts[0], contexts[0]
        n_rows = x.shape[0]
        u_gate, u_lam = (
            torch.rand(n_equal, dtype=torch.float64, generator=stream).tolist()
            for stream in (streams.gate, streams.lam)
        )
        law, folds = BetaLaw(self._alpha_now(context)), self._folds()
        lams = [law.quantile_scalar(u) for u in u_lam]
        if folds:
            lams = [max(lam, 1.0 - lam) for lam in lams]
        partners = shuffle_many(n_equal, n_rows, generator=streams.partner)
        shares = torch.tensor(lams, dtype=lam_dtype(x)).unsqueeze(1)
        others = [
            Begun(self.drawing(*batch, streams, other))
            for batch, other in zip(batches[n_equal:], contexts[n_equal:], strict=True)
        ]
        # One message for all of them.
        loads: list[Any] = [(partners, shares), *(one.load for one in others)]
        (partners, shares), *there = arrived(loads, x.device)
        rows = shares.expand(n_equal, n_rows).contiguous()
        p = self._p_now(context)
        plans: list[MixPlan] = [
            LinearPlan(partner, row, lam_host=lam) if u < p else self._identity(x)
            for partner, row, lam, u in zip(
                partners.unbind(), rows.unbind(), lams, u_gate, strict=True
            )
        ]
        rest = (one.finish(load) for one, load in zip(others, there, strict=True))
        return [*plans, *rest]

    def _draws_as_block(
        self,
        firsts: Sequence[Tensor],
        streams: MixStreams,
        contexts: Sequence[MixContext | None],
    ) -> bool:
        """Whether the common case is asked for: equal batches in memory, no extras."""
        return (
            type(self) is Mixup
            and len(firsts) > 1
            and self.per == "batch"
            and self.law == "beta"
            and self.pairing == "shuffle"
            and not self.single_target
            and streams.are_apart_on_cpu
            and all(context is contexts[0] for context in contexts)
            and (contexts[0] is None or contexts[0].groups is None)
            and self.is_on(contexts[0])
            and self._alpha_now(contexts[0]) > 0
            and all(
                x.shape[0] == firsts[0].shape[0] > 1
                and x.dtype == firsts[0].dtype
                and x.device == firsts[0].device
                for x in firsts
            )
        )

    def _plan(
        self,
        x: Tensor,
        partner: Tensor,
        lam: Tensor | float,
        context: MixContext | None,
    ) -> MixPlan:
        n_rows, dtype = len(x), lam_dtype(x)
        label_lam = None
        if self.single_target:
            label_lam = torch.ones(n_rows, dtype=dtype, device=x.device)
        alone = self_pairs(partner) if self._may_pair_selves(context) else None
        if isinstance(lam, float):
            rows = torch.full((n_rows,), lam, dtype=dtype, device=x.device)
            # Another device would be waited for, to say that there are none.
            looks = alone is not None and x.device.type == "cpu"
            if alone is None or (looks and not bool(alone.any())):
                return LinearPlan(partner, rows, lam_host=lam, label_lam=label_lam)
        else:
            rows = lam.to(dtype).expand(n_rows).contiguous()
        if alone is not None:
            rows = rows.masked_fill(alone, 1.0)
        return LinearPlan(partner, rows, label_lam=label_lam)

    def _clean_plan(self, partner: Tensor, lam: Tensor) -> MixPlan:
        return LinearPlan(partner, lam, lam_host=1.0)


def _size_biased(lam: Tensor | float, streams: MixStreams) -> Tensor | float:
    """Turn Beta(alpha, alpha) into Beta(alpha + 1, alpha).

    The density of the latter is 2 lambda times that of the former: a symmetric lambda
    that is kept with probability lambda, and turned into 1 - lambda otherwise.
    """
    if isinstance(lam, float):
        return lam if uniform(streams.lam) < lam else 1.0 - lam
    kept = uniforms(lam.numel(), streams.lam).view(lam.shape) < lam
    return torch.where(kept, lam, 1.0 - lam)
