"""A net for bags: every instance is encoded, and attention says which ones count."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from sk_mixup.nets._dropout import ExactDropout

Mix = Callable[[Tensor], Tensor]


class AttentionMIL(nn.Module):
    r"""Pool the instances of a bag by attention, and classify what comes out.

    With the encoded instances :math:`h_k` of a bag,

    .. math:: z = \sum_k a_k h_k, \quad a_k \propto
        \exp\left(w^\top (\tanh(V h_k) \odot \sigma(U h_k))\right),

    where the gate :math:`\sigma(U h_k)` can be left out. Instances that a mask says are
    not there have :math:`a_k = 0`. What mixes inside mixes :math:`z`, the bags; methods
    for bags, `BagMixup`, mix instances before.

    Parameters
    ----------
    d_in : int
        Features of an instance.
    n_outputs : int
        Width of the output.
    d_hidden : int, default=128
        Width of an encoded instance.
    d_attention : int, default=64
        Width within the attention.
    gated : bool, default=True
        Whether the attention has a gate.
    dropout : float, default=0.25
        Rate in the encoder and before the last layer.

    References
    ----------
    Ilse, Tomczak, Welling: Attention-based Deep Multiple Instance Learning, ICML 2018.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.nets import AttentionMIL
    >>> net = AttentionMIL(d_in=5, n_outputs=2).eval()
    >>> bags, mask = torch.randn(3, 7, 5), torch.ones(3, 7, dtype=torch.bool)
    >>> net(bags, mask).shape, net.attention(bags, mask).shape
    (torch.Size([3, 2]), torch.Size([3, 7]))
    """

    mixes_inside = True
    # Instances of two bags belong to no pairs; `BagMixup` makes them.
    mixes_input = False
    input_kind: ClassVar[str] = "bags"

    def __init__(
        self,
        d_in: int,
        n_outputs: int,
        *,
        d_hidden: int = 128,
        d_attention: int = 64,
        gated: bool = True,
        dropout: float = 0.25,
    ) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(d_in, d_hidden), nn.ReLU(), ExactDropout(dropout)
        )
        self.content = nn.Linear(d_hidden, d_attention)
        self.gate = nn.Linear(d_hidden, d_attention) if gated else None
        self.score = nn.Linear(d_attention, 1)
        self.pooled = nn.Identity()
        self.head = nn.Sequential(ExactDropout(dropout), nn.Linear(d_hidden, n_outputs))

    @property
    def mix_layers(self) -> list[str]:
        """Names of the layers that ManifoldMixup may draw: the bag's vector."""
        return ["pooled"]

    def forward(
        self, instances: Tensor, mask: Tensor | None = None, mix: Mix | None = None
    ) -> Tensor:
        """Compute the outputs.

        Parameters
        ----------
        instances : Tensor of shape (B, L, d_in)
            Padded to one length.
        mask : Tensor of shape (B, L), bool, or None
            Which instances are there; None: all.
        mix : callable or None
            Applied once to the vectors of the bags (``plan.apply``).

        Returns
        -------
        output : Tensor of shape (B, n_outputs)
        """
        encoded = self.encoder(instances)
        weights = self._weights(encoded, mask)
        bags = self.pooled((weights.unsqueeze(2) * encoded).sum(1))
        output: Tensor = self.head(bags if mix is None else mix(bags))
        return output

    def attention(self, instances: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return how much each instance of a bag counts, (B, L), with a sum of 1.

        Parameters
        ----------
        instances, mask :
            As for `forward`.
        """
        return self._weights(self.encoder(instances), mask)

    def _weights(self, encoded: Tensor, mask: Tensor | None) -> Tensor:
        content = self.content(encoded).tanh()
        if self.gate is not None:
            content = content * self.gate(encoded).sigmoid()
        score: Tensor = self.score(content).squeeze(2)
        if mask is not None:
            score = score.masked_fill(~mask, -torch.inf)
        return score.softmax(1)
