"""The mode that trainings run in, whatever their caller has set.

Gradients, the default dtype and device, and autocast are global, and a training under
``torch.no_grad()`` would learn nothing and say so late. Only what is not as it should
be is changed, and put back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

import torch

_KINDS = ("cpu", "cuda")


def own_mode() -> AbstractContextManager[None]:
    """Return a context with gradients, float32 and the CPU as torch sets them."""
    autocasts = [kind for kind in _KINDS if torch.is_autocast_enabled(kind)]
    if (
        torch.is_grad_enabled()
        and not torch.is_inference_mode_enabled()
        and torch.get_default_dtype() == torch.float32
        and torch.get_default_device().type == "cpu"
        and not autocasts
    ):
        return nullcontext()
    return _changed(autocasts)


@contextmanager
def _changed(autocasts: list[str]) -> Iterator[None]:
    dtype = torch.get_default_dtype()
    with ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if not torch.is_grad_enabled():
            stack.enter_context(torch.enable_grad())
        for kind in autocasts:
            stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if dtype != torch.float32:
            stack.callback(torch.set_default_dtype, dtype)
            torch.set_default_dtype(torch.float32)
        yield
