"""Mix blocks: small nets that say, place by place, which of two images is to be seen.

All of them compare every place of one feature map with every place of the other
(cross attention), make one number per place of it, and enlarge the result to the size
of the image.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_LAST_STD = 0.01


class MixBlock(nn.Module):
    """Base of the blocks.

    Parameters
    ----------
    channels : int
        Of the feature maps.
    mode : {"nearest", "linear"}
        How masks are enlarged.
    """

    def __init__(self, channels: int, mode: str) -> None:
        super().__init__()
        self.channels, self.mode = channels, mode
        self.inner = max(1, channels // 2)

    def start(self, generator: torch.Generator) -> None:
        """Draw the initial weights.

        Those that make the logits are small, so that all masks begin flat; the others
        keep the scale of what they are given, so that places differ from the start.

        Parameters
        ----------
        generator : torch.Generator
            Of the CPU.
        """
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if name.endswith("bias"):
                    weight.zero_()
                else:
                    is_last = name.startswith("value") and len(weight) == 1
                    scale = _LAST_STD if is_last else weight[0].numel() ** -0.5
                    weight.normal_(0.0, scale, generator=generator)

    def logits(self, own: Tensor, other: Tensor, lam: Tensor) -> Tensor:
        """Return how much speaks for the partner at every place of the maps.

        Parameters
        ----------
        own, other : Tensor of shape (B, channels, height, width)
        lam : Tensor of shape (B,)
            Share of the own image.

        Returns
        -------
        logits : Tensor of shape (B, height, width)
        """
        raise NotImplementedError

    def forward(
        self, own: Tensor, other: Tensor, lam: Tensor, size: tuple[int, int]
    ) -> Tensor:
        """Return the partner's share of every pixel.

        Parameters
        ----------
        own, other, lam :
            As for `logits`.
        size : (int, int)
            Of the images.

        Returns
        -------
        mask : Tensor of shape (B, *size)
            In (0, 1).
        """
        return enlarged(self.logits(own, other, lam), size, self.mode).sigmoid()


class CrossBlock(MixBlock):
    r"""The block of AutoMix.

    :math:`\lambda` is one more channel of the own map, :math:`z = [f, \lambda]`, and
    :math:`1 - \lambda` of the partner's, :math:`z' = [f', 1 - \lambda]`. With 1 x 1
    convolutions :math:`Q` to half of the channels, c, and :math:`V` to one,

    .. math:: P = softmax((Q z)^\top (Q z') / \sqrt{c}), \quad m = P \, V z'.
    """

    def __init__(self, channels: int, mode: str = "nearest") -> None:
        super().__init__(channels, mode)
        self.query = nn.Conv2d(channels + 1, self.inner, 1)
        self.value = nn.Conv2d(channels + 1, 1, 1)

    def logits(self, own: Tensor, other: Tensor, lam: Tensor) -> Tensor:
        """Return how much speaks for the partner at every place of the maps."""
        own, other = with_level(own, lam), with_level(other, 1.0 - lam)
        weights = attention(self.query(own), self.query(other))
        return attended(weights, self.value(other))


class ScaledBlock(MixBlock):
    r"""The block of SAMix.

    The maps are multiplied by :math:`1 + \mu` and :math:`2 - \mu`, where

    .. math:: \mu = \frac{4/3 \lambda^3 - 2 \lambda^2 + (1 + k) \lambda}{1/3 + k}

    bends :math:`\lambda` (the less, the larger k). Queries and keys are two
    convolutions of both maps side by side, and values those of the partner's map after
    a hidden layer.
    """

    def __init__(self, channels: int, mode: str = "linear", k: float = 0.25) -> None:
        super().__init__(channels, mode)
        self.k = k
        self.query = nn.Conv2d(2 * channels, self.inner, 1)
        self.key = nn.Conv2d(2 * channels, self.inner, 1)
        self.value = nn.Sequential(
            nn.Conv2d(channels, self.inner, 1), nn.ReLU(), nn.Conv2d(self.inner, 1, 1)
        )

    def logits(self, own: Tensor, other: Tensor, lam: Tensor) -> Tensor:
        """Return how much speaks for the partner at every place of the maps."""
        bent = bent_lam(lam, self.k).to(own.dtype).view(-1, 1, 1, 1)
        own, other = own * (1.0 + bent), other * (2.0 - bent)
        both = torch.cat((own, other), 1)
        weights = attention(self.query(both), self.key(both))
        return attended(weights, self.value(other))


class TwoSidedBlock(MixBlock):
    r"""The block of AdAutoMix: a number for each image, and their softmax.

    With :math:`z` and :math:`z'` as in `CrossBlock`, and convolutions :math:`Q`,
    :math:`K` and :math:`V`,

    .. math:: m = softmax((Q z)^\top K z' / \sqrt{c}) \, V z, \quad
        m' = softmax((Q z')^\top K z / \sqrt{c}) \, V z',

    the partner's share is :math:`e^{m'} / (e^m + e^{m'})`. Exchanging the images, and
    :math:`\lambda` for :math:`1 - \lambda`, exchanges the shares.
    """

    def __init__(self, channels: int, mode: str = "linear") -> None:
        super().__init__(channels, mode)
        self.query = nn.Conv2d(channels + 1, self.inner, 1)
        self.key = nn.Conv2d(channels + 1, self.inner, 1)
        self.value = nn.Conv2d(channels + 1, 1, 1)

    def logits(self, own: Tensor, other: Tensor, lam: Tensor) -> Tensor:
        """Return how much speaks for the partner at every place of the maps."""
        own, other = with_level(own, lam), with_level(other, 1.0 - lam)
        mine = attention(self.query(own), self.key(other))
        theirs = attention(self.query(other), self.key(own))
        # A softmax over two is the logistic function of their difference.
        return attended(theirs, self.value(other)) - attended(mine, self.value(own))


def with_level(features: Tensor, level: Tensor) -> Tensor:
    """Return feature maps with one number per row as one more channel.

    Parameters
    ----------
    features : Tensor of shape (B, channels, height, width)
    level : Tensor of shape (B,)
    """
    plane = level.to(features.dtype).view(-1, 1, 1, 1)
    return torch.cat((features, plane.expand(-1, 1, *features.shape[2:])), 1)


def attention(query: Tensor, key: Tensor) -> Tensor:
    """Return what each place of one map takes from each of another.

    Parameters
    ----------
    query, key : Tensor of shape (B, c, height, width)

    Returns
    -------
    weights : Tensor of shape (B, places, places)
        Rows, one per place of `query`, sum to 1.
    """
    scores = query.flatten(2).mT @ key.flatten(2)
    weights: Tensor = (scores / query.shape[1] ** 0.5).softmax(2)
    return weights


def attended(weights: Tensor, value: Tensor) -> Tensor:
    """Return the mean of the values that each place takes: (B, height, width)."""
    return (weights @ value.flatten(2).mT).view(len(value), *value.shape[2:])


def bent_lam(lam: Tensor, k: float) -> Tensor:
    """Return lambda on a cubic curve through 0, 1/2 and 1; see `ScaledBlock`."""
    return (4.0 / 3.0 * lam**3 - 2.0 * lam**2 + (1.0 + k) * lam) / (1.0 / 3.0 + k)


def enlarged(maps: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    """Return maps in another size.

    Two products with small matrices: torch's own interpolation sums the gradients on a
    GPU in no fixed order.

    Parameters
    ----------
    maps : Tensor of shape (B, h, w)
    size : (int, int)
    mode : {"nearest", "linear"}

    Returns
    -------
    maps : Tensor of shape (B, *size)
    """
    rows, columns = (
        _weights(n, wanted, mode, maps)
        for n, wanted in zip(maps.shape[1:], size, strict=True)
    )
    return rows.T @ maps @ columns


def _weights(n: int, wanted: int, mode: str, like: Tensor) -> Tensor:
    """Return what each of `n` values gives to each of `wanted`: (n, wanted)."""
    eye = torch.eye(n, dtype=like.dtype, device=like.device).unsqueeze(0)
    return functional.interpolate(eye, size=wanted, mode=mode).squeeze(0)
