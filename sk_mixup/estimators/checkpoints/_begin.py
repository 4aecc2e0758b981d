"""Where the training of a fit is stored: a folder of its own rows and parameters."""

from __future__ import annotations

import errno
import json
import secrets
from dataclasses import fields
from pathlib import Path

from sk_mixup.estimators._defaults import new_streams
from sk_mixup.estimators._reading import GivenRows
from sk_mixup.estimators._settings import Settings
from sk_mixup.estimators.checkpoints._digest import digest
from sk_mixup.estimators.checkpoints._files import CheckpointFolder, write_whole
from sk_mixup.estimators.checkpoints._keeper import Checkpoint
from sk_mixup.estimators.results import versions
from sk_mixup.inputs import is_stream
from sk_mixup.training import TrainStreams

# Parameters that leave the training as it is, and the one that the streams stand for.
_NOT_PART = ("checkpoint", "checkpoint_every", "verbose", "random_state")
_FULL = (errno.ENOSPC, errno.EDQUOT)


def checkpoint_of(
    settings: Settings, given: GivenRows
) -> tuple[Checkpoint, TrainStreams]:
    """Return where a fit is stored, and the random streams that it has there.

    Parameters
    ----------
    settings : Settings
        With a `checkpoint`.
    given : GivenRows

    Raises
    ------
    ValueError
        For rows whose training cannot be taken up again.
    OSError
        If the folder cannot be made.
    """
    for name in ("X", "X_val"):
        if is_stream(getattr(given, name)):
            raise ValueError(
                f"checkpoint={str(settings.checkpoint)!r}: {name} is an iterable data"
                " set, which nobody can tell from another one, nor set to where it"
                " was. Say checkpoint=None, or give a data set with __getitem__."
            )
    seeded = settings.random_state is not None
    streams = new_streams(settings) if seeded else None
    # One seed of a stream stands for all of them.
    seed = None if streams is None else streams.init_seed
    path = Path(settings.checkpoint) / _name(settings, given, seed)
    checkpoint = Checkpoint(path, int(settings.checkpoint_every))
    try:
        CheckpointFolder(path).make()
        if streams is None:
            streams = TrainStreams(_stored_seed(path / "seed.json"))
    except OSError as error:
        if error.errno not in _FULL:
            raise type(error)(
                error.errno,
                f"checkpoint={str(settings.checkpoint)!r}: {error.strerror}. Give a"
                " folder that can be written to, or None",
                str(path),
            ) from error
        checkpoint.warn(
            "write", f"the folder could not be written: {error}. The training begins."
        )
    return checkpoint, new_streams(settings) if streams is None else streams


def _name(settings: Settings, given: GivenRows, seed: int | None) -> str:
    """Return the name of a folder for these rows and parameters."""
    params = {k: v for k, v in settings.given.items() if k not in _NOT_PART}
    rows = {field.name: getattr(given, field.name) for field in fields(given)}
    whole = digest([params, rows, seed, versions()])
    return f"{settings.owner_name}-{whole}"


def _stored_seed(path: Path) -> int:
    """Return the seed that an earlier process has drawn, or a new one, stored.

    Raises
    ------
    OSError
    """
    for _ in range(2):
        try:
            return int(json.loads(path.read_text())["seed"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            write_whole(path, json.dumps({"seed": secrets.randbits(31)}).encode())
    return int(json.loads(path.read_text())["seed"])
