"""A training that is stored as it goes, and goes on where a killed one was stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from skorch.callbacks import Callback

from sk_mixup.estimators.checkpoints._callbacks import lost_state, not_storable
from sk_mixup.estimators.checkpoints._files import CheckpointFolder, read_checked
from sk_mixup.estimators.checkpoints._pickling import dumped, loaded
from sk_mixup.estimators.checkpoints._state import KEEPER, TrainingState
from sk_mixup.exceptions import warn_caller
from sk_mixup.training import TrainingBar


class Stored(Protocol):
    """What has a state that can be stored: a training, or a pack of them."""

    @property
    def epoch(self) -> int:
        """Epochs so far."""

    @property
    def live(self) -> dict[str, Any]:
        """What is named in place of being stored, by name."""

    def taken(self, *, finished: bool) -> dict[str, Any]:
        """Return the state."""

    def check(self, state: dict[str, Any]) -> None:
        """Raise if a state is one of something else."""

    def put(self, state: dict[str, Any]) -> None:
        """Go on from a state."""


@dataclass
class Checkpoint:
    """Where one training is stored, and how often.

    Attributes
    ----------
    path : Path
        Folder of this training alone.
    every : int
        Epochs between two checkpoints.
    said : set of str
        What was warned of, here and in the parts.
    """

    path: Path
    every: int
    said: set[str] = field(default_factory=set)

    def part(self, name: str) -> Checkpoint:
        """Return where a further training of the same fit is stored."""
        return Checkpoint(self.path / name, self.every, self.said)

    def warn(self, kind: str, message: str) -> None:
        """Warn, once of every kind."""
        if kind not in self.said:
            self.said.add(kind)
            warn_caller(f"checkpoint={str(self.path)!r}: {message}")

    def newest(self, state: Stored) -> dict[str, Any] | None:
        """Return the newest stored state that can be used; None: there is none.

        Parameters
        ----------
        state : Stored
            Of the training that wants to go on.
        """
        try:
            paths = list(CheckpointFolder(self.path).newest())
        except OSError:
            return None
        for path in paths:
            try:
                found: dict[str, Any] = loaded(read_checked(path), state.live)
                state.check(found)
            except FileNotFoundError:
                continue  # Another process, at the same training, has gone on.
            except Exception as error:
                # Whatever it is, the training can be run again without it.
                self.warn(
                    "damaged",
                    f"{path.name} cannot be used: {type(error).__name__}: {error}. The"
                    " training goes on from the checkpoint before it, if there is one.",
                )
                continue
            return found
        return None

    def write(self, state: Stored, *, finished: bool = False) -> None:
        """Store a state; what goes wrong is warned of, once, and ends nothing."""
        try:
            data = dumped(state.taken(finished=finished), state.live)
        except Exception as error:
            self.warn(
                "pickle",
                f"the state of the training cannot be stored: {type(error).__name__}:"
                f" {error}. The training goes on without checkpoints.",
            )
            return
        try:
            folder = CheckpointFolder(self.path)
            folder.make()
            folder.write(state.epoch, data, finished=finished)
        except OSError as error:
            self.warn(
                "write",
                f"a checkpoint could not be written: {error}. The training goes on;"
                " free some space, or it begins anew if it is killed.",
            )


class Keeper(Callback):
    """Puts a state back before the first epoch, and stores those after.

    Must be the last callback: it sees what the others have done.

    Parameters
    ----------
    checkpoint : Checkpoint
    state : TrainingState
    found : dict or None
        The state to go on from.
    """

    def __init__(
        self, checkpoint: Checkpoint, state: TrainingState, found: dict[str, Any] | None
    ) -> None:
        self.checkpoint = checkpoint
        self.state = state
        self.found = found

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Go on from what was found, once all other callbacks have begun."""
        others = self.state.callbacks
        self.state.left_out = not_storable(others, self.state.live)
        if lost := lost_state(others, self.state.left_out):
            self.checkpoint.warn(
                "lost",
                f"{', '.join(lost)} cannot be pickled, and is not stored: a training"
                " that goes on finds it as it begins, and may not end as if it had not"
                " been killed.",
            )
        if self.found is not None:
            self.state.put(self.found)
            self.found = None
            for _, callback in others:
                if isinstance(callback, TrainingBar):
                    callback.bar_.update(self.state.epoch)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Store the state after every so many epochs."""
        if self.state.epoch % self.checkpoint.every == 0:
            self.checkpoint.write(self.state)


@contextmanager
def kept(training: Any) -> Iterator[bool]:
    """Store a training as it goes.

    Parameters
    ----------
    training : Training
        With a checkpoint, and begun, with all of its random streams in place.

    Yields
    ------
    is_over : bool
        Whether there is nothing left to train: a finished one was put back.
    """
    checkpoint: Checkpoint = training.checkpoint
    state = TrainingState(training)
    found = checkpoint.newest(state)
    if found is not None and found["finished"]:
        state.put(found)
        yield True
        return
    net = training.net
    before = net.callbacks_
    keeper = Keeper(checkpoint, state, found).initialize()
    net.callbacks_ = [*before, (KEEPER, keeper)]
    try:
        yield False
        if training.run.interrupt is None:
            checkpoint.write(state, finished=True)
    finally:
        net.callbacks_ = [c for c in net.callbacks_ if c[0] != KEEPER]
