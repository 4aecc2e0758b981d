"""Where the training of a fit is stored: a folder of its own rows and parameters."""

from __future__ import annotations

import errno
import json
import secrets
from dataclasses import fields
from pathlib import Path
from typing import Any

from sk_mixup.estimators._checks import check_path
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
    checkpoint = folder_of(
        settings.checkpoint,
        _name(settings, given, seed),
        int(settings.checkpoint_every),
    )
    return checkpoint, streams or TrainStreams(kept_seed(checkpoint))


def folder_of(given: Any, name: str, every: int = 1) -> Checkpoint:
    """Return a folder to store things in, made if that can be.

    Parameters
    ----------
    given : path-like
        The parameter `checkpoint`.
    name : str
        Of the subfolder.
    every : int, default=1
        Epochs between two checkpoints.

    Raises
    ------
    TypeError
        If `given` is no path.
    OSError
        If the folder cannot be made, but for a full disk.
    """
    check_path(given)
    checkpoint = Checkpoint(Path(given) / name, every)
    try:
        CheckpointFolder(checkpoint.path).make()
    except OSError as error:
        _refuse(checkpoint, given, error)
    return checkpoint


def kept_seed(checkpoint: Checkpoint) -> int:
    """Return the seed that an earlier process has drawn, or a new one, stored.

    Raises
    ------
    OSError
        If it cannot be stored, but for a full disk.
    """
    try:
        return _stored_seed(checkpoint.path / "seed.json")
    except OSError as error:
        _refuse(checkpoint, checkpoint.path.parent, error)
        return secrets.randbits(31)


def _refuse(checkpoint: Checkpoint, given: Any, error: OSError) -> None:
    """Raise for a folder that cannot be written to; warn of a full disk."""
    if error.errno in _FULL:
        checkpoint.warn("write", f"it cannot be written to: {error}. Nothing is kept.")
        return
    raise type(error)(
        error.errno,
        f"checkpoint={str(given)!r}: {error.strerror}. Give a folder that can be"
        " written to, or None",
        str(checkpoint.path),
    ) from error


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
