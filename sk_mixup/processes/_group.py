"""What processes say to each other while they train one net.

Each of them runs the same code, and so comes to the same exchanges in the same order.
One that fails closes its connections; the others, who wait for it in their next
exchange, are told at once, and read what it has left in the store.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from sk_mixup.processes._failure import Notes, lost

T = TypeVar("T")


class Processes:
    """The processes of one training.

    Parameters
    ----------
    parts : bool
        Whether each has rows of its own; else all have the same.
    control : ProcessGroup
        Of gloo, for objects and small tensors of the host.
    data : ProcessGroup
        For gradients, on the device of the net.
    notes : Notes
        Where one that fails says why.

    Attributes
    ----------
    rank, size : int
        Number of this process, and of all.
    """

    def __init__(self, parts: bool, control: Any, data: Any, notes: Notes) -> None:
        self.parts = parts
        self.control = control
        self.data = data
        self.notes = notes
        self.rank: int = dist.get_rank(control)
        self.size: int = dist.get_world_size(control)

    @property
    def name(self) -> str:
        """What messages call this process."""
        return f"process {self.rank} of {self.size}"

    def group_of(self, tensor: Tensor) -> Any:
        """Return the group that a tensor travels in, by its device."""
        return self.control if tensor.device.type == "cpu" else self.data

    def call(self, exchange: Callable[[], T]) -> T:
        """Take part in an exchange.

        Raises
        ------
        ValueError, TypeError, RuntimeError
            Where another process has failed, with its name and its words.
        """
        try:
            return exchange()
        except RuntimeError as error:
            raise lost(self, error) from error

    def exchange(self, value: T) -> list[T]:
        """Return what all processes give, in their order; anything that pickles."""
        found: list[Any] = [None] * self.size

        def all_gather() -> None:
            dist.all_gather_object(found, value, group=self.control)

        self.call(all_gather)
        return found

    def first(self, value: T) -> T:
        """Return what the first process gives."""
        return self.exchange(value)[0]

    def any(self, value: bool) -> bool:
        """Whether it is so in any process."""
        flag = torch.tensor(int(value))
        self.call(lambda: dist.all_reduce(flag, dist.ReduceOp.MAX, group=self.control))
        return bool(flag)

    def total(self, value: float) -> float:
        """Return the sum over all processes, which is the same number in each."""
        return sum(self.exchange(value))

    def mean(self, value: Any, n_rows: int) -> Any:
        """Return the mean over all processes, weighted by their rows.

        Parameters
        ----------
        value : Tensor, ndarray or float
        n_rows : int
            Of this process.
        """
        found = self.exchange((value, n_rows))
        rows = sum(n for _, n in found)
        return sum(v * (n / rows) for v, n in found)

    def joined(self, tensor: Tensor | None) -> Tensor | None:
        """Return the rows of all processes in their order; None if there are none."""
        parts = self.exchange(tensor)
        given = [part for part in parts if part is not None]
        return torch.cat(given) if given else None

    def check_alike(self, what: str, value: Any, remedy: str) -> None:
        """Check that something is the same in all processes.

        Raises
        ------
        ValueError
            In each of them, with what two of them have.
        """
        found = self.exchange(value)
        for rank, other in enumerate(found):
            if other != found[0]:
                raise ValueError(
                    f"distributed: processes must have the same {what}; process 0 of"
                    f" {self.size} has {found[0]}, and process {rank} has {other}."
                    f" {remedy}"
                )
