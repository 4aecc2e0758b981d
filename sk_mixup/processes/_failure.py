"""What a process leaves behind that fails, and what the others make of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sk_mixup.processes._group import Processes

# Kinds of errors that the others raise too: they are about what was given.
_KINDS: dict[str, type[Exception]] = {"ValueError": ValueError, "TypeError": TypeError}
# The connection may be gone before the note is there.
_SECONDS, _TRIES = 0.05, 20


class Notes:
    """Short texts that all processes can read, one per process and training.

    Parameters
    ----------
    store : Store
        Of the process group.
    name : str
        Of the training.
    """

    def __init__(self, store: Any, name: str) -> None:
        self._store = store
        self._name = f"sk_mixup/{name}"

    def leave(self, rank: int, error: BaseException) -> None:
        """Say why a process ends."""
        text = f"{type(error).__name__}: {error}"
        try:
            self._store.set(f"{self._name}/{rank}", text)
        except Exception:
            return  # The process that holds the store is gone.

    def read(self, rank: int) -> str | None:
        """Return what a process has left; None: nothing."""
        try:
            key = f"{self._name}/{rank}"
            return self._store.get(key).decode() if self._store.check([key]) else None
        except Exception:
            return None


def lost(processes: Processes, error: BaseException) -> Exception:
    """Return what to raise in a process that an exchange has failed for.

    Parameters
    ----------
    processes : Processes
    error : BaseException
        Of torch.
    """
    others = [rank for rank in range(processes.size) if rank != processes.rank]
    found: dict[int, str] = {}
    for _ in range(_TRIES):
        notes = {rank: processes.notes.read(rank) for rank in others}
        found = {rank: note for rank, note in notes.items() if note is not None}
        if found:
            break
        time.sleep(_SECONDS)
    # The first cause: one that only followed another says so.
    for rank, note in sorted(found.items(), key=lambda item: _FOLLOWS in item[1]):
        kind, _, words = note.partition(": ")
        if _FOLLOWS in note:
            return RuntimeError(words)
        raised = _KINDS.get(kind, RuntimeError)
        shown = words if kind in _KINDS else note
        return raised(
            f"process {rank} of {processes.size} failed in this training,"
            f" {_FOLLOWS}: {shown}"
        )
    return RuntimeError(
        f"a process of this training has died, {_FOLLOWS}: {processes.name} waited for"
        f" the others, and one was gone without a word or has not come in time"
        f" ({error})."
    )


_FOLLOWS = "so that all processes end"
