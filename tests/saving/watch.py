"""What a load does beside loading: code, files, processes, memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def watched() -> Iterator[list[tuple[str, str]]]:
    """Collect the forbidden events of what happens inside."""
    global _seen
    _seen = []
    try:
        yield _seen
    finally:
        _seen = None
