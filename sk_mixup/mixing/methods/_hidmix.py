"""HID-MIX: swap dimensions of the columns' embeddings."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._method import Method
from sk_mixup.mixing.draws import (
    BetaLaw,
    MixStreams,
    Pairing,
    Schedule,
    check_schedule,
    draw_lam,
    self_pairs,
    uniforms,
)
from sk_mixup.mixing.plans import MixPlan, mask_lam


@dataclass(frozen=True, eq=False, repr=False)
class HidPlan(MixPlan):
    """Take ``x[partner]`` in some entries of the last axis.

    Parameters
    ----------
    mask : Tensor of shape (B, width), bool
        True where an entry comes from the partner; columns of (B, columns, width)
        share it.
    """

    mask: Tensor | None = None

    def _apply(self, x: Tensor) -> Tensor:
        assert self.mask is not None
        _check_floats(x)
        if x.ndim not in (2, 3) or x.shape[-1] != self.mask.shape[1]:
            raise ValueError(
                f"This plan was drawn for embeddings of width {self.mask.shape[1]}, in"
                " tensors of shape (B, width) or (B, columns, width); got shape"
                f" {tuple(x.shape)}."
            )
        mask = self.mask if x.ndim == 2 else self.mask.unsqueeze(1)
        return torch.where(mask, self.take_partners(x), x)


_ON_HOST: weakref.WeakKeyDictionary[Any, tuple[Tensor, Tensor]] = (
    weakref.WeakKeyDictionary()
)


class HidMix(Method):
    r"""Take some dimensions of the embeddings from the partner, alike in all columns.

    With :math:`r \sim Beta(\alpha, \alpha)` for each row, dimension k of every column's
    embedding is the own one with probability r, and the partner's otherwise; the
    target is :math:`r y_i + (1 - r) y_j`. `plan.lam` is the share of entries really
    kept, and `plan.label_lam` is r, which is the paper's rule.

    The bundled nets are mixed after their embedding. A net of your own is, if it has
    ``mixes_inside = True``, a `mix` argument in `forward` that it applies to the
    embedded rows, and `mix_dims`: the dimension within its column's embedding of each
    entry of the last axis (int64). Any other input is taken as embedded: (B, columns,
    width), or (B, width), where each entry is a dimension.

    Parameters
    ----------
    alpha : float or schedule, default=0.5
        Parameter of the Beta law, at least 0; 0: no mixing.
    p : float or schedule, default=1.0
        Probability of mixing a row.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    Notes
    -----
    NOTE[DIFF]: the paper embeds all columns with one width. In the bundled net the raw
    number beside a number's embedding (and its missing indicator) is dimension 0, and
    shorter embeddings use the first of the shared dimensions.

    References
    ----------
    Chen et al.: Can a Deep Learning Model be a Sure Bet for Tabular Prediction?
    (ExcelFormer), KDD 2024.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import HidMix
    >>> embedded, y = torch.randn(8, 3, 16), torch.randint(0, 10, (8,))
    >>> mixed, targets = HidMix()(embedded, y, n_classes=10)
    >>> mixed.shape, targets.shape
    (torch.Size([8, 3, 16]), torch.Size([8, 10]))
    """

    short_name = "hid_mix"
    keeps_places = False
    group = "tabular"
    paper = "Chen et al., KDD 2024"

    def __init__(
        self,
        alpha: float | Schedule = 0.5,
        *,
        p: float | Schedule = 1.0,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.alpha = alpha
        self.p = p
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    def _validate(self) -> None:
        check_schedule("alpha", self.alpha, low=0.0)

    def _batch_drawing(
        self,
        x: Any,
        first: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        module = None if context is None else context.module
        dims = _module_dims(module)
        if dims is None:
            _check_embedded(x)
        x, n_rows, alpha = first, len(first), self._alpha_now(context)
        n_dims = x.shape[-1] if dims is None else int(dims.max()) + 1
        gate = self._open_rows(n_rows, streams, context)
        drawn = draw_lam(BetaLaw(alpha), n_rows, fold=False, generator=streams.lam)
        u = uniforms(n_rows * n_dims, streams.site).view(n_rows, n_dims)
        if self._too_few(n_rows):
            return self._identity(x)
        # Partners are drawn without mixing too: p and alpha move no other draw.
        partner = self._pair(x, y, streams, context)
        if alpha == 0 or n_dims == 0:
            return self._identity(x)
        rates = torch.where(gate, torch.as_tensor(drawn), 1.0)
        mask = u >= rates.unsqueeze(1)
        if dims is not None:
            mask = mask.index_select(1, dims.to(mask.device))
        lam, rates = mask_lam(mask, n_rows, lam_dtype(x)), rates.to(lam_dtype(x))
        partner, mask, lam, rates = yield partner, mask, lam, rates
        if self._may_pair_selves(context):
            alone = self_pairs(partner)
            lam, rates = lam.masked_fill(alone, 1.0), rates.masked_fill(alone, 1.0)
        return HidPlan(partner, lam, label_lam=rates, mask=mask)


def _module_dims(module: torch.nn.Module | None) -> Tensor | None:
    """Return the dimensions of a net that mixes inside; None for any other."""
    if not getattr(module, "mixes_inside", False):
        return None
    dims = getattr(module, "mix_dims", None)
    if isinstance(dims, Tensor) and dims.ndim == 1 and len(dims):
        return dims if dims.device.type == "cpu" else _on_host(module, dims)
    raise ValueError(
        f"HidMix needs to know the dimensions of the embedding that"
        f" {type(module).__name__} mixes, and its mix_dims is {dims!r}. The bundled net"
        " names them with mix_numeric='after'; a net of your own needs an int64 tensor"
        " `mix_dims` with the dimension of each entry. FeatMix swaps whole columns of"
        " any table."
    )


def _on_host(module: Any, dims: Tensor) -> Tensor:
    """Read dimensions off another device once per net, and not for every batch."""
    source, there = _ON_HOST.get(module, (None, dims))
    if source is not dims:
        there = dims.cpu()
        _ON_HOST[module] = dims, there
    return there


def _check_embedded(x: Any) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(
            "HidMix mixes one embedded tensor, or inside a net with"
            f" mixes_inside=True; got {type(x).__name__}. FeatMix swaps whole columns"
            " of any table."
        )
    if x.ndim not in (2, 3):
        raise ValueError(
            "HidMix mixes the embedded columns of a table and needs shape (B, columns,"
            f" width) or (B, width); got shape {tuple(x.shape)}. For images use CutMix"
            " or Mixup."
        )
    _check_floats(x)


def _check_floats(x: Tensor) -> None:
    if not x.is_floating_point():
        raise TypeError(
            f"HidMix mixes embeddings, which are floats; got dtype {x.dtype}. Use"
            " FeatMix or FeatureSwap for codes, or embed them first."
        )
