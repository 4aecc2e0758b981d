"""How a method draws: one batch, several at a time, or as a part of another method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._batch import first_tensor, lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import (
    Begun,
    Drawing,
    Later,
    at_once,
    drawn,
    drawn_together,
)
from sk_mixup.mixing._gates import Gated
from sk_mixup.mixing.draws import (
    MemoryPairing,
    MixStreams,
    Pairing,
    keeps_rows,
    never_pairs_selves,
    partners_for,
    resolve_pairing,
)
from sk_mixup.mixing.plans import MixPlan, as_targets

_HOST = torch.device("cpu")


class Draws(Gated):
    """Base of what draws plans; each method adds its `_drawing`."""

    pairing: str | Pairing

    def _validate_once(self) -> None:
        """Check the parameters unless they are those of the last check."""
        raise NotImplementedError

    def draw(
        self,
        x: Any,
        y: Tensor | None = None,
        *,
        generator: torch.Generator | MixStreams | None = None,
        context: MixContext | None = None,
    ) -> MixPlan:
        """Draw everything random about mixing one batch.

        Parameters
        ----------
        x : Tensor of shape (B, ...), or dict, tuple or list of such
            The batch; only its shape, dtype and device matter here.
        y : Tensor of shape (B, ...) or None
            Targets, for pairings and methods that look at them.
        generator : torch.Generator, MixStreams or None
            Source of all draws; None: torch's global generator.
        context : MixContext or None
            Training progress and module, for methods and schedules that need them.

        Returns
        -------
        plan : MixPlan
        """
        whole = self._whole_drawing(x, y, MixStreams.of(generator), context)
        return drawn(whole, first_tensor(x).device)

    def draw_many(
        self,
        batches: Sequence[tuple[Any, Tensor | None]],
        *,
        generator: torch.Generator | MixStreams | None = None,
        contexts: Sequence[MixContext | None],
    ) -> list[MixPlan]:
        """Draw the plans of several batches.

        Parameters
        ----------
        batches : sequence of (x, y)
            As `draw` takes them.
        generator : torch.Generator, MixStreams or None
            Source of all draws; None: torch's global generator.
        contexts : sequence of MixContext or None
            One per batch.

        Returns
        -------
        plans : list of MixPlan
            Those that as many calls of `draw` in this order would give.
        """
        streams = MixStreams.of(generator)
        device = first_tensor(batches[0][0]).device if batches else _HOST
        if device != _HOST and self.draws_first:
            return list(self.draw_ahead(batches, generator=streams, contexts=contexts))
        return [
            self.draw(x, y, generator=streams, context=context)
            for (x, y), context in zip(batches, contexts, strict=True)
        ]

    def draw_ahead(
        self,
        batches: Sequence[tuple[Any, Tensor | None]],
        *,
        generator: torch.Generator | MixStreams | None = None,
        contexts: Sequence[MixContext | None],
    ) -> Iterator[MixPlan]:
        """Draw all numbers of several batches, and make each plan when it is asked for.

        Parameters
        ----------
        batches, generator, contexts :
            As for `draw_many`; batches of one device.

        Returns
        -------
        plans : iterator of MixPlan
            Those that as many calls of `draw` in this order would give, if the streams
            are apart.
        """
        streams = MixStreams.of(generator)
        drawings = (
            self.drawing(x, y, streams, context)
            for (x, y), context in zip(batches, contexts, strict=True)
        )
        return drawn_together(drawings, first_tensor(batches[0][0]).device)

    @property
    def draws_first(self) -> bool:
        """Whether all numbers of a draw are drawn before anything is made of them."""
        own, pairing = type(self), getattr(self, "pairing", None)
        return (
            own.draw is Draws.draw
            and own._draw_batch is Draws._draw_batch
            and own._draw is Draws._draw
            and (type(pairing) is MemoryPairing or not keeps_rows(pairing))
        )

    def drawing(
        self,
        x: Any,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        """Return a draw in two halves, for methods around this one.

        Parameters
        ----------
        x, y, context :
            As for `draw`.
        streams : MixStreams
        """
        if type(self).draw is Draws.draw:
            return self._whole_drawing(x, y, streams, context)
        return at_once(lambda: self.draw(x, y, generator=streams, context=context))

    def _whole_drawing(
        self,
        x: Any,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        self._validate_once()
        first = first_tensor(x)
        if y is not None:
            y = as_targets(y, first.device)
        if not self.is_on(context):
            return self._identity(first)
        keeps = keeps_rows(self.pairing)
        if keeps and not isinstance(x, Tensor):
            raise TypeError(
                f"pairing={self.pairing!r} keeps rows of one tensor; got an input of"
                f" type {type(x).__name__}. Use another pairing for several inputs."
            )
        if type(self)._draw_batch is not Draws._draw_batch:
            drawing = at_once(lambda: self._draw_batch(x, first, y, streams, context))
        else:
            drawing = self._batch_drawing(x, first, y, streams, context)
        if type(self.pairing) is MemoryPairing:
            drawing = self._in_turn(drawing, self.pairing)
        plan = yield from drawing
        return self._with_pool(plan) if keeps else plan

    def _in_turn(self, drawing: Drawing, memory: MemoryPairing) -> Drawing:
        """Draw with memory, which takes each batch in when its plan is made."""
        begun, take_in = Begun(drawing), memory.turn()
        arrived = yield () if begun.needs_nothing else begun.load
        plan = begun.finish(arrived)
        if take_in is not None:  # also of a batch that is not mixed
            take_in()
        return plan

    def _batch_drawing(
        self,
        x: Any,
        first: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        """Draw for a whole batch; most methods look at its first tensor alone."""
        if type(self)._draw is not Draws._draw:
            return at_once(lambda: self._draw(first, y, streams, context))
        return self._drawing(first, y, streams, context)

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        raise NotImplementedError

    def _draw_batch(
        self,
        x: Any,
        first: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> MixPlan:
        """Draw for a whole batch, all at once; may be extended."""
        whole = self._batch_drawing(x, first, y, streams, context)
        return drawn(whole, first.device)

    def _draw(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> MixPlan:
        """Draw for one tensor, all at once; may be extended."""
        return drawn(self._drawing(x, y, streams, context), x.device)

    def _pair(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Tensor | Later:
        """Draw partners, for a drawing to send."""
        return partners_for(self._pairing_now(), x, y, streams.partner, context)

    def _pairing_now(self) -> Pairing:
        return resolve_pairing(self.pairing)

    def _with_pool(self, plan: MixPlan) -> MixPlan:
        """Hand the rows of a pairing with memory over to the plan."""
        if not keeps_rows(self.pairing) or plan.is_identity or plan.pool is not None:
            return plan
        if plan.site is not None:
            raise ValueError(
                f"pairing={self.pairing!r} keeps inputs, and {type(self).__name__} drew"
                f" the hidden layer {plan.site!r}; use another pairing."
            )
        pool = getattr(self.pairing, "pool_", None)
        return plan if pool is None else plan.with_pool(pool)

    def _too_few(self, n_rows: int) -> bool:
        """Whether no row can have a partner."""
        return n_rows < (1 if keeps_rows(self.pairing) else 2)

    def _may_pair_selves(self, context: MixContext | None) -> bool:
        """Whether a row may have come out as its own partner."""
        grouped = context is not None and context.groups is not None
        return grouped or not never_pairs_selves(self.pairing)

    def _identity(self, x: Tensor) -> MixPlan:
        n_rows = len(x)
        index = torch.arange(n_rows, device=x.device)
        lam = torch.ones(n_rows, dtype=lam_dtype(x), device=x.device)
        return self._clean_plan(partner=index, lam=lam)

    def _clean_plan(self, partner: Tensor, lam: Tensor) -> MixPlan:
        return MixPlan(partner, lam, lam_host=1.0)
