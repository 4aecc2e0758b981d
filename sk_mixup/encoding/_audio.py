"""Waveforms to log-mel spectrograms: the picture of a sound that nets read best."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

_SCALES = ("htk", "slaney")
_NORMALIZE = (None, "row", "all")
# Frames are cut out and transformed so many bytes at a time.
_CHUNK_BYTES = 32 * 2**20
# Slaney's scale is linear up to 1000 Hz, 15 mels, and logarithmic beyond.
_LINEAR_HZ, _LINEAR_MELS, _STEP = 200.0 / 3, 15.0, np.log(6.4) / 27.0


# scikit-learn has no types.
class LogMelSpectrogram(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Turn waveforms into logarithms of their energy per mel band and frame.

    A frame of `n_fft` samples is multiplied by a Hann window and transformed; the power
    of its frequencies is summed in overlapping triangular bands that are evenly spaced
    in mel, and :math:`10 \log_{10}(\max(e, \epsilon))` is taken, in decibels.

    Parameters
    ----------
    sample_rate : int or float, default=16000
        Samples per second.
    n_fft : int, default=400
        Samples in a frame; at least 2.
    hop_length : int or None, default=None
        Samples from one frame to the next. None: half of `n_fft`.
    n_mels : int, default=64
        Bands.
    f_min, f_max : float, default=0.0 and None
        Ends of the bands in hertz. None: half of the sampling rate.
    duration : float or None, default=None
        Seconds of a row: longer waveforms are cut at their end, and shorter ones are
        padded with silence. None: the longest waveform that `fit` sees.
    mel_scale : {"htk", "slaney"}, default="htk"
        :math:`2595 \log_{10}(1 + f / 700)`, or linear up to 1000 Hz and logarithmic
        beyond, with bands of equal area, as librosa has it.
    floor : float, default=1e-10
        :math:`\epsilon`: less energy counts as so much.
    normalize : {None, "row", "all"}, default="all"
        "row" gives each row mean 0 and standard deviation 1, which takes its loudness
        away; "all" takes the mean and standard deviation of all training rows, and
        None leaves decibels.

    Attributes
    ----------
    n_samples_ : int
        Samples of a row.
    filters_ : ndarray of shape (n_mels, n_fft // 2 + 1), float32
        Weights of frequencies in bands.
    mean_, scale_ : float
        What is subtracted and divided by with ``normalize="all"``.

    Notes
    -----
    Frames are centred: the waveform is continued at both ends by its reflection, half a
    frame each. A row has ``1 + n_samples_ // hop_length`` frames. Integer samples are
    scaled to [-1, 1) by their type.

    References
    ----------
    S. S. Stevens, J. Volkmann, E. B. Newman: A scale for the measurement of the
    psychological magnitude pitch, 1937. The formulas: HTK Book; M. Slaney: Auditory
    Toolbox, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mixup.encoding import LogMelSpectrogram
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    >>> spectrogram = LogMelSpectrogram(8000, n_fft=256, hop_length=128, n_mels=32)
    >>> spectrogram.fit_transform([tone, tone[:4000]]).shape
    (2, 1, 32, 63)
    """

    def __init__(
        self,
        sample_rate: float = 16000,
        *,
        n_fft: int = 400,
        hop_length: int | None = None,
        n_mels: int = 64,
        f_min: float = 0.0,
        f_max: float | None = None,
        duration: float | None = None,
        mel_scale: str = "htk",
        floor: float = 1e-10,
        normalize: str | None = "all",
    ) -> None:
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.f_min = f_min
        self.f_max = f_max
        self.duration = duration
        self.mel_scale = mel_scale
        self.floor = floor
        self.normalize = normalize

    def fit(self, X: Any, y: Any = None) -> LogMelSpectrogram:
        """Find the length of a row, and the scale of the decibels.

        Parameters
        ----------
        X : array of shape (n, T), or list of arrays of shape (T,)
            Waveforms, of unequal lengths as a list.
        y : object
            Not used.

        Returns
        -------
        self : LogMelSpectrogram
        """
        self._fit(X)
        return self

    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> np.ndarray:
        """Do both at once."""
        return self._scaled(self._fit(X))

    def transform(self, X: Any) -> np.ndarray:
        """Return spectrograms.

        Parameters
        ----------
        X : as for `fit`

        Returns
        -------
        spectrograms : ndarray of shape (n, 1, n_mels, frames), float32
        """
        check_is_fitted(self)
        return self._scaled(self._decibels(_as_waveforms(X)))

    def _fit(self, X: Any) -> np.ndarray:
        self._check_parameters()
        waveforms = _as_waveforms(X)
        if self.duration is None:
            self.n_samples_ = max(1, *(len(waveform) for waveform in waveforms))
        else:
            self.n_samples_ = max(1, round(self.duration * self.sample_rate))
        top = self.sample_rate / 2 if self.f_max is None else self.f_max
        self.filters_ = mel_filters(
            self.sample_rate, self.n_fft, self.n_mels, self.f_min, top, self.mel_scale
        )
        decibels = self._decibels(waveforms)
        self.mean_ = float(decibels.mean(dtype=np.float64))
        self.scale_ = float(decibels.std(dtype=np.float64)) or 1.0
        return decibels

    def _decibels(self, waveforms: list[np.ndarray]) -> np.ndarray:
        length, hop = self.n_samples_, self._hop()
        sides = self.n_fft // 2, self.n_fft - self.n_fft // 2
        n_frames = 1 + length // hop
        window = np.hanning(self.n_fft + 1)[:-1].astype(np.float32)
        out = np.empty((len(waveforms), 1, self.n_mels, n_frames), dtype=np.float32)
        # A row takes its frames, their transform and its power.
        rows = max(1, _CHUNK_BYTES // (24 * self.n_fft * n_frames))
        for start in range(0, len(waveforms), rows):
            part = waveforms[start : start + rows]
            block = np.zeros((len(part), length), dtype=np.float32)
            for row, waveform in zip(block, part, strict=True):
                row[: len(waveform)] = waveform[:length]
            around = np.pad(block, ((0, 0), sides), mode=self._pad_mode())
            frames = np.lib.stride_tricks.sliding_window_view(around, self.n_fft, 1)
            spectrum = np.fft.rfft(frames[:, ::hop][:, :n_frames] * window, axis=2)
            power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
            energy = np.maximum(power @ self.filters_.T, np.float32(self.floor))
            out[start : start + rows, 0] = 10 * np.log10(energy).transpose(0, 2, 1)
        return out

    def _scaled(self, decibels: np.ndarray) -> np.ndarray:
        if self.normalize == "all":
            decibels -= np.float32(self.mean_)
            decibels /= np.float32(self.scale_)
        elif self.normalize == "row":
            axes = (1, 2, 3)
            decibels -= decibels.mean(axes, keepdims=True)
            scale = decibels.std(axes, keepdims=True)
            decibels /= np.where(scale > 0, scale, np.float32(1))
        return decibels

    def _hop(self) -> int:
        return max(1, self.n_fft // 2) if self.hop_length is None else self.hop_length

    def _pad_mode(self) -> Any:
        # What is shorter than half a frame has too little to reflect.
        return "reflect" if 2 * self.n_samples_ > self.n_fft + 1 else "constant"

    def _check_parameters(self) -> None:
        counts: list[tuple[str, int]] = [("n_fft", 2), ("n_mels", 1)]
        if self.hop_length is not None:
            counts.append(("hop_length", 1))
        for name, low in counts:
            value = getattr(self, name)
            if not isinstance(value, numbers.Integral) or value < low:
                raise ValueError(
                    f"{name} must be an integer of at least {low}; got {value!r}."
                )
        sizes = ["sample_rate", "floor"]
        sizes += [n for n in ("duration", "f_max") if getattr(self, n) is not None]
        for name in sizes:
            value = getattr(self, name)
            if not isinstance(value, numbers.Real) or not 0 < float(value) < np.inf:
                raise ValueError(f"{name} must be a number above 0; got {value!r}.")
        top = self.sample_rate / 2 if self.f_max is None else self.f_max
        if not 0 <= self.f_min < top <= self.sample_rate / 2:
            raise ValueError(
                "f_min and f_max must be in order, between 0 and half of the sampling"
                f" rate, {self.sample_rate / 2:g}; got {self.f_min!r} and"
                f" {self.f_max!r}."
            )
        for name, known in (("mel_scale", _SCALES), ("normalize", _NORMALIZE)):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f"{name} must be one of {list(known)}; got {value!r}.")

    def __sklearn_tags__(self) -> Any:
        """Waveforms may come as a list of unequal lengths."""
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        return tags


def mel_filters(
    sample_rate: float, n_fft: int, n_mels: int, f_min: float, f_max: float, scale: str
) -> np.ndarray:
    """Return triangular bands that are evenly spaced in mel.

    Parameters
    ----------
    sample_rate : float
    n_fft, n_mels : int
    f_min, f_max : float
        Ends of the first and the last band, in hertz.
    scale : {"htk", "slaney"}

    Returns
    -------
    filters : ndarray of shape (n_mels, n_fft // 2 + 1), float32

    Raises
    ------
    ValueError
        If bands are so narrow that one of them lies between two frequencies.
    """
    to_mel, to_hz = (_htk, _htk_hz) if scale == "htk" else (_slaney, _slaney_hz)
    ends = to_mel(np.array([f_min, f_max], dtype=np.float64))
    edges = to_hz(np.linspace(ends[0], ends[1], n_mels + 2))
    hertz = np.arange(n_fft // 2 + 1) * (sample_rate / n_fft)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise, fall = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    filters = np.clip(np.minimum(rise, fall), 0.0, None)
    empty = np.flatnonzero(filters.sum(1) == 0)
    if len(empty):
        raise ValueError(
            f"n_mels={n_mels} bands are too narrow for n_fft={n_fft}: band"
            f" {empty[0]} holds no frequency. Take fewer bands, a larger n_fft or"
            " another f_min."
        )
    if scale == "slaney":
        filters *= 2.0 / (high - low)
    values: np.ndarray = filters.astype(np.float32)
    return values


def _htk(hertz: np.ndarray) -> np.ndarray:
    return 2595.0 * np.log10(1.0 + hertz / 700.0)


def _htk_hz(mels: np.ndarray) -> np.ndarray:
    return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)


def _slaney(hertz: np.ndarray) -> np.ndarray:
    beyond = _LINEAR_MELS + np.log(np.maximum(hertz, 1000.0) / 1000.0) / _STEP
    return np.where(hertz < 1000.0, hertz / _LINEAR_HZ, beyond)


def _slaney_hz(mels: np.ndarray) -> np.ndarray:
    beyond = 1000.0 * np.exp(_STEP * (np.maximum(mels, _LINEAR_MELS) - _LINEAR_MELS))
    return np.where(mels < _LINEAR_MELS, mels * _LINEAR_HZ, beyond)


def _as_waveforms(X: Any) -> list[np.ndarray]:
    """Return one array of float32 per row."""
    if hasattr(X, "detach"):
        X = X.detach().cpu().numpy()
    elif hasattr(X, "to_numpy"):
        X = X.to_numpy()
    if isinstance(X, np.ndarray) and X.ndim == 3 and X.shape[1] == 1:
        X = X[:, 0]
    if not hasattr(X, "__len__") or len(X) == 0:
        raise ValueError("X holds no waveform: LogMelSpectrogram needs one at least.")
    return [_as_waveform(row, i) for i, row in enumerate(X)]


def _as_waveform(row: Any, i: int) -> np.ndarray:
    array = np.asarray(row.detach().cpu() if hasattr(row, "detach") else row)
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        raise ValueError(
            f"X: row {i} has shape {array.shape} and dtype {array.dtype}, and a"
            " waveform is a row of numbers. Give an array of shape (n, T) or a list of"
            " arrays of shape (T,); average several channels first."
        )
    if array.dtype.kind in "iu":
        limit = 2.0 ** (8 * array.dtype.itemsize - 1)
        wide = array.astype(np.float32) / np.float32(limit)
        # Unsigned samples have silence in the middle of their range.
        return wide - np.float32(1) if array.dtype.kind == "u" else wide
    array = array.astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise ValueError(f"X: row {i} holds NaN or infinite samples.")
    return array
