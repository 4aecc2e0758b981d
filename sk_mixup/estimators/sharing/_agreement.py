"""What processes must have alike, found out before the first step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sk_mixup.processes import Processes, share_state
from sk_mixup.training import SharedSteps, TrainStreams


def shared(
    processes: Processes, settings: Any, streams: TrainStreams
) -> tuple[Any, TrainStreams]:
    """Return settings and random streams of one process of several.

    Parameters
    ----------
    processes : Processes
    settings : Settings
    streams : TrainStreams
        Those of the first are taken.

    Raises
    ------
    ValueError
        For what a fit by several processes cannot do.
    """
    _check(processes, settings)
    if processes.rank > 0:
        # One of them tells.
        settings = replace(settings, verbose=0)
    own_order = processes.parts
    return settings, processes.first(streams).of_process(
        processes.rank, own_order=own_order
    )


def _check(processes: Processes, settings: Any) -> None:
    if settings.checkpoint is not None and not settings.partial:
        raise ValueError(
            f"checkpoint={str(settings.checkpoint)!r}: a training by {processes.size}"
            " processes is not stored as it goes, since all of them would have to be"
            " taken up at the same epoch. Say checkpoint=None, or distributed=None."
        )
    if getattr(settings.module, "accelerator", None) is not None:
        raise ValueError(
            f"module: {type(settings.module).__name__} has an accelerator of its own,"
            " which would share the training a second time. Give the net without"
            " AccelerateMixin: processes that accelerate launches are found anyway."
        )
    method = settings.method
    inner = (
        [] if method is None else [one for one in method.walk() if one is not method]
    )
    if any(getattr(one, "partners", "local") == "global" for one in inner):
        raise ValueError(
            "partners='global' is for Mixup itself, as mix: processes draw which of"
            f" several methods comes next, and {type(method).__name__} holds one that"
            " needs all of them in the same step. Say partners='local'."
        )


def shared_steps(
    processes: Processes,
    net: Any,
    n_epochs: int,
    method: Any,
    *,
    shares_validation: bool,
) -> SharedSteps:
    """Return the steps of a training by several processes, of weights that are alike.

    Parameters
    ----------
    processes : Processes
    net : skorch net
        Initialized.
    n_epochs : int
    method : Method or None
    shares_validation : bool
        As for `SharedSteps`.

    Raises
    ------
    ValueError
        In all of them, where they have not made the same net for the same training.
    """
    _check_net(processes, net, n_epochs, method)
    share_state(processes, net.module_, net.criterion_)
    return SharedSteps(processes, shares_validation=shares_validation)


def _check_net(processes: Processes, net: Any, n_epochs: int, method: Any) -> None:
    """Check that all processes have made the same net for the same training."""
    remedy = (
        "Give all processes the same parameters, and distributed='parts' where rows"
        " differ."
    )
    for what, value in (
        ("max_epochs", n_epochs),
        ("batch_size", net.batch_size),
        ("mix", repr(method)),
        ("optimizer", getattr(net.optimizer, "__name__", "")),
    ):
        processes.check_alike(what, value, remedy)
    module = net.module_
    shapes = {name: tuple(p.shape) for name, p in module.named_parameters()}
    n_weights = sum(p.numel() for p in module.parameters())
    words = f"{type(module).__name__} of {n_weights} weights"
    found = processes.exchange((words, shapes))
    for rank, other in enumerate(found):
        if other != found[0]:
            raise ValueError(
                f"distributed: processes must have the same module; process 0 has a"
                f" {found[0][0]}, and process {rank} a {other[0]} in other shapes."
                f" {remedy}"
            )
