"""What attention a net pays to its patches, read off a forward pass as it runs.

Nothing of the net has to be changed. While it is watched, three ways to compute
attention are recognised: torch's fused `scaled_dot_product_attention` (timm, Hugging
Face, the nets of this library), `torch.nn.MultiheadAttention`, and a softmax over maps
with as many rows as columns. A net may also say itself what it attends to, by an
attribute or method `attention_map`, which goes before all else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from sk_mixup.mixing.layers import find_layer, uncompiled, unwrapped
from sk_mixup.mixing.methods.attention._grid import Grid, grid_of

_SOFTMAX = (functional.softmax, torch.softmax, Tensor.softmax)


class Watch:
    """What was seen of the attention in one forward pass.

    Parameters
    ----------
    module : torch.nn.Module
    layer : str
        The layer inside which attention is looked for; "auto": the whole net.
    who : str
        What messages call the method.
    """

    def __init__(self, module: nn.Module, layer: str, who: str) -> None:
        self.module, self.layer, self.who = module, layer, who
        self.is_open = layer == "auto"
        self.weights: Tensor | None = None
        self.tokens: Tensor | None = None
        self._products: tuple[Tensor, Tensor, Tensor | None, float | None] | None = None

    # -- notes ------------------------------------------------------------------------

    def note_products(
        self,
        query: Tensor,
        key: Tensor,
        mask: Tensor | None,
        is_causal: bool,
        scale: float | None,
    ) -> None:
        """Note the arguments of a fused attention, of which the last one is used."""
        fits = query.shape[-2] in (1, key.shape[-2]) and query.ndim >= 3
        if self.is_open and fits and not is_causal:
            self.weights = None
            self._products = query.detach(), key.detach(), mask, scale

    def note_weights(self, weights: Tensor, tokens: Tensor | None = None) -> None:
        """Note weights of shape (B, ..., queries, tokens), each row with sum 1."""
        if self.is_open:
            self._products = None
            self.weights = weights.detach()
            self.tokens = None if tokens is None else tokens.detach()

    # -- answers ----------------------------------------------------------------------

    def map(self, n_rows: int, size: tuple[int, int]) -> Tensor:
        """Return what the net pays to each patch of each image.

        Parameters
        ----------
        n_rows : int
            Images of the batch.
        size : (int, int)
            Of the images, in pixels.

        Returns
        -------
        attention : Tensor of shape (n_rows, h, w), float32
            At least 0.

        Raises
        ------
        ValueError
            If no attention was seen, or it belongs to no grid of patches.
        """
        told = self.told(n_rows)
        if told is not None:
            return told
        return self.received(n_rows, size)[0]

    def saw_any(self, n_rows: int) -> bool:
        """Whether the net has computed attention, or says it itself."""
        seen = self.weights is not None or self._products is not None
        return seen or self.told(n_rows) is not None

    def received(self, n_rows: int, size: tuple[int, int]) -> tuple[Tensor, Grid]:
        """Return the attention to each patch, (n_rows, h, w), and where patches lie."""
        weights = self._rows(n_rows)
        grid = grid_of(weights.shape[-1], size, self.who)
        # The class token's, or, without one, the mean over all patches.
        has_class = grid.prefix > 0 or weights.shape[-2] == 1
        row = weights[:, 0] if has_class else weights.mean(1)
        return row[:, grid.prefix :].reshape(n_rows, *grid.shape), grid

    def features(self, n_rows: int, grid: Grid) -> Tensor:
        """Return what patches are compared by: (n_rows, patches, width)."""
        if self._products is not None:
            # Keys of all heads side by side, as in token merging.
            key = self._products[1].float()
            heads = key.reshape(n_rows, -1, *key.shape[-2:])
            return heads.mean(1)[:, grid.prefix :]
        if self.tokens is not None:
            return self.tokens.float()[:, grid.prefix :]
        return self._rows(n_rows)[:, grid.prefix :, grid.prefix :]

    def told(self, n_rows: int) -> Tensor | None:
        """Return what the net says itself, if it does."""
        told = getattr(unwrapped(self.module), "attention_map", None)
        if callable(told) and not isinstance(told, (Tensor, nn.Module)):
            told = told()
        if told is None or isinstance(told, nn.Module):
            return None
        if not isinstance(told, Tensor) or told.ndim != 3 or len(told) != n_rows:
            what = tuple(told.shape) if isinstance(told, Tensor) else type(told)
            raise ValueError(
                f"{self.who}: attention_map of {type(self.module).__name__} must be a"
                f" tensor of shape ({n_rows}, h, w), one map per image of the pass; it"
                f" is {what}."
            )
        return told.detach().float().clamp(min=0.0)

    @torch.no_grad()
    def _rows(self, n_rows: int) -> Tensor:
        """Return weights as a mean over heads: (n_rows, queries, tokens), float32."""
        weights = self.weights
        if self._products is not None:
            query, key, mask, scale = self._products
            query, key = query.float(), key.float()
            scale = query.shape[-1] ** -0.5 if scale is None else scale
            groups = query.shape[-3] // key.shape[-3] if query.ndim > 3 else 1
            if groups > 1:  # keys that several heads share
                key = key.repeat_interleave(groups, -3)
            score = query @ key.mT * scale
            if mask is not None:
                is_bool = mask.dtype == torch.bool
                score = (
                    score.masked_fill(~mask, float("-inf"))
                    if is_bool
                    else score + mask.detach().float()
                )
            weights = score.softmax(-1)
        if weights is None:
            raise ValueError(
                f"{self.who} reads where a net looks, and"
                f" {self._place()} computed no attention in its forward pass: no"
                " scaled_dot_product_attention, no torch.nn.MultiheadAttention and no"
                " softmax over a map with as many rows as columns. Use a vision"
                " transformer, give the net an attribute attention_map of shape (B, h,"
                " w), or use a method that needs none, such as cutmix or snap_mix."
            )
        if len(weights) != n_rows:
            raise ValueError(
                f"{self.who}: the attention of {self._place()} has"
                f" {len(weights)} rows for {n_rows} images, as that within windows"
                " has. Name a layer (layer=...) that attends to whole images."
            )
        weights = weights.float()
        return weights.flatten(1, -3).mean(1) if weights.ndim > 3 else weights

    def _place(self) -> str:
        name = type(unwrapped(self.module)).__name__
        return name if self.layer == "auto" else f"layer {self.layer!r} of {name}"


class _Mode(TorchFunctionMode):
    """Hands the attention of all calls of torch's functions to a `Watch`."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        watch = self.watch
        if func is functional.multi_head_attention_forward and watch.is_open:
            return self._multi_head(func, args, kwargs)
        output = func(*args, **kwargs)
        if func is functional.scaled_dot_product_attention:
            self._fused(*args, **kwargs)
        elif func in _SOFTMAX and _is_square(output):
            watch.note_weights(output)
        return output

    def _fused(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        **others: Any,
    ) -> None:
        self.watch.note_products(query, key, attn_mask, is_causal, scale)

    def _multi_head(self, func: Any, args: Any, kwargs: Any) -> Any:
        wanted = kwargs.get("need_weights", True)
        whole = {"need_weights": True, "average_attn_weights": True}
        averages = kwargs.get("average_attn_weights", True)
        if wanted and not averages:
            whole["average_attn_weights"] = False
        output, weights = func(*args, **(kwargs | whole))
        query = args[0] if args else kwargs["query"]
        if weights.shape[-1] == weights.shape[-2] or weights.shape[-2] == 1:
            tokens = query.movedim(0, 1) if query.ndim == 3 else query
            self.watch.note_weights(weights, tokens)
        return output, weights if wanted else None


def _is_square(output: Any) -> bool:
    """Whether it may be what tokens pay to each other, or one token to all."""
    if not isinstance(output, Tensor) or output.ndim < 3:
        return False
    return output.shape[-2] in (1, output.shape[-1]) and output.shape[-1] > 1


@contextmanager
def watch_attention(module: nn.Module, layer: str, who: str) -> Iterator[Watch]:
    """Watch the forward pass inside this context.

    Parameters
    ----------
    module, layer, who :
        As for `Watch`. A compiled net runs uncompiled.

    Yields
    ------
    watch : Watch
        Knows the attention when the pass is over: of the last place that computed any.
    """
    watch = Watch(module, layer, who)
    handles = []
    if layer != "auto":

        def switch(is_open: bool) -> Any:
            def hook(*_: Any) -> None:
                watch.is_open = is_open

            return hook

        part = find_layer(module, layer)
        handles = [
            part.register_forward_pre_hook(switch(True)),
            part.register_forward_hook(switch(False)),
        ]
    try:
        with uncompiled(module), _Mode(watch):
            yield watch
    finally:
        for handle in handles:
            handle.remove()
