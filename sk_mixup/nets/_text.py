r"""Nets for token ids: a bag of embeddings, and convolutions over them.

What is mixed, and what padding means then. Ids have no average, so word-level mixing is
mixing of the output of `embedding`. Texts of a batch differ in length, and a mixed text
is made of two lengths. The embedding therefore carries the mask with it: its output has
one entry more per token, 1 at tokens and 0 at padding, and all other entries of padding
are 0. Whatever mixes the output mixes the mask by the same weights:

* a place that only one of two texts has holds ``lam`` times its vector and the mask
  ``lam``, so the places of the mixed text are the union of both, where the mask is
  positive;
* the sum of the mixed mask is the mixed number of tokens,
  ``lam * n_i + (1 - lam) * n_j``, by which a mean divides.

Nothing is read from the input behind that point, so that a mixing that gives more rows
than the batch had, or a mask that somebody joined beforehand, changes nothing.
Sentence-level mixing is mixing of the output of `pooled`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from sk_mixup.nets._dropout import ExactDropout, uniform_like

Mix = Callable[[Tensor], Tensor]
_INITIAL_SCALE = 0.1


class MaskedEmbedding(nn.Module):
    """Embed token ids and carry their mask.

    Parameters
    ----------
    n_tokens : int
        Size of the vocabulary.
    d_embedding : int
        Width of a token's vector.
    padding_idx : int or None
        Id that is padding wherever it stands; None: the mask alone tells.
    dropout : float
        Rate at which whole tokens are dropped in training, from the mask as well.

    Notes
    -----
    Input (B, T) int64 and a mask (B, T) or None; output (B, T, d_embedding + 1), whose
    last entry is the mask.
    """

    draws_apart: ClassVar[bool] = True

    def __init__(
        self,
        n_tokens: int,
        d_embedding: int,
        padding_idx: int | None = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(n_tokens, d_embedding, padding_idx=padding_idx)
        with torch.no_grad():
            # Small: the unit variance of torch takes a small corpus many epochs to
            # forget, and costs two points of accuracy on 6 000 news items.
            self.tokens.weight.mul_(_INITIAL_SCALE)
        self.padding_idx = padding_idx
        self.dropout = dropout

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Embed (B, T) as (B, T, d_embedding + 1)."""
        vectors = self.tokens(ids)
        if mask is None:
            present = torch.ones_like(vectors[..., :1])
        else:
            present = (mask != 0).to(vectors.dtype).unsqueeze(2)
        if self.padding_idx is not None:
            # Also where a mask was joined with the partner's before the embedding.
            present = present * (ids != self.padding_idx).unsqueeze(2)
        if self.training and self.dropout > 0:
            kept = uniform_like(present) >= self.dropout
            present = present * kept
        return torch.cat((vectors * present, present), 2)


