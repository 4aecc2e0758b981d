"""A search on the disk: packs that are trained are read, and not trained again.

A pack is stored when all of its members are done, as one file: a killed search begins
the pack anew that it was at. What is fitted on its own is stored epoch by epoch, as
estimators with a `checkpoint` do it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sk_mixup.estimators.checkpoints import (
    Checkpoint,
    TrainingState,
    digest,
    folder_of,
    kept_seed,
    not_storable,
)
from sk_mixup.model_selection._last_step import last_step, why_not_ours
from sk_mixup.model_selection._members import Member
from sk_mixup.training import start_run

# Parameters of a search that change no training.
_NOT_PART = ("checkpoint", "n_jobs", "verbose", "pre_dispatch", "error_score")


class SearchFolder:
    """Where one search is stored.

    Parameters
    ----------
    search : MixupSearchCV or MixupRandomizedSearchCV
        With a `checkpoint`.
    *data : object
        All that its result depends on beside its parameters.

    Attributes
    ----------
    seed : int
        Of estimators without one; drawn once, and stored.

    Raises
    ------
    TypeError
        If `checkpoint` is no path.
    OSError
        If the folder cannot be made.
    """

    def __init__(self, search: Any, *data: Any) -> None:
        params = search.get_params(deep=False)
        params = {k: v for k, v in params.items() if k not in _NOT_PART}
        name = f"{type(search).__name__}-{digest([params, data])}"
        self._whole = folder_of(search.checkpoint, name)
        self.seed = kept_seed(self._whole)
        self._keys: list[Any] = []

    def begin(self, candidates: Sequence[Any], splits: Sequence[Any]) -> None:
        """Learn what the numbers of candidates and folds mean."""
        rows = [digest(np.asarray(train)) for train, _ in splits]
        self._keys = [[digest(one) for one in candidates], rows]

    def of_pack(self, pack: Sequence[Member]) -> Checkpoint:
        """Return where a pack is stored."""
        candidates, rows = self._keys
        names = [(candidates[m.candidate], rows[m.split]) for m in pack]
        return self._whole.part(f"pack-{digest(names)}")

    def give(self, estimator: Any) -> Any:
        """Return the estimator, its net with a folder if it has none."""
        net = last_step(estimator)
        if why_not_ours(net) is None and net.checkpoint is None:
            net.checkpoint = os.fspath(self.path / "fits")
        return estimator

    @property
    def path(self) -> Path:
        """The folder."""
        return self._whole.path


class PackState:
    """The states of all members of a pack, once it is trained.

    Parameters
    ----------
    pack : sequence of Member
        Ready to run, or just run.
    dropped : dict of int to int
        Candidates that were dropped so far, and after how many epochs.
    """

    epoch = 0

    def __init__(self, pack: Sequence[Member], dropped: dict[int, int]) -> None:
        self.pack = pack
        self.dropped = dropped
        # The streams of masks are of the pack, and are made anew for the next one.
        self.states = [TrainingState(m.training, draws=False) for m in pack]

    @property
    def live(self) -> dict[str, Any]:
        """What is named in place of being stored, by name."""
        return {
            f"{number}/{name}": thing
            for number, state in enumerate(self.states)
            for name, thing in state.live.items()
        }

    def taken(self, *, finished: bool) -> dict[str, Any]:
        """Return the state of the pack."""
        for state in self.states:
            state.left_out = not_storable(state.callbacks, state.live)
        return {
            "finished": finished,
            "members": [state.taken(finished=finished) for state in self.states],
            "errors": [member.error for member in self.pack],
            "seconds": [member.seconds for member in self.pack],
            "dropped": dict(self.dropped),
        }

    def check(self, found: dict[str, Any]) -> None:
        """Check that a state is one of this pack, before anything is put back."""
        for state, one in zip(self.states, found["members"], strict=True):
            state.check(one)

    def put(self, found: dict[str, Any]) -> None:
        """Let all members be as they were after their training."""
        columns = found["members"], found["errors"], found["seconds"]
        for member, state, one, error, seconds in zip(
            self.pack, self.states, *columns, strict=True
        ):
            member.error, member.seconds = error, seconds
            if error is None:
                ready = member.pack
                start_run(ready.run, ready.net, ready.knobs, schedule=ready.schedule)
                state.put(one)
        self.dropped.update(found["dropped"])
