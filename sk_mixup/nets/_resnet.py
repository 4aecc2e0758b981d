"""A small residual net for small images.

Written for a CPU as much as for a GPU: three stages of 32, 64 and 128 channels, and
resolutions chosen by the size of the images, so that digits of 8 x 8 pixels keep their
detail and photographs of 96 x 96 do not cost nine times those of 32 x 32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from sk_mixup.nets._dropout import ExactDropout
from sk_mixup.nets._standardize import Standardize


class PreActivationBlock(nn.Module):
    """Two 3 x 3 convolutions, each behind its norm, beside a shortcut.

    Parameters
    ----------
    n_in, n_out : int
        Channels.
    stride : int
        Of the first convolution and the shortcut.

    References
    ----------
    He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks, ECCV 2016.
    """

    def __init__(self, n_in: int, n_out: int, stride: int = 1) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(n_in)
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.shortcut: nn.Module | None = None
        if stride > 1 or n_in != n_out:
            # Means of what a strided 1 x 1 convolution would skip.
            pool = nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
            self.shortcut = nn.Sequential(pool, nn.Conv2d(n_in, n_out, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, n_in, H, W) to (B, n_out, H / stride, W / stride)."""
        active = self.norm1(x).relu_()
        short = x if self.shortcut is None else self.shortcut(active)
        output: Tensor = self.conv2(self.norm2(self.conv1(active)).relu_()) + short
        return output


class ResNet(nn.Module):
    """A pre-activation residual net for images of about 8 x 8 to 96 x 96 pixels.

    Parameters
    ----------
    in_channels : int
        Channels of an image.
    n_outputs : int
        Width of the output.
    size : (int, int), default=(32, 32)
        Height and width of the images, for which the resolutions are chosen; others
        work too. The second stage halves from 16 pixels on, the third from 8; the stem
        halves from 64 and quarters from 128.
    width : int, default=32
        Channels of the first stage; each further stage has twice as many.
    n_blocks : int or sequence of int, default=1
        Blocks per stage; a sequence also gives the number of stages.
    dropout : float, default=0.0
        Dropout rate before the last layer.
    channel_mean, channel_std : sequence of float or None
        Statistics of the training data, of which inputs are freed; None: none.

    Attributes
    ----------
    mix_layers : list of str
        The stages. Their last map, of about 8 x 8 places, suits AlignMix.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.nets import ResNet
    >>> net = ResNet(3, 10)
    >>> net(torch.randn(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    >>> net.mix_layers
    ['stages.0', 'stages.1', 'stages.2']
    """

    input_kind: ClassVar[str] = "array"
    input_axes: ClassVar[tuple[int, ...]] = (2,)
    input_shape: ClassVar[str] = "images of shape (n, channels, height, width)"

    def __init__(
        self,
        in_channels: int,
        n_outputs: int,
        *,
        size: Sequence[int] = (32, 32),
        width: int = 32,
        n_blocks: int | Sequence[int] = 1,
        dropout: float = 0.0,
        channel_mean: Any = None,
        channel_std: Any = None,
    ) -> None:
        super().__init__()
        counts = [n_blocks] * 3 if isinstance(n_blocks, int) else list(n_blocks)
        if width < 1 or not counts or min(counts) < 1:
            raise ValueError(
                "width and n_blocks must be at least 1; got"
                f" width={width!r}, n_blocks={n_blocks!r}."
            )
        short = min(size)
        if len(size) != 2 or max(size) < 2:
            raise ValueError(
                f"size={tuple(size)}: a ResNet needs images of at least 2"
                " pixels; use module='mlp' on X of shape (n, channels)."
            )
        self.scale = Standardize(in_channels, channel_mean, channel_std)
        stride = 4 if short >= 128 else 2 if short >= 64 else 1
        kernel = 3 if stride < 4 else 7
        self.stem = nn.Conv2d(
            in_channels, width, kernel, stride, kernel // 2, bias=False
        )
        short = -(-short // stride)
        stages = []
        channels = width
        last = len(counts) - 1
        for i, count in enumerate(counts):
            # What is left to halve is halved late: the last map keeps 4 x 4 places.
            halves = i > 0 and short >= 8 * 2 ** (last - i)
            wide = width * 2**i
            blocks = [PreActivationBlock(channels, wide, 2 if halves else 1)]
            blocks += [PreActivationBlock(wide, wide) for _ in range(count - 1)]
            stages.append(nn.Sequential(*blocks))
            short = -(-short // 2) if halves else short
            channels = wide
        self.stages = nn.Sequential(*stages)
        self.norm = nn.BatchNorm2d(channels)
        self.dropout = ExactDropout(dropout)
        self.head = nn.Linear(channels, n_outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    @property
    def mix_layers(self) -> list[str]:
        """Names of the hidden layers that ManifoldMixup may draw."""
        return [f"stages.{i}" for i in range(len(self.stages))]

    def forward(self, x: Tensor) -> Tensor:
        """Compute the outputs.

        Parameters
        ----------
        x : Tensor of shape (B, in_channels, H, W)

        Returns
        -------
        output : Tensor of shape (B, n_outputs)
        """
        # Convolutions, norms and pooling are faster with channels last.
        x = self.scale(x).contiguous(memory_format=torch.channels_last)
        x = self.norm(self.stages(self.stem(x))).relu_()
        output: Tensor = self.head(self.dropout(x.mean((2, 3))))
        return output
