"""Partners from earlier batches, for batches that are too small to mix by themselves.

Large images leave room for one or two rows per step, of which one has no partner and
two have one choice. Rows of the last steps are partners as good as any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from sk_mixup.mixing._batch import Mark
from sk_mixup.mixing._drawing import Later
from sk_mixup.mixing._params import Parameterized, check_integer
from sk_mixup.mixing.draws._pairing_weighted import draw_partners
from sk_mixup.mixing.draws._streams import uniforms
from sk_mixup.mixing.plans import row_groups

if TYPE_CHECKING:
    from sk_mixup.mixing._context import MixContext


class _Rows(NamedTuple):
    x: Tensor
    y: Tensor | None
    groups: Tensor | None

    def fits(self, other: _Rows) -> bool:
        """Whether the rows can stand in one tensor with those of another batch."""
        return all(_fit(a, b) for a, b in zip(self, other, strict=True))

    def last(self, size: int) -> _Rows:
        start = max(len(self.x) - size, 0)
        y = None if self.y is None else self.y[start:]
        groups = None if self.groups is None else self.groups[start:]
        return _Rows(self.x[start:], y, groups)

    def followed_by(self, *others: _Rows) -> _Rows:
        """Join rows in new tensors."""
        x, y, groups = zip(self, *others, strict=True)
        return _Rows(torch.cat(x), _joined(y), _joined(groups))


class MemoryPairing(Parameterized):
    """Draw partners among the batch and the rows of earlier batches, all alike.

    Batches of one row find a partner from the second batch on. Kept rows stay on their
    device and carry no gradient. They are no parameters: a clone, a copy and a pickle
    start with an empty memory, and so does every `fit`. Rows of another shape, dtype or
    device than the present batch are forgotten. The input must be one tensor.

    Parameters
    ----------
    size : int, default=256
        Rows to keep, at least 1. Fewer than an epoch has: a row met again in the next
        epoch is a row like any other, its own earlier self included.

    Attributes
    ----------
    pool_ : (x, y) or None
        The rows that the last draw could choose from, beside the batch itself.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import MemoryPairing, Mixup
    >>> method = Mixup(alpha=1.0, pairing=MemoryPairing(size=64))
    >>> for step in range(3):
    ...     x, y = torch.randn(1, 3), torch.tensor([step])
    ...     plan = method.draw(x, y)
    ...     x_mixed, targets = plan.apply(x), plan.targets(y, 3)
    ...     print(
    ...         plan.lam.tolist() == [1.0],
    ...         0 if plan.pool is None else len(plan.pool[0]),
    ...     )
    True 0
    False 1
    False 2
    """

    #: For methods: the plan needs `pool_`, and batches of one row can be mixed.
    keeps_rows = True

    _kept: _Rows | None = None
    _pool: _Rows | None = None
    _last: Mark | None = None
    _waits: Callable[[], Any] | None = None

    def __init__(self, size: int = 256) -> None:
        self.size = size

    def validate(self) -> None:
        """Check the size."""
        check_integer("size", self.size, low=1)

    @property
    def pool_(self) -> tuple[Tensor, Tensor | None] | None:
        """Rows that the last draw could choose from, beside the batch itself."""
        return None if self._pool is None else (self._pool.x, self._pool.y)

    def forget(self) -> None:
        """Drop the kept rows, as before another training."""
        self._kept = self._pool = self._last = self._waits = None

    def __call__(
        self,
        n_rows: int,
        *,
        x: Any = None,
        y: Tensor | None = None,
        generator: torch.Generator | Tensor | None = None,
        context: MixContext | None = None,
    ) -> Tensor:
        """Draw partners and keep the batch; parameters as for `shuffle`.

        Returns
        -------
        partner : Tensor of shape (n_rows,), int64
            From `n_rows` on: rows of `pool_`.
        """
        self.validate()
        batch = self._taken_in(x, y, context)
        groups = batch.groups
        rows = batch if self._pool is None else batch.followed_by(self._pool)
        n_all = len(rows.x)
        others = torch.ones((n_rows, n_all), dtype=torch.bool, device=x.device)
        others[:, :n_rows].fill_diagonal_(False)
        if groups is not None and rows.groups is not None:
            others &= (groups.unsqueeze(1) == rows.groups).to(x.device)
        return draw_partners(others, generator)

    def later(
        self,
        x: Any,
        y: Tensor | None,
        generator: torch.Generator | None,
        context: MixContext | None,
    ) -> Later:
        """Draw numbers now, and partners when a plan is made: as the memory is then.

        Parameters
        ----------
        x, y, generator, context :
            As for a call.
        """
        n_rows = len(x)
        self._waits = lambda: self._taken_in(x, y, context)
        return Later(
            uniforms(n_rows, generator),
            lambda u: self(n_rows, x=x, y=y, generator=u, context=context),
        )

    def turn(self) -> Callable[[], Any] | None:
        """Return what takes the batch of the last `later` in, mixed or not."""
        waits, self._waits = self._waits, None
        return waits

    def _taken_in(self, x: Any, y: Tensor | None, context: MixContext | None) -> _Rows:
        """Keep a batch, unless it was the last one already, and return its rows."""
        if not isinstance(x, Tensor):
            raise TypeError(
                f"MemoryPairing keeps rows of one tensor; got {type(x).__name__}. Use"
                " another pairing for several inputs."
            )
        groups = row_groups(len(x), context)
        batch = _Rows(x.detach(), None if y is None else y.detach(), groups)
        if not self._has_seen(x):
            self._remember(batch)
        return batch

    def _remember(self, batch: _Rows) -> None:
        pool = self._kept
        self._pool = pool = pool if pool is not None and pool.fits(batch) else None
        new = batch.last(int(self.size))
        # Copies: the caller may change the batch, or use its buffer again.
        if pool is None:
            self._kept = new.followed_by()
        else:
            self._kept = pool.last(int(self.size) - len(new.x)).followed_by(new)

    def _has_seen(self, x: Tensor) -> bool:
        """Whether the last draw was for this very batch, as in several mixed copies.

        Its rows are in memory already, and would be drawn as their own partners.
        """
        last, self._last = self._last, Mark(x)
        return last is not None and last.is_on(x)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the kept rows."""
        return {"size": self.size}


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    tensors = [part for part in parts if part is not None]
    return torch.cat(tensors) if tensors else None


def _fit(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    same = a.dtype == b.dtype and a.device == b.device
    return same and a.shape[1:] == b.shape[1:]