class _TextNet(nn.Module):
    """What text nets share: embed, mix, pool, classify."""

    mixes_inside = True
    # Ids cannot be blended: what is drawn by layers="auto" starts at the embedding.
    mixes_input = False
    input_kind: ClassVar[str] = "text"

    embedding: MaskedEmbedding
    pooled: nn.Module
    head: nn.Module

    @property
    def mix_layers(self) -> list[str]:
        """Names of the layers that ManifoldMixup may draw: words, and the sentence."""
        return ["embedding", "pooled"]

    def pool(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Return one vector per text of (B, T, d) vectors and a (B, T) mask."""
        raise NotImplementedError

    def forward(
        self, ids: Tensor, mask: Tensor | None = None, mix: Mix | None = None
    ) -> Tensor:
        """Compute the outputs.

        Parameters
        ----------
        ids : Tensor of shape (B, T), int64
            Token ids, padded.
        mask : Tensor of shape (B, T), bool or number, or None
            Zero at padding; None: padding is where `ids` are `padding_idx`.
        mix : callable or None
            Applied once to the embedded words (``plan.apply``).

        Returns
        -------
        output : Tensor of shape (B, n_outputs)
        """
        embedded = self.embedding(ids, mask)
        if mix is not None:
            embedded = mix(embedded)
        output: Tensor = self.head(
            self.pooled(self.pool(embedded[..., :-1], embedded[..., -1]))
        )
        return output


class BagOfEmbeddings(_TextNet):
    """Pool the vectors of a text's tokens by mean and maximum, and put an MLP on top.

    Quick and strong where word order tells little, and where texts are few.

    Parameters
    ----------
    n_tokens : int
        Size of the vocabulary.
    n_outputs : int
        Width of the output.
    padding_idx : int or None, default=0
        Id that is padding wherever it stands; None: the mask alone tells.
    d_embedding : int, default=128
        Width of a token's vector.
    d_hidden : int, default=128
        Width of the hidden layer; 0: none.
    pooling : {"mean", "max", "mean_max"}, default="mean_max"
        How the vectors of a text become one. A mean of a mixed text divides by the
        mixed number of tokens.
    dropout : float, default=0.5
        Dropout rate before the hidden and the last layer.
    word_dropout : float, default=0.3
        Rate at which whole tokens are left out in training.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.nets import BagOfEmbeddings
    >>> net = BagOfEmbeddings(n_tokens=50, n_outputs=4).eval()
    >>> short, padded = torch.tensor([[3, 7]]), torch.tensor([[3, 7, 0, 0]])
    >>> torch.allclose(net(short), net(padded))
    True
    """

    def __init__(
        self,
        n_tokens: int,
        n_outputs: int,
        *,
        padding_idx: int | None = 0,
        d_embedding: int = 128,
        d_hidden: int = 128,
        pooling: str = "mean_max",
        dropout: float = 0.5,
        word_dropout: float = 0.3,
    ) -> None:
        if pooling not in ("mean", "max", "mean_max"):
            raise ValueError(
                f"pooling must be 'mean', 'max' or 'mean_max'; got {pooling!r}."
            )
        super().__init__()
        self.pooling = pooling
        self.embedding = MaskedEmbedding(
            n_tokens, d_embedding, padding_idx, word_dropout
        )
        self.pooled = nn.Identity()
        width = d_embedding * (2 if pooling == "mean_max" else 1)
        layers: list[nn.Module] = [ExactDropout(dropout)]
        if d_hidden:
            layers += [nn.Linear(width, d_hidden), nn.ReLU(), ExactDropout(dropout)]
            width = d_hidden
        self.head = nn.Sequential(*layers, nn.Linear(width, n_outputs))

    def pool(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Return (B, d_embedding), or twice as much for mean and maximum."""
        parts = []
        if self.pooling != "max":
            # A text without a token has a mean of zero.
            count = mask.sum(1, keepdim=True)
            parts.append(vectors.sum(1) / torch.where(count > 0, count, 1.0))
        if self.pooling != "mean":
            absent = (mask <= 0).unsqueeze(2)
            top = vectors.masked_fill(absent, -torch.inf).amax(1)
            parts.append(top.masked_fill(absent.all(1), 0.0))
        return torch.cat(parts, 1) if len(parts) > 1 else parts[0]


class TextCNN(_TextNet):
    """Convolutions of several widths over the words, each pooled by its maximum.

    Parameters
    ----------
    n_tokens : int
        Size of the vocabulary.
    n_outputs : int
        Width of the output.
    padding_idx : int or None, default=0
        Id that is padding wherever it stands; None: the mask alone tells.
    d_embedding : int, default=128
        Width of a token's vector.
    widths : sequence of int, default=(3, 4, 5)
        Tokens that a convolution sees at once.
    n_filters : int, default=100
        Filters per width.
    dropout : float, default=0.5
        Dropout rate before the last layer.
    word_dropout : float, default=0.3
        Rate at which whole tokens are left out in training.

    References
    ----------
    Kim: Convolutional Neural Networks for Sentence Classification, EMNLP 2014.
    NOTE[DIFF]: a window may stand over an end of the text, so that texts shorter than
    a window have features too.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.nets import TextCNN
    >>> net = TextCNN(n_tokens=50, n_outputs=4).eval()
    >>> short, padded = torch.tensor([[3, 7]]), torch.tensor([[3, 7, 0, 0]])
    >>> torch.allclose(net(short), net(padded), atol=1e-6)
    True
    """

    def __init__(
        self,
        n_tokens: int,
        n_outputs: int,
        *,
        padding_idx: int | None = 0,
        d_embedding: int = 128,
        widths: Sequence[int] = (3, 4, 5),
        n_filters: int = 100,
        dropout: float = 0.5,
        word_dropout: float = 0.3,
    ) -> None:
        if not len(widths) or min(widths) < 1:
            raise ValueError(f"widths must be positive integers; got {widths!r}.")
        super().__init__()
        self.embedding = MaskedEmbedding(
            n_tokens, d_embedding, padding_idx, word_dropout
        )
        self.widths = tuple(widths)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(d_embedding, n_filters, width) for width in widths
        )
        self.pooled = nn.Identity()
        self.head = nn.Sequential(
            ExactDropout(dropout), nn.Linear(len(widths) * n_filters, n_outputs)
        )

    def pool(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Return (B, n_filters * len(widths))."""
        x = vectors.transpose(1, 2)
        absent = (mask <= 0).unsqueeze(1)
        parts = []
        for convolution, width in zip(self.convolutions, self.widths, strict=True):
            around = functional.pad(x, ((width - 1) // 2, width // 2))
            parts.append(convolution(around).masked_fill(absent, -torch.inf).amax(2))
        # ReLU behind the maximum: the same, on less; nothing at all becomes zero.
        return torch.cat(parts, 1).relu()
