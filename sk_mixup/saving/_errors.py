"""What a file that cannot be used is answered with."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager


class Unstorable(TypeError):
    """A value that no file of ours can hold; the message begins with what it is."""


@contextmanager
def as_damage(what: str) -> Iterator[None]:
    """Say of any error inside that a part of a file is damaged.

    Parameters
    ----------
    what : str
        What is being read.

    Raises
    ------
    ValueError
    """
    try:
        yield
    except (OSError, ImportError):
        raise
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        NotImplementedError,
        RecursionError,
        RuntimeError,
        TypeError,
        ValueError,
        struct.error,
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
    ) as error:
        if isinstance(error, ValueError) and str(error).startswith("This is no "):
            raise
        reason = str(error).strip().partition("\n")[0].rstrip(".")[:500]
        raise ValueError(
            f"This is no usable model file: {what}: {reason or type(error).__name__}."
        ) from error
