"""A convolutional net for sequences and spectrograms.

One class for both: the axes behind the channels are time, or frequency and time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from sk_mixup.nets._dropout import ExactDropout
from sk_mixup.nets._standardize import Standardize

# An axis is pooled while it is at least so long, and a longer one strided by the stem.
_POOL_FROM = 8
_LONG = 1024
_CONV: tuple[Any, ...] = (nn.Conv1d, nn.Conv2d)
_NORM: tuple[Any, ...] = (nn.BatchNorm1d, nn.BatchNorm2d)
_POOL: tuple[Any, ...] = (nn.MaxPool1d, nn.MaxPool2d)
# A sequence has more to see along its one axis.
_KERNEL = (5, 3)


class ConvNet(nn.Module):
    """Convolutions, norms and pooling for sequences or spectrograms of any length.

    Each stage is two convolutions with batch norm and ReLU, then max pooling of every
    axis that is still long; the last map is pooled by mean and by maximum.

    Parameters
    ----------
    in_channels : int
        Channels of a sequence or spectrogram.
    n_outputs : int
        Width of the output.
    size : (int,) or (int, int), default=(128,)
        Lengths of the axes behind the channels: one for sequences (B, channels, time),
        two for spectrograms (B, channels, frequency, time) and other maps. The pooling
        is chosen for them, and others of about that size work too. The stem strides an
        axis of more than 1024, such as a waveform.
    width : int, default=32
        Channels of the first stage; each further stage has twice as many.
    n_blocks : int, default=3
        Stages.
    kernel_size : int or None, default=None
        Odd; None: 5 for sequences, 3 for spectrograms.
    dropout : float, default=0.2
        Dropout rate before the last layer.
    channel_mean, channel_std : sequence of float or None
        Statistics of the training data, of which inputs are freed; None: none.

    Attributes
    ----------
    mix_layers : list of str
        The stages.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.nets import ConvNet
    >>> ConvNet(2, 5)(torch.randn(3, 2, 100)).shape
    torch.Size([3, 5])
    >>> ConvNet(1, 5, size=(40, 60))(torch.randn(3, 1, 40, 60)).shape
    torch.Size([3, 5])
    """

    input_kind: ClassVar[str] = "array"
    input_axes: ClassVar[tuple[int, ...]] = (1, 2)
    input_shape: ClassVar[str] = (
        "sequences of shape (n, channels, time) or spectrograms of shape"
        " (n, channels, frequency, time)"
    )

    def __init__(
        self,
        in_channels: int,
        n_outputs: int,
        *,
        size: Sequence[int] = (128,),
        width: int = 32,
        n_blocks: int = 3,
        kernel_size: int | None = None,
        dropout: float = 0.2,
        channel_mean: Any = None,
        channel_std: Any = None,
    ) -> None:
        super().__init__()
        n_axes = len(size)
        if n_axes not in (1, 2) or max(size) < 2:
            raise ValueError(
                f"size={tuple(size)}: a ConvNet needs one axis or two behind the"
                " channels, and at least 2 places along one; use module='mlp' on X of"
                " shape (n, channels)."
            )
        if width < 1 or n_blocks < 1:
            raise ValueError(
                f"width and n_blocks must be at least 1; got width={width!r},"
                f" n_blocks={n_blocks!r}."
            )
        kernel = _KERNEL[n_axes - 1] if kernel_size is None else kernel_size
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel_size must be odd and positive; got {kernel!r}.")
        lengths = list(size)
        conv, norm = _CONV[n_axes - 1], _NORM[n_axes - 1]
        pool = _POOL[n_axes - 1]
        self.scale = Standardize(in_channels, channel_mean, channel_std)
        stages = []
        channels = in_channels
        for i in range(n_blocks):
            wide = width * 2**i
            layers: list[nn.Module] = []
            for j in range(2):
                strides, kernels = [1] * n_axes, [kernel] * n_axes
                if i == j == 0:
                    strides = [-(-length // _LONG) for length in lengths]
                    # Places between two strides are seen as well.
                    kernels = [
                        k if s == 1 else 2 * s + 1
                        for k, s in zip(kernels, strides, strict=True)
                    ]
                    lengths = [
                        -(-n // s) for n, s in zip(lengths, strides, strict=True)
                    ]
                padding = tuple(k // 2 for k in kernels)
                layers += [
                    conv(
                        channels,
                        wide,
                        tuple(kernels),
                        tuple(strides),
                        padding,
                        bias=False,
                    ),
                    norm(wide),
                    nn.ReLU(inplace=True),
                ]
                channels = wide
            windows = [_window(n) for n in lengths]
            if max(windows) > 1:
                layers.append(pool(tuple(windows), ceil_mode=True))
                lengths = [-(-n // w) for n, w in zip(lengths, windows, strict=True)]
            stages.append(nn.Sequential(*layers))
        self.stages = nn.Sequential(*stages)
        self.dropout = ExactDropout(dropout)
        self.head = nn.Linear(2 * channels, n_outputs)
        if n_axes == 2:
            # A third less time on a CPU. Weights and not inputs: those of one channel
            # do not tell in which format they are.
            # torch's stubs want a device or a dtype too.
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def mix_layers(self) -> list[str]:
        """Names of the hidden layers that ManifoldMixup may draw."""
        return [f"stages.{i}" for i in range(len(self.stages))]

    def forward(self, x: Tensor) -> Tensor:
        """Compute the outputs.

        Parameters
        ----------
        x : Tensor of shape (B, in_channels, T) or (B, in_channels, F, T)

        Returns
        -------
        output : Tensor of shape (B, n_outputs)
        """
        x = self.stages(self.scale(x)).flatten(2)
        # The mean says how much there was of something, the maximum whether.
        output: Tensor = self.head(self.dropout(torch.cat((x.mean(2), x.amax(2)), 1)))
        return output


def _window(length: int) -> int:
    """Return by how much to pool an axis: long ones faster."""
    return 1 if length < _POOL_FROM else 2 if length < 32 * _POOL_FROM else 4
