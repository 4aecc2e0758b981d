"""Log-mel spectrograms, against the formulas one number at a time."""

import cmath
import math
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sk_mixup.encoding import LogMelSpectrogram
from sk_mixup.encoding._audio import mel_filters

SMALL = {"n_fft": 16, "hop_length": 6, "n_mels": 4, "normalize": None}


def waves(n_rows, n_samples, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_rows, n_samples)).astype(np.float32)


def slow_mel(hertz, scale):
    if scale == "htk":
        return 2595 * math.log10(1 + hertz / 700)
    if hertz < 1000:
        return 3 * hertz / 200
    return 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def slow_hertz(mel, scale):
    """The inverse by bisection."""
    low, high = 0.0, 1e6
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if slow_mel(middle, scale) < mel else (low, middle)
    return low


def slow_filters(rate, n_fft, n_mels, f_min, f_max, scale):
    first, last = slow_mel(f_min, scale), slow_mel(f_max, scale)
    edges = [
        slow_hertz(first + (last - first) * k / (n_mels + 1), scale)
        for k in range(n_mels + 2)
    ]
    filters = np.zeros((n_mels, n_fft // 2 + 1))
    for band in range(n_mels):
        low, middle, high = edges[band : band + 3]
        for k in range(n_fft // 2 + 1):
            hertz = k * rate / n_fft
            if low < hertz <= middle:
                filters[band, k] = (hertz - low) / (middle - low)
            elif middle < hertz < high:
                filters[band, k] = (high - hertz) / (high - middle)
            if scale == "slaney":
                filters[band, k] *= 2 / (high - low)
    return filters


def slow_log_mel(wave, rate, n_fft, hop, filters, floor):
    half, length = n_fft // 2, len(wave)
    frames = []
    for start in range(-half, length - half + 1, hop):
        frame = []
        for k in range(n_fft):
            place = abs(start + k)
            place = 2 * (length - 1) - place if place >= length else place
            window = 0.5 - 0.5 * math.cos(2 * math.pi * k / n_fft)
            frame.append(window * float(wave[place]))
        power = []
        for f in range(half + 1):
            turn = -2j * math.pi * f / n_fft
            total = sum(v * cmath.exp(turn * k) for k, v in enumerate(frame))
            power.append(abs(total) ** 2)
        frames.append(
            [10 * math.log10(max(floor, float(row @ power))) for row in filters]
        )
    return np.array(frames).T


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize(
    ("rate", "n_fft", "n_mels", "f_min", "f_max"),
    [(16000, 400, 40, 0.0, 8000.0), (8000, 256, 20, 60.0, 3800.0)],
)
def test_filters_are_the_formula(rate, n_fft, n_mels, f_min, f_max, scale):
    filters = mel_filters(rate, n_fft, n_mels, f_min, f_max, scale)
    wanted = slow_filters(rate, n_fft, n_mels, f_min, f_max, scale)
    np.testing.assert_allclose(filters, wanted, atol=1e-6)


@pytest.mark.parametrize("n_samples", [40, 41, 42, 43])
@pytest.mark.parametrize("n_fft", [16, 15])
def test_a_spectrogram_is_the_formula(n_samples, n_fft):
    X = waves(2, n_samples)
    transformer = LogMelSpectrogram(8000, **SMALL | {"n_fft": n_fft, "n_mels": 2})
    found = transformer.fit_transform(X)
    assert found.shape == (2, 1, 2, 1 + n_samples // 6)
    for wave, row in zip(X, found, strict=True):
        wanted = slow_log_mel(wave, 8000, n_fft, 6, transformer.filters_, 1e-10)
        np.testing.assert_allclose(row[0], wanted[:, : row.shape[2]], atol=1e-3)


def test_a_tone_lies_in_its_band():
    rate, time = 8000, np.arange(8000) / 8000
    transformer = LogMelSpectrogram(rate, n_fft=256, n_mels=30, normalize=None)
    tones = [np.sin(2 * np.pi * hertz * time) for hertz in (300, 1000, 3000)]
    loudest = transformer.fit_transform(tones)[:, 0].mean(2).argmax(1)
    for hertz, band in zip((300, 1000, 3000), loudest, strict=True):
        ends = np.flatnonzero(transformer.filters_[band]) * rate / 256
        assert ends[0] - 32 <= hertz <= ends[-1] + 32


def test_twice_the_amplitude_is_six_decibels_more():
    X = waves(3, 400)
    transformer = LogMelSpectrogram(8000, n_fft=64, n_mels=8, normalize=None).fit(X)
    gain = transformer.transform(2 * X) - transformer.transform(X)
    np.testing.assert_allclose(gain, 20 * math.log10(2), atol=1e-3)


def test_silence_is_the_floor():
    transformer = LogMelSpectrogram(8000, floor=1e-6, **SMALL)
    spectrogram = transformer.fit_transform(np.zeros((2, 50)))
    np.testing.assert_allclose(spectrogram, -60, atol=1e-4)


def test_unequal_lengths_are_padded_with_silence_to_the_longest():
    long, short = waves(2, 60)
    transformer = LogMelSpectrogram(8000, **SMALL)
    found = transformer.fit_transform([long, short[:25]])
    padded = np.r_[short[:25], np.zeros(35, np.float32)]
    np.testing.assert_array_equal(found, transformer.transform([long, padded]))


def test_later_waveforms_are_cut_and_padded_to_the_same_length():
    transformer = LogMelSpectrogram(8000, **SMALL).fit(waves(2, 60))
    longer = waves(2, 90)
    np.testing.assert_array_equal(
        transformer.transform(longer), transformer.transform(longer[:, :60])
    )
    assert transformer.transform(waves(1, 5)).shape == (1, 1, 4, 11)


def test_duration_is_in_seconds():
    transformer = LogMelSpectrogram(8000, duration=0.01, **SMALL).fit(waves(2, 60))
    assert transformer.n_samples_ == 80


def test_chunks_change_nothing(monkeypatch):
    X = waves(7, 200)
    transformer = LogMelSpectrogram(8000, **SMALL)
    whole = transformer.fit_transform(X)
    monkeypatch.setattr("sk_mixup.encoding._audio._CHUNK_BYTES", 1)
    np.testing.assert_allclose(transformer.fit_transform(X), whole, atol=1e-4)


def test_all_training_rows_are_scaled_alike():
    X = waves(20, 300) * np.geomspace(0.1, 10, 20)[:, None]
    transformer = LogMelSpectrogram(8000, n_fft=64, n_mels=8).fit(X)
    train = transformer.transform(X)
    np.testing.assert_allclose(train.mean(), 0, atol=1e-4)
    np.testing.assert_allclose(train.std(), 1, atol=1e-4)
    # Loudness is kept, and later rows do not move the scale.
    assert train[-1].mean() > train[0].mean() + 1
    np.testing.assert_allclose(transformer.transform(X[:1]), train[:1], atol=1e-5)


def test_rows_scaled_by_themselves_lose_their_loudness():
    X = waves(4, 300)
    transformer = LogMelSpectrogram(8000, n_fft=64, n_mels=8, normalize="row").fit(X)
    np.testing.assert_allclose(
        transformer.transform(X), transformer.transform(5 * X), atol=1e-3
    )
    assert np.isfinite(transformer.transform(np.zeros((1, 300)))).all()


@pytest.mark.parametrize(
    ("dtype", "zero", "limit"), [(np.int16, 0, 32768), (np.uint8, 128, 128)]
)
def test_integer_samples_are_scaled_by_their_type(dtype, zero, limit):
    samples = (np.clip(waves(2, 100) / 5, -1, 0.99) * limit + zero).astype(dtype)
    floats = (samples.astype(np.float32) - zero) / limit
    transformer = LogMelSpectrogram(8000, **SMALL).fit(floats)
    np.testing.assert_allclose(
        transformer.transform(samples), transformer.transform(floats), atol=1e-3
    )


def test_it_is_a_transformer():
    X = list(waves(8, 120))
    transformer = LogMelSpectrogram(8000, n_fft=32, n_mels=4)
    twin = pickle.loads(pickle.dumps(clone(transformer).fit(X)))
    np.testing.assert_array_equal(twin.transform(X), transformer.fit_transform(X))
    flat = FunctionTransformer(lambda x: x.reshape(len(x), -1))
    pipe = make_pipeline(transformer, flat, LogisticRegression())
    assert pipe.fit(X, np.arange(8) % 2).predict(X).shape == (8,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_fft": 1}, "n_fft must be an integer of at least 2; got 1"),
        ({"hop_length": 0}, "hop_length must be an integer of at least 1; got 0"),
        ({"n_mels": 2.5}, r"n_mels must be an integer of at least 1; got 2\.5"),
        ({"sample_rate": -1}, "sample_rate must be a number above 0; got -1"),
        ({"duration": 0}, "duration must be a number above 0; got 0"),
        ({"f_max": 9000}, r"half of the sampling rate, 8000; got 0\.0 and 9000"),
        ({"mel_scale": "bark"}, r"one of \['htk', 'slaney'\]; got 'bark'"),
        ({"normalize": "channel"}, "normalize must be one of .* got 'channel'"),
        ({"n_mels": 400}, "n_mels=400 bands are too narrow for n_fft=400"),
    ],
)
def test_wrong_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        LogMelSpectrogram(**options).fit(waves(2, 500))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "X holds no waveform"),
        ([np.zeros(50), np.zeros((2, 50))], r"row 1 has shape \(2, 50\)"),
        ([np.zeros(50), np.r_[np.nan, np.zeros(9)]], "row 1 holds NaN"),
        (["one.wav"], "row 0 has shape .* a waveform is a row of numbers"),
    ],
)
def test_what_is_no_waveform_is_refused_by_row(X, message):
    with pytest.raises(ValueError, match=message):
        LogMelSpectrogram(8000, **SMALL).fit(X)
