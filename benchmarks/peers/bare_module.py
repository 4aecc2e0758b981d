"""A fitted estimator's net alone: the floor of prediction.

How rows become tensors is the estimator's own business, and may change. So its calls of
the module are recorded during one prediction and replayed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class BareModule:
    """Replays the calls that a prediction makes of a module.

    Parameters
    ----------
    module : nn.Module
        In evaluation mode.
    calls : list of (args, kwargs)
        Its recorded inputs.
    """

    def __init__(
        self, module: nn.Module, calls: list[tuple[tuple[Any, ...], dict[str, Any]]]
    ) -> None:
        self.module = module
        self.calls = calls

    @classmethod
    def of(cls, estimator: Any, x: Any) -> BareModule | None:
        """Record one ``predict_proba``; None if it does not call ``module_``."""
        module: nn.Module = estimator.module_
        calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

        def note(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            calls.append((args, kwargs))

        handle = module.register_forward_pre_hook(note, with_kwargs=True)
        try:
            estimator.predict_proba(x)
        finally:
            handle.remove()
        module.eval()
        return cls(module, calls) if calls else None

    @property
    def n_blocks(self) -> int:
        """Number of calls of the module."""
        return len(self.calls)

    def __call__(self) -> None:
        """Run the module on everything recorded."""
        with torch.inference_mode():
            for args, kwargs in self.calls:
                self.module(*args, **kwargs)
