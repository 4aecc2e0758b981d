"""How a training finds the processes that it is shared by.

A process group of torch that is there already is taken; else one is made of what
`torchrun` and `accelerate launch` say in the environment. Each training has groups of
its own beside it: they are closed when it ends, whatever the caller does with his, and
their end is how the others learn of a failure.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
import torch.distributed as dist

from sk_mixup.processes._failure import Notes, lost
from sk_mixup.processes._group import Processes

_WANTED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_counter = itertools.count()


def launched() -> bool:
    """Whether this is one of several processes, as far as torch or the launcher says.

    Children of such a process have its environment and are none themselves.
    """
    if not dist.is_available():
        return False
    if dist.is_initialized():
        return dist.get_world_size() > 1
    return (
        multiprocessing.current_process().name == "MainProcess"
        and all(os.environ.get(name) for name in _WANTED)
        and os.environ["WORLD_SIZE"].isdigit()
        and int(os.environ["WORLD_SIZE"]) > 1
    )


def joined(distributed: Any) -> AbstractContextManager[Processes | None]:
    """Return a context with the processes of one training; None: there is only one.

    Parameters
    ----------
    distributed : {"auto", "parts"} or None

    Raises
    ------
    ValueError, TypeError, RuntimeError
        Within it, where another process fails.
    """
    known = isinstance(distributed, str) and distributed in ("auto", "parts")
    if not known or not launched():
        return nullcontext()
    return _joined(distributed == "parts")


@contextmanager
def _joined(parts: bool) -> Iterator[Processes]:
    with _own_card():
        if not dist.is_initialized():
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
            atexit.register(_leave)
        processes = _open(parts)
        groups = {id(g): g for g in (processes.control, processes.data)}
        try:
            yield processes
            # Nobody leaves while another still waits for an answer.
            processes.exchange(None)
        except BaseException as error:
            processes.notes.leave(processes.rank, error)
            raise
        finally:
            processes.control = processes.data = None
            _close(groups)


def _open(parts: bool) -> Processes:
    """Return the processes, once all of them are here."""
    store = dist.distributed_c10d._get_default_store()
    notes = Notes(store, str(next(_counter)))
    backend = dist.get_backend()
    if backend == "gloo":
        # Of one that has died before, its open connections tell at once.
        here = torch.zeros(1)
        try:
            dist.all_reduce(here)
        except RuntimeError as error:
            raise lost(Processes(parts, None, None, notes), error) from error
    control = dist.new_group(backend="gloo")
    data = control if backend == "gloo" else dist.new_group()
    return Processes(parts, control, data, notes)


def _close(groups: dict[int, Any]) -> None:
    """Close connections, which those who wait for an answer notice."""
    while groups:
        _, group = groups.popitem()
        with contextlib.suppress(Exception):
            dist.destroy_process_group(group)


def _leave() -> None:
    """Close the group that was made here, at the end of the process."""
    if dist.is_initialized():
        with contextlib.suppress(Exception):
            dist.destroy_process_group()


def _own_card() -> AbstractContextManager[Any]:
    """Return a context in which "cuda" is the card of this process."""
    local = os.environ.get("LOCAL_RANK", "")
    if not torch.cuda.is_available() or not local.isdigit():
        return nullcontext()
    if torch.cuda.current_device() != 0 or int(local) >= torch.cuda.device_count():
        return nullcontext()
    return torch.cuda.device(int(local))
