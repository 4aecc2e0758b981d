"""SSMix: the partner's most salient span in place of the own least salient one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sk_mixup.mixing._batch import lam_dtype
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._params import check_integer, check_number
from sk_mixup.mixing.draws import MixStreams, Pairing, Schedule
from sk_mixup.mixing.looks import embedding_layer, input_gradients, layer_gradients
from sk_mixup.mixing.methods.saliency._looking import LookingMethod
from sk_mixup.mixing.plans import MixPlan, SpanPlan

_IDS = ("input_ids", "ids", "tokens", "x")
_MASKS = ("attention_mask", "mask")
_FAR = float("inf")


class _Texts(NamedTuple):
    """A batch of texts: what the net takes, its tokens, and which are there."""

    x: Any
    tokens: Tensor
    is_there: Tensor
    key: str | None


class SSMix(LookingMethod):
    r"""Replace the least salient span of a text by the partner's most salient one.

    Both spans have the same length, a share of the own tokens (rounded down, at least
    one, at most the partner's), so that a text keeps its length, its padding and its
    mask; the label weight is :math:`1 - l / L` with :math:`l` of :math:`L` tokens
    replaced. The saliency of a token is the norm of the gradient of the loss in its
    vector, that of a span their sum, in evaluation mode.

    Parameters
    ----------
    span : float, default=0.1
        Share of the tokens that is replaced, in [0, 1]; 0: no mixing.
    padding : int or None, default=0
        Id of padding, where there is no mask.
    protect : (int, int), default=(0, 0)
        So many tokens at the start and at the end of each text take no part: (1, 1) for
        texts between [CLS] and [SEP].
    layer : str, default="auto"
        Name of the layer that makes vectors of ids; "auto": the first that does.
    p : float, default=1.0
        Probability of mixing a batch.
    every : int, default=1
        One batch in so many is looked at, drawn at random; in others the spans are
        drawn at random.
    pairing : str or callable, default="shuffle"
        Who mixes with whom.
    off_first, off_last : int or float, default=0
        Epochs (or a fraction of them) without mixing at the start and the end.

    Notes
    -----
    Takes token ids (B, length), of integers; a dict that holds them as "input_ids",
    "ids", "tokens" or "x", with or without an "attention_mask" or "mask"; or vectors
    (B, length, width), of which those that are 0 throughout are padding.

    NOTE[DIFF]: the paper's code leaves out batches with an odd number of rows, and
    takes gradients with dropout on.

    References
    ----------
    Yoon, Kim, Park: SSMix: Saliency-Based Span Mixup for Text Classification, Findings
    of ACL 2021.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sk_mixup.mixing import MixContext, SSMix
    >>> net = nn.Sequential(nn.Embedding(50, 4), nn.Flatten(), nn.Linear(80, 3))
    >>> ids, y = torch.randint(1, 50, (5, 20)), torch.randint(0, 3, (5,))
    >>> plan = SSMix(span=0.2).draw(ids, y, context=MixContext(module=net))
    >>> plan.apply(ids).shape, round(float(plan.lam[0]), 2)
    (torch.Size([5, 20]), 0.8)
    """

    short_name = "ss_mix"
    paper = "Yoon et al., Findings of ACL 2021"
    cost = "one forward and backward pass"
    looks_at = "embeddings"
    blends = False

    def __init__(
        self,
        span: float = 0.1,
        *,
        padding: int | None = 0,
        protect: tuple[int, int] = (0, 0),
        layer: str = "auto",
        p: float | Schedule = 1.0,
        every: int = 1,
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        self.span = span
        self.padding = padding
        self.protect = protect
        self.layer = layer
        self.p = p
        self.every = every
        self.pairing = pairing
        self.off_first = off_first
        self.off_last = off_last

    look_size = None

    def _validate(self) -> None:
        super()._validate()
        check_number("span", self.span, low=0.0, high=1.0)
        if self.padding is not None:
            check_integer("padding", self.padding, low=0)
        if not isinstance(self.protect, (tuple, list)) or len(self.protect) != 2:
            raise TypeError(
                "protect must be a pair of integers (at the start, at the end); got"
                f" {self.protect!r}."
            )
        for n in self.protect:
            check_integer("protect", n, low=0)

    @property
    def never_mixes(self) -> bool:
        """Whether no token is ever replaced."""
        return self.span == 0

    def _check_input(self, x: Any) -> _Texts:
        if isinstance(x, Mapping):
            key = next((name for name in _IDS if name in x), None)
            if key is None or not isinstance(x[key], Tensor):
                raise ValueError(
                    "SSMix mixes token ids, in a dict by one of the names"
                    f" {list(_IDS)}; got {sorted(map(str, x))}."
                )
            tokens = x[key]
            mask = next((x[name] for name in _MASKS if name in x), None)
        else:
            key, tokens, mask = None, x, None
        is_ids = (
            isinstance(tokens, Tensor)
            and tokens.ndim == 2
            and not tokens.is_floating_point()
            and not tokens.is_complex()
        )
        is_vectors = (
            isinstance(tokens, Tensor)
            and tokens.ndim == 3
            and tokens.is_floating_point()
            and key is None
        )
        if not (is_ids or is_vectors) or tokens.shape[1] == 0:
            got = (
                f"{tokens.dtype} of shape {tuple(tokens.shape)}"
                if isinstance(tokens, Tensor)
                else type(tokens).__name__
            )
            raise ValueError(
                "SSMix mixes texts: token ids (B, length), of integers, or vectors (B,"
                f" length, width), of floats; got {got}. For images use SaliencyMix or"
                " CutMix, for other rows Mixup."
            )
        if mask is not None:
            is_there = mask.to(tokens.device) > 0
        elif is_vectors:
            is_there = (tokens != 0).any(2)
        elif self.padding is None:
            is_there = torch.ones_like(tokens, dtype=torch.bool)
        else:
            is_there = tokens != self.padding
        return _Texts(x, tokens, self._unprotected(is_there), key)

    def _unprotected(self, is_there: Tensor) -> Tensor:
        """Mark the tokens that may be replaced, or taken."""
        at_start, at_end = self.protect
        rank = is_there.cumsum(1)
        return is_there & (rank > at_start) & (rank <= rank[:, -1:] - at_end)

    def _draw_numbers(
        self, x: _Texts, streams: MixStreams, context: MixContext | None
    ) -> Any:
        """Draw nothing: the net says which spans."""

    def _look(
        self,
        x: _Texts,
        y: Tensor | None,
        partner: Tensor,
        open_rows: Tensor | None,
        numbers: Any,
        context: MixContext | None,
    ) -> MixPlan:
        if self.span == 0:
            return self._identity(x.tokens)
        seen = self._saliency(x, y, numbers, context)
        n_own = x.is_there.sum(1)
        n_other = n_own.index_select(0, partner)
        # A float product may fall short of a whole number that is meant.
        length = (n_own.double() * self.span + 1e-9).long().clamp(min=1)
        length = torch.minimum(torch.minimum(length, n_own), n_other)
        if open_rows is not None:
            length = length * open_rows
        lost, start = _span_sums(seen, x.is_there, length, largest=False)
        won, other = _span_sums(
            seen.index_select(0, partner),
            x.is_there.index_select(0, partner),
            length,
            largest=True,
        )
        # Tokens with holes between them may have no span of this length.
        length = length * (lost.isfinite() & won.isfinite())
        lam = 1.0 - length.double() / n_own.clamp(min=1)
        return SpanPlan(
            partner,
            lam.to(lam_dtype(x.tokens)),
            starts=torch.stack((start, other), 1),
            length=length,
            key=x.key,
            n_places=x.tokens.shape[1],
        )

    def _saliency(
        self, x: _Texts, y: Tensor | None, numbers: Any, context: MixContext | None
    ) -> Tensor:
        """Return the saliency of every token, (B, length)."""
        if x.tokens.is_floating_point():
            slope = input_gradients(context, x.tokens, y, who="SSMix")
        else:
            layer = self.layer
            if layer == "auto":
                layer = embedding_layer(context, x.x, x.tokens, "SSMix")
            slope = layer_gradients(context, x.x, y, layer, who="SSMix")
            if slope.shape[:2] != x.tokens.shape:
                raise ValueError(
                    f"SSMix looks at a vector per token, and layer {layer!r} returns"
                    f" shape {tuple(slope.shape)} for ids of shape"
                    f" {tuple(x.tokens.shape)}. Name the embedding layer."
                )
        return slope.float().square().sum(2).sqrt().to(x.tokens.device)

    def _unseen(self) -> Method:
        return _RandomSpans(**self.get_params(deep=False) | {"every": 1})


class _RandomSpans(SSMix):
    """The same with spans drawn at random."""

    needs_module = False

    def _draw_numbers(
        self, x: _Texts, streams: MixStreams, context: MixContext | None
    ) -> Tensor:
        device = "cpu" if streams.lam is None else streams.lam.device
        return torch.rand(x.tokens.shape[:2], generator=streams.lam, device=device)

    def _saliency(
        self, x: _Texts, y: Tensor | None, numbers: Any, context: MixContext | None
    ) -> Tensor:
        seen: Tensor = numbers
        return seen


def _span_sums(
    seen: Tensor, is_there: Tensor, length: Tensor, *, largest: bool
) -> tuple[Tensor, Tensor]:
    """Return the sum of the best span of each row, and where it starts.

    Parameters
    ----------
    seen : Tensor of shape (B, n)
    is_there : Tensor of shape (B, n), bool
        Spans hold such tokens alone.
    length : Tensor of shape (B,)
        Of the span in each row.
    largest : bool
        Whether the largest sum is best; otherwise the smallest.

    Returns
    -------
    sums : Tensor of shape (B,)
        Infinite where there is no span of this length.
    starts : Tensor of shape (B,), int64
    """
    n = seen.shape[1]

    def of_spans(values: Tensor) -> Tensor:
        total = torch.nn.functional.pad(values.double().cumsum(1), (1, 0))
        end = torch.arange(n, device=seen.device) + length.unsqueeze(1)
        return total.gather(1, end.clamp(max=n)) - total[:, :-1]

    sums = of_spans(seen * is_there)
    whole = of_spans(is_there) >= length.unsqueeze(1)
    if largest:
        best, start = sums.masked_fill(~whole, -_FAR).max(1)
    else:
        best, start = sums.masked_fill(~whole, _FAR).min(1)
    return best, start
