"""The files of one training: whole or absent, and known if they are damaged.

A file is written under another name, brought to the disk and renamed, so that a process
that is killed leaves the one before. What a crash of the machine or a full disk may
leave behind is told by its checksum.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

_HEAD = b"sk-mixup checkpoint 1\n"
_SUM = 32
_FINISHED = "finished.checkpoint"
_KEPT = 2
_STALE_SECONDS = 3600.0


class DamagedFile(ValueError):
    """A file that is not what was written."""


class CheckpointFolder:
    """The checkpoints of a training, numbered by epochs.

    Parameters
    ----------
    path : Path
        Made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Make the folder, and clear away what killed processes have left.

        Raises
        ------
        OSError
        """
        self.path.mkdir(parents=True, exist_ok=True)
        now = time.time()
        for left in self.path.glob("*.part"):
            with contextlib.suppress(OSError):
                if now - left.stat().st_mtime > _STALE_SECONDS:
                    left.unlink()

    def newest(self) -> Iterator[Path]:
        """Yield the files, the one to go on with first."""
        finished = self.path / _FINISHED
        if finished.exists():
            yield finished
        yield from sorted(self._of_epochs(), reverse=True)

    def write(self, epoch: int, data: bytes, *, finished: bool = False) -> None:
        """Write a checkpoint, and drop those that nobody needs any more.

        Raises
        ------
        OSError
            The files before are as they were.
        """
        name = _FINISHED if finished else f"{epoch:08d}.checkpoint"
        total = hashlib.blake2b(data, digest_size=_SUM).digest()
        write_whole(self.path / name, _HEAD, total, data)
        old = sorted(self._of_epochs())
        for path in old if finished else old[:-_KEPT]:
            with contextlib.suppress(OSError):
                path.unlink()

    def _of_epochs(self) -> list[Path]:
        return list(self.path.glob("[0-9]" * 8 + ".checkpoint"))


def read_checked(path: Path) -> bytes:
    """Return what was written to a file of a `CheckpointFolder`.

    Raises
    ------
    DamagedFile, OSError
    """
    whole = path.read_bytes()
    start = len(_HEAD) + _SUM
    data = whole[start:]
    total = hashlib.blake2b(data, digest_size=_SUM).digest()
    if not whole.startswith(_HEAD) or whole[len(_HEAD) : start] != total:
        raise DamagedFile("its checksum is wrong, as of a file that was torn")
    return data


def write_whole(path: Path, *parts: bytes) -> None:
    """Write a file that is there as a whole, or not at all.

    Raises
    ------
    OSError
    """
    part = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            for data in parts:
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    _bring_to_disk(path.parent)


def _bring_to_disk(folder: Path) -> None:
    """Let the name of a new file outlast a crash, where folders can be opened."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
