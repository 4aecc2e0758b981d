"""Spoken words from voices that the net has never heard, with mixed spectrograms.

Without arguments, on short melodies that are made up here, each by several voices::

    python examples/audio_mixing.py

On spoken digits, a zip file of 16-bit WAV files ``{digit}_{speaker}_{index}.wav`` as in
the Free Spoken Digit Dataset::

    python examples/audio_mixing.py --zip FILE --test-speakers lucas theo

Some speakers are held out entirely: recordings of one voice are so alike that a random
split would mostly measure memory. Waveforms become log-mel spectrograms in a Pipeline.
"""

from __future__ import annotations

import argparse
import io
import wave
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline, make_pipeline

from _common import (
    Split,
    UsageError,
    compare,
    describe,
    make_parser,
    report,
    sampled,
    start,
)
from sk_mixup import MixupClassifier
from sk_mixup.encoding import LogMelSpectrogram
from sk_mixup.mixing import CutMix, Mixup

MIXES = {"none": None, "Mixup": Mixup(0.4), "CutMix": CutMix(1.0)}
# Where each of six melodies stands at five moments, in semitones.
MELODIES = [
    (0, 2, 4, 6, 8),
    (8, 6, 4, 2, 0),
    (0, 4, 8, 4, 0),
    (8, 4, 0, 4, 8),
    (0, 8, 0, 8, 0),
    (4, 4, 4, 4, 4),
]


@dataclass
class Recordings:
    """Waveforms of unequal lengths, what is said, and by whom."""

    name: str
    rate: int
    waves: list[np.ndarray]
    words: np.ndarray
    speakers: np.ndarray


def load_demo(n_speakers: int = 6, n_takes: int = 12) -> Recordings:
    """Return melodies; voices differ in pitch, overtones and pace, takes in noise."""
    rng = np.random.default_rng(0)
    rate, waves, words, speakers = 4000, [], [], []
    for speaker in range(n_speakers):
        pitch, bright = 150 * 2 ** rng.uniform(0, 1.5), rng.uniform(0.2, 0.8)
        pace = rng.uniform(0.7, 1.3)
        for word, melody in enumerate(MELODIES):
            for _ in range(n_takes):
                length = int(rate * 0.5 * pace * rng.uniform(0.9, 1.1))
                moments = np.linspace(0, 4, length)
                tone = np.interp(moments, range(5), melody) + rng.normal(0, 0.5)
                phase = 2 * np.pi * np.cumsum(pitch * 2 ** (tone / 12)) / rate
                sound = sum(bright**k * np.sin((k + 1) * phase) for k in range(4))
                sound = 0.2 * sound + rng.normal(0, 0.4, length)
                waves.append(sound.astype(np.float32))
                words.append(word)
                speakers.append(f"voice {speaker + 1}")
    return Recordings(
        "melodies", rate, waves, np.array(words), np.array(speakers, object)
    )


def load_zip(path: Path) -> Recordings:
    """Read the recordings of a zip file."""
    waves, words, speakers, rates = [], [], [], set()
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(n for n in archive.namelist() if n.endswith(".wav"))
            for name in names:
                word, speaker, _ = Path(name).stem.split("_")
                with wave.open(io.BytesIO(archive.read(name))) as sound:
                    if sound.getsampwidth() != 2 or sound.getnchannels() != 1:
                        raise UsageError(f"{name} in {path} is not 16-bit mono")
                    frames = sound.readframes(sound.getnframes())
                    rates.add(sound.getframerate())
                # Integer samples: the spectrogram scales them by their type.
                waves.append(np.frombuffer(frames, "<i2"))
                words.append(word)
                speakers.append(speaker)
    except (OSError, ValueError, wave.Error, zipfile.BadZipFile) as error:
        raise UsageError(
            f"cannot read {path}: {error}; it must be a zip file of WAV files"
            " {digit}_{speaker}_{index}.wav"
        ) from error
    if len(rates) != 1:
        raise UsageError(f"{path}: one sampling rate is needed; found {sorted(rates)}")
    return Recordings(
        path.name, rates.pop(), waves, np.array(words), np.array(speakers)
    )


def split_by_speaker(recordings: Recordings, args: argparse.Namespace) -> Split:
    """Hold out whole speakers: those named, or the last third."""
    known = sorted({*recordings.speakers})
    held_out = args.test_speakers or known[-max(1, len(known) // 3) :]
    if strange := sorted({*held_out} - {*known}):
        raise UsageError(f"--test-speakers {strange}: the speakers are {known}")
    test = np.isin(recordings.speakers, held_out)
    train, test = np.flatnonzero(~test), np.flatnonzero(test)
    words = recordings.words
    if not len(train) or {*words[test]} - {*words[train]}:
        raise UsageError("the speakers to train on must say all the words")
    train, _ = sampled(train, words[train], args.sample, args.random_state)
    print(f"Held out: {', '.join(held_out)}, of {', '.join(known)}.")
    return Split(
        [recordings.waves[i] for i in train],
        [recordings.waves[i] for i in test],
        words[train],
        words[test],
    )


def run(args: argparse.Namespace) -> None:
    """Train with each way of mixing, and compare."""
    recordings = load_demo() if args.zip is None else load_zip(args.zip)
    split = split_by_speaker(recordings, args)
    describe(recordings.name, f"waveforms at {recordings.rate} Hz", split)

    def make(**settings: Any) -> Pipeline:
        return make_pipeline(
            # Frames of about 32 ms, every 20 ms.
            LogMelSpectrogram(
                recordings.rate,
                n_fft=int(0.032 * recordings.rate),
                hop_length=int(0.02 * recordings.rate),
                n_mels=32 if recordings.rate >= 8000 else 24,
                duration=args.duration,
                normalize="row",
            ),
            MixupClassifier("convnet", module__width=args.width, **settings),
        )

    results = compare(make, MIXES, split, args)
    title = f"{recordings.name}: unseen speakers"
    report(results, title, args.output / "audio_mixing.png")


if __name__ == "__main__":
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--zip", type=Path, metavar="FILE", help="recordings of your own")
    add("--test-speakers", nargs="+", metavar="NAME", help="default: the last third")
    add("--duration", type=float, default=0.8, help="seconds that are looked at")
    add("--width", type=int, default=16, help="channels of the first stage; default 16")
    parser.set_defaults(max_epochs=30)
    start(parser, run)
