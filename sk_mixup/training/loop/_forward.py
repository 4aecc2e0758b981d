"""How the module is called: precision, memory format, compilation.

Mixing of inputs, targets and the loss stay outside of it, in float32 and uncompiled:
a new lambda compiles nothing anew.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.training.feeds import map_tensors
from sk_mixup.training.loop._prediction import mark_batches, ordinary
from sk_mixup.training.recipes import Knobs


class Forward:
    """Calls the module of a net while it trains.

    Parameters
    ----------
    net : skorch net
        Initialized.
    knobs : Knobs
    """

    def __init__(self, net: Any, knobs: Knobs) -> None:
        self.device_type = net.place_.type
        self.precision = knobs.precision
        self.channels_last = knobs.channels_last
        self.options = knobs.compile
        self._mix = _Mixing()
        # Made here and not by a decorator, which would import the compiler with us.
        self._uncompiled_mix: Any = None
        self._embed: Any = None
        if self.options is not None:
            self._uncompiled_mix = torch.compiler.disable(self._mix.__call__)

    def __call__(
        self,
        net: Any,
        infer: Callable[..., Any],
        x: Any,
        fit_params: dict[str, Any],
        *,
        hooked: bool,
    ) -> Any:
        """Return the outputs of a batch, in float32.

        Parameters
        ----------
        net : skorch net
        infer : callable
            Calls ``net.module_`` on a batch.
        x : Tensor, dict or tuple
        fit_params : dict
            Further arguments; `mix` is what a net mixes inside with.
        hooked : bool
            Whether a layer has a hook for this batch, which compiled code would pass
            by.
        """
        if self.channels_last:
            x = in_channels_last(x)
        options = None if hooked else self.options
        if options is not None and "mix" in fit_params:
            if options.get("fullgraph"):
                options = None
            else:
                # One object for all batches: compiled code is tied to the arguments.
                self._mix.apply = fit_params["mix"]
                fit_params = fit_params | {"mix": self._uncompiled_mix}
        precise = in_precision(self.device_type, self.precision)
        with precise, _quiet("mix" in fit_params and options is not None):
            if options is None:
                output = infer(x, **fit_params)
            else:
                module = net.module_
                if options.get("dynamic") is not False:
                    x = ordinary(x)
                    mark_batches(x)
                # skorch and its subclasses call `module_`; they need not know.
                vars(net)["module_"] = compiled(net, module, options)
                # What is embedded is mixed, so that one graph begins behind both.
                splits = "mix" in fit_params and hasattr(module, "embed")
                if splits:
                    vars(module)["embed"] = self._uncompiled_embed(module)
                try:
                    output = infer(x, **fit_params)
                finally:
                    vars(net)["module_"] = module
                    if splits:
                        del vars(module)["embed"]
        if options is not None and self.writes_over:
            # What a CUDA graph returns is written over by its next run; outputs of
            # some batches are kept until their accuracy is counted.
            output = map_tensors(Tensor.clone, output)
        return output if self.precision is None else as_float32(output)

    @property
    def writes_over(self) -> bool:
        """Whether outputs and gradients are those of a CUDA graph."""
        options = self.options or {}
        with_graphs = options.get("mode") in ("reduce-overhead", "max-autotune")
        asked = (options.get("options") or {}).get("triton.cudagraphs", False)
        return (with_graphs or asked is True) and self.device_type == "cuda"

    def _uncompiled_embed(self, module: Any) -> Any:
        if self._embed is None:
            plain = module.embed

            def embed(*args: Any) -> Any:
                embedded = plain(*args)
                mark_batches(embedded)
                return embedded

            self._embed = torch.compiler.disable(embed)
        return self._embed


def in_precision(device_type: str, precision: torch.dtype | None) -> Any:
    """Return a context in which a module runs in a precision; None: in its own."""
    if precision is None:
        return nullcontext()
    return torch.autocast(device_type, precision)


class _Mixing:
    """One mixing function for all batches, whatever plan it applies."""

    apply: Callable[..., Any]

    def __call__(self, *args: Any) -> Any:
        return self.apply(*args)


@contextmanager
def _quiet(applies: bool) -> Iterator[None]:
    """Silence a warning of torch on the way back from uncompiled to compiled code."""
    if not applies:
        yield
        return
    with warnings.catch_warnings():
        message = "The .grad attribute of a Tensor that is not a leaf"
        warnings.filterwarnings("ignore", message=re.escape(message))
        yield


def compiled(net: Any, module: nn.Module, options: dict[str, Any]) -> Any:
    """Return the compiled form of a module, which the net keeps but never pickles."""
    kept = vars(net).get("compiled_")
    if kept is None or kept[0] is not module:
        if net.verbose:
            print(
                f"compile: torch.compile builds {type(module).__name__} at its first"
                " batches, which may take minutes."
            )
        kept = vars(net)["compiled_"] = (module, torch.compile(module, **options))
    return kept[1]


def in_channels_last(x: Any) -> Any:
    """Return images in the memory format of convolutions on tensor cores."""
    last = torch.channels_last
    return map_tensors(lambda t: t.to(memory_format=last) if t.ndim == 4 else t, x)


def has_images(x: Any) -> bool:
    """Whether a tensor of four dimensions is among the inputs."""
    if isinstance(x, Tensor):
        return x.ndim == 4
    if isinstance(x, Mapping):
        return any(map(has_images, x.values()))
    return isinstance(x, (tuple, list)) and any(map(has_images, x))


def as_float32(output: Any) -> Any:
    """Return outputs of half precision as float32, in tuples and mappings too."""
    if isinstance(output, Tensor):
        half = output.dtype in (torch.bfloat16, torch.float16)
        return output.float() if half else output
    if isinstance(output, tuple):
        values = map(as_float32, output)
        return type(output)(*values) if hasattr(output, "_fields") else tuple(values)
    if isinstance(output, Mapping):
        changed: Any = copy.copy(output)
        for key, value in output.items():
            changed[key] = as_float32(value)
        return changed
    return output
