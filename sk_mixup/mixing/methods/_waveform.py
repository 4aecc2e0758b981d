"""Mixing of sounds, with lambda corrected for how loud the two are.

A quiet waveform that is blended half and half with a loud one cannot be heard, and its
label is as good as wrong. So both are brought to one level before lambda is applied.
The level is that of the tensors to be mixed, and is measured when a plan is applied:
the plan itself stays what was drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sk_mixup.mixing._batch import first_tensor
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Drawing
from sk_mixup.mixing._params import check_integer
from sk_mixup.mixing.draws import LamLaw, MixStreams, Pairing, Schedule
from sk_mixup.mixing.methods._mixup import Mixup
from sk_mixup.mixing.plans import (
    MixedTargets,
    MixPlan,
    as_targets,
    class_targets,
    take_rows,
)


@dataclass(frozen=True, eq=False, repr=False)
class WaveformPlan(MixPlan):
    """Blend waveforms that are brought to one level first.

    Parameters
    ----------
    window : int or None
        As for `WaveformMix`.
    union : bool
        As for `WaveformMix`.
    """

    window: int | None = None
    union: bool = False

    @property
    def unites_targets(self) -> bool:
        """Whether a mixed row has all labels of both, and no weighted pair of them."""
        return self.union

    def _apply(self, x: Tensor) -> Tensor:
        _check_waveforms(x)
        if self.is_identity and not torch.compiler.is_compiling():
            return x
        rows = self.all_rows(x)
        levels = waveform_levels(rows, self.window)
        own_level, level = levels[: len(x)], levels.index_select(0, self.partner)
        # Silence has no level of its own: it counts as loud as its partner.
        level = torch.where(level > 0, level, own_level)
        own_level = torch.where(own_level > 0, own_level, level)
        # Divided by the louder of both, the smaller level is at most 1. lam / own_level
        # and (1 - lam) / level are the gains; their common denominators cancel.
        top = torch.maximum(own_level, level).clamp(min=torch.finfo(level.dtype).tiny)
        lam = self.lam.to(level.dtype)
        own_gain, gain = lam * (level / top), (1.0 - lam) * (own_level / top)
        size = torch.hypot(own_gain, gain)
        # Two silent waveforms have no gain at all: the own one stays.
        alone = (lam == 1.0) | (size == 0)
        size = torch.where(alone, torch.ones_like(size), size)
        own_gain = torch.where(alone, torch.ones_like(lam), own_gain / size)
        gain = torch.where(alone, torch.zeros_like(lam), gain / size)
        shape = (-1,) + (1,) * (x.ndim - 1)
        mixed = take_rows(rows, self.partner) * gain.to(x.dtype).view(shape)
        return mixed.addcmul_(x, own_gain.to(x.dtype).view(shape))

    def targets(self, y: Any, n_classes: int | None = None) -> Tensor:
        """Mix targets; parameters and errors as for `MixPlan.targets`.

        With `union`, indicator matrices give the larger of both entries, and class
        indices a matrix with two ones.
        """
        if not self.union:
            return super().targets(y, n_classes)
        y = as_targets(y, self.lam.device)
        self._check_rows(y, "targets")
        if n_classes is None and y.ndim == 2:
            n_classes = y.shape[1]
        y = class_targets(y, n_classes, self.lam.dtype)
        if not y.is_floating_point():
            assert n_classes is not None
            y = functional.one_hot(y.long(), n_classes).to(self.lam.dtype)
        own, other = self.own_rows(y), self.partner_rows(y)
        lam = self.label_weights[0].view((-1,) + (1,) * (y.ndim - 1))
        # A row of which nothing is there adds no label.
        both = torch.where(lam == 0, other, torch.maximum(own, other))
        return torch.where(lam == 1, own, both)


class WaveformMix(Mixup):
    r"""Blend two waveforms after bringing them to one level.

    .. math:: \tilde x = \frac{g_i x_i + g_j x_j}{\sqrt{g_i^2 + g_j^2}}, \qquad
        g_i = \frac{\lambda}{a_i}, \quad g_j = \frac{1 - \lambda}{a_j},

    where :math:`a` is the root mean square of a waveform. The parts of the mixture have
    amplitudes in the ratio :math:`\lambda : 1 - \lambda`, which is also that of their
    labels: `lam` of the plan is the share in waveforms of equal level. The denominator
    keeps the energy of two sounds that have nothing to do with each other. With
    :math:`p = g_i / (g_i + g_j)` this is the formula of the paper. A silent waveform
    counts as loud as its partner.

    NOTE[DIFF]: the paper weighs frequencies as the ear does (A-weighting) before it
    measures a level. Here the plain root mean square is measured, which needs no
    sampling rate and is the same to a constant for sounds of like spectrum.

    NOTE[DIFF]: the paper pairs sounds of different classes only. Here `pairing` says
    who is paired.

    Parameters
    ----------
    alpha : float or schedule, default=1.0
        Parameter of the Beta law, at least 0; 0: no mixing. 1 is the uniform law of the
        paper; the Audio Spectrogram Transformer takes 10.
    window : int or None, default=None
        Measure the level in windows of so many samples that overlap by half, and take
        the loudest: for short sounds in long or padded waveforms. None: in the whole
        waveform. The paper takes a tenth of a second.
    union : bool, default=False
        For several labels per sound: a mixture has all labels of both sounds, at any
        lambda. It needs a loss with one yes or no per label, such as
        `torch.nn.BCEWithLogitsLoss` or `BinaryCrossEntropy`.
    per : {"row", "batch"}, default="row"
        One lambda per row, as in the paper, or one for the whole batch.
    p, fold, law, pairing, off_first, off_last :
        As for `Mixup`.

    References
    ----------
    Tokozume, Ushiku, Harada: Learning from Between-class Examples for Deep Sound
    Recognition, ICLR 2018. Lambda of the Beta law: Gong, Chung, Glass: AST: Audio
    Spectrogram Transformer, Interspeech 2021.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import WaveformMix
    >>> x, y = torch.randn(8, 16000), torch.randint(0, 10, (8,))
    >>> x_mixed, targets = WaveformMix()(x, y, n_classes=10)
    >>> x_mixed.shape, targets.shape
    (torch.Size([8, 16000]), torch.Size([8, 10]))
    >>> _, targets = WaveformMix(union=True)(x, y, n_classes=10)
    >>> set(targets.flatten().tolist()) == {0.0, 1.0}
    True
    """

    short_name = "waveform_mix"
    keeps_places = False
    group = "audio"
    paper = "Tokozume et al., ICLR 2018"

    def __init__(
        self,
        alpha: float | Schedule = 1.0,
        *,
        window: int | None = None,
        union: bool = False,
        per: str = "row",
        p: float | Schedule = 1.0,
        fold: bool | None = None,
        law: str | LamLaw = "beta",
        pairing: str | Pairing = "shuffle",
        off_first: float = 0,
        off_last: float = 0,
    ) -> None:
        super().__init__(
            alpha,
            per=per,
            p=p,
            fold=fold,
            law=law,
            pairing=pairing,
            off_first=off_first,
            off_last=off_last,
        )
        self.window = window
        self.union = union

    def _validate(self) -> None:
        super()._validate()
        if self.window is not None:
            check_integer("window", self.window, low=1)
        if not isinstance(self.union, bool):
            raise TypeError(
                f"union must be True or False; got {self.union!r} of type"
                f" {type(self.union).__name__}."
            )

    def _drawing(
        self,
        x: Tensor,
        y: Tensor | None,
        streams: MixStreams,
        context: MixContext | None,
    ) -> Drawing:
        _check_waveforms(x)
        if context is not None and context.columns is not None:
            raise ValueError(
                "WaveformMix mixes waveforms, and this input is a table with columns."
                " Use Mixup instead."
            )
        return super()._drawing(x, y, streams, context)

    def _plan(
        self,
        x: Tensor,
        partner: Tensor,
        lam: Tensor | float,
        context: MixContext | None,
    ) -> MixPlan:
        blend = super()._plan(x, partner, lam, context)
        return WaveformPlan(
            blend.partner,
            blend.lam,
            lam_host=blend.lam_host,
            window=self.window,
            union=self.union,
        )

    def _clean_plan(self, partner: Tensor, lam: Tensor) -> MixPlan:
        return WaveformPlan(
            partner, lam, lam_host=1.0, window=self.window, union=self.union
        )

    def _mix(
        self,
        x: Any,
        y: Any,
        n_classes: int | None,
        generator: torch.Generator | MixStreams | None,
        context: MixContext | None = None,
    ) -> tuple[MixPlan, Any, Tensor | MixedTargets]:
        y = as_targets(y, first_tensor(x).device)
        if self.union and n_classes is None and not y.is_floating_point():
            raise ValueError(
                "union=True gives a row all labels of both, which a pair of hard labels"
                " cannot say: give n_classes, or y as a matrix of floats with a column"
                " per label."
            )
        return super()._mix(x, y, n_classes, generator, context)


def waveform_levels(x: Tensor, window: int | None = None) -> Tensor:
    """Return the root mean square of each waveform.

    Parameters
    ----------
    x : Tensor of shape (B, T) or (B, C, T)
    window : int or None
        Length of the windows, of which the loudest counts; None: the whole.

    Returns
    -------
    levels : Tensor of shape (B,), float32 or float64
    """
    # Squares of half precision would overflow.
    wide = x.double() if x.dtype == torch.float64 else x.float()
    power = wide.square()
    if x.ndim == 3:
        power = power.mean(1)
    if window is None or window >= power.shape[-1]:
        power = power.mean(-1)
    else:
        step = max(1, window // 2)
        means = functional.avg_pool1d(power.unsqueeze(1), window, step)
        # What the last step leaves at the end counts too.
        end = power[:, -window:].mean(-1)
        power = torch.maximum(means.flatten(1).amax(1), end)
    # The root has no finite slope at zero.
    tiny = torch.finfo(power.dtype).tiny
    return torch.where(power > 0, power.clamp(min=tiny).sqrt(), torch.zeros_like(power))


def _check_waveforms(x: Tensor) -> None:
    """Raise where a tensor holds no waveforms."""
    if not x.is_floating_point():
        raise TypeError(
            f"WaveformMix mixes waveforms as floats; got dtype {x.dtype}. Convert"
            " samples first: int16 with x.float() / 32768, uint8 with"
            " (x.float() - 128) / 128."
        )
    if x.ndim not in (2, 3):
        raise ValueError(
            "WaveformMix mixes waveforms of shape (B, T) or (B, C, T); got shape"
            f" {tuple(x.shape)}. For spectrograms use Mixup or CutMix."
        )
