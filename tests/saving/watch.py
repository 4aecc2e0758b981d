"""What a load does beside loading: code, files, processes, memory."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Torch imports it when an operation is first decomposed.
import torch._subclasses.schema_check_mode
from torch.nn import functional

from sk_mixup.saving._guard import guarded

#: Events of Python's audit that reading a file must never raise.
FORBIDDEN = (
    *("exec", "compile", "import", "marshal.loads", "marshal.load"),
    *("pickle.find_class", "ctypes.dlopen", "code.__new__", "function.__new__"),
    *("os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.Popen"),
    *("os.remove", "os.rename", "os.mkdir", "os.listdir", "os.scandir", "os.putenv"),
    *("shutil.unpack_archive", "socket.__new__", "socket.connect", "open"),
    *("urllib.Request", "tempfile.mkstemp", "tempfile.mkdtemp", "webbrowser.open"),
    *("builtins.input", "sys.settrace", "sys.setprofile"),
)
_seen: list[tuple[str, str]] | None = None


def _audit(event: str, args: tuple[object, ...]) -> None:
    if _seen is not None and event in FORBIDDEN:
        _seen.append((event, str(args)[:200]))


# A hook cannot be taken away again; nobody else sees this one.
sys.addaudithook(_audit)


def warm_up() -> None:
    """Let torch import what it needs to tell sizes, which it does when it needs it."""
    # Reading the names of a zip file asks for it, the first time.
    importlib.import_module("encodings.cp437")
    one = torch.ones(1)
    large = one.expand(1, 8, 2048, 2048)
    for operation in (
        lambda: one.expand(5000).repeat(5000),
        lambda: torch.empty(10**9),
        lambda: torch.randn(10**5, 10**5),
        lambda: torch.arange(10**9).repeat_interleave(2),
        lambda: functional.conv2d(large, one.expand(64, 8, 3, 3), padding=1),
        lambda: functional.linear(one.expand(5000, 3), one.expand(5000, 3)),
        lambda: one.expand(5000, 1) * one.expand(1, 5000),
        lambda: torch.cat([large, large]).clamp(0, 1) + torch.where(large > 0, 1, 0),
        lambda: large.flatten(2).amax(2, keepdim=True) + large.mean(2, keepdim=True),
        lambda: functional.batch_norm(large, one.expand(8), one.expand(8)),
    ):
        with contextlib.suppress(ValueError, RuntimeError), guarded(1, 1):
            operation()


@contextmanager
def watched() -> Iterator[list[tuple[str, str]]]:
    """Collect the forbidden events of what happens inside."""
    global _seen
    _seen = []
    try:
        yield _seen
    finally:
        _seen = None
