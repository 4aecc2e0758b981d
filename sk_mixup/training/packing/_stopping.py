"""Best weights of all members, and who has waited for better ones long enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from sk_mixup.training.packing._member import PackMember
from sk_mixup.training.packing._stack import Stack


class Stopping:
    """Early stopping, as `BestWeights` does it for one net.

    The best weights stay on their device, stacked.

    Parameters
    ----------
    members : sequence of PackMember
    stack : Stack
    """

    def __init__(self, members: Sequence[PackMember], stack: Stack) -> None:
        self._callbacks = [member.best_weights for member in members]
        self._stack = stack
        self._best: list[torch.Tensor] | None = None
        self._has_best = [False] * len(members)
        for callback in self._callbacks:
            if callback is not None:
                callback.on_train_begin(None)

    @torch.no_grad()
    def end_epoch(self, nets: Sequence[Any]) -> list[bool]:
        """Look at the losses; return who is to stop."""
        better, stops = [], [False] * len(nets)
        for k, (callback, net) in enumerate(zip(self._callbacks, nets, strict=True)):
            if callback is None:
                continue
            if callback.judge(net):
                better.append(k)
            stops[k] = callback.is_over
        self._keep_better(better)
        for k, callback in enumerate(self._callbacks):
            if callback is not None and callback.goes_back:
                self.restore(k)
        return stops

    def _keep_better(self, better: list[int]) -> None:
        if not better:
            return
        now = self._stack.tensors()
        if self._best is None:
            self._best = [value.clone() for value in now]
        elif len(better) == len(self._callbacks):
            for best, value in zip(self._best, now, strict=True):
                best.copy_(value)
        else:
            index = torch.tensor(better, device=now[0].device)
            for best, value in zip(self._best, now, strict=True):
                best.index_copy_(0, index, value.index_select(0, index))
        for k in better:
            self._has_best[k] = True

    @torch.no_grad()
    def restore(self, k: int) -> None:
        """Put the best weights of a member back into the stack."""
        if self._best is None or not self._has_best[k]:
            return
        for best, value in zip(self._best, self._stack.tensors(), strict=True):
            value[k].copy_(best[k])

    @torch.no_grad()
    def keep(self, kept: Sequence[int]) -> None:
        """Go on with some members."""
        self._callbacks = [self._callbacks[k] for k in kept]
        self._has_best = [self._has_best[k] for k in kept]
        if self._best is not None:
            index = torch.tensor(list(kept), device=self._best[0].device)
            self._best = [value.index_select(0, index) for value in self._best]
