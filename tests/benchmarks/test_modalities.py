import io
import wave
import zipfile

import numpy as np
import pytest
from sklearn.metrics import log_loss

from benchmarks.modality_data import DIGITS_FILE, load_digits
from benchmarks.suites.modalities import _mean, _temperature, _tempered


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / DIGITS_FILE
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for digit in range(3):
            for speaker in ("ann", "bob"):
                for index in range(15):
                    archive.writestr(f"{digit}_{speaker}_{index}.wav", _sound(digit))
    return tmp_path


def _sound(loudness):
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(np.full(300, loudness * 1000, "<i2").tobytes())
    return file.getvalue()


def test_first_recordings_are_the_test_part(folder):
    split = load_digits(folder)
    assert len(split.y_test) == 3 * 2 * 5
    assert len(split.y_fit) + len(split.y_tune) == 3 * 2 * 10
    # Cut or padded to one length, and still each with its digit.
    for x, y in ((split.x_fit, split.y_fit), (split.x_test, split.y_test)):
        np.testing.assert_allclose(x[:, 0], y * 1000 / 32768, rtol=1e-6)
        assert not x[:, 300:].any()


def test_held_out_speakers_are_in_the_test_part_alone(folder):
    split = load_digits(folder, ("bob",))
    assert len(split.y_test) == 3 * 15
    assert len(split.y_fit) + len(split.y_tune) == 3 * 15


def test_temperature_undoes_a_power():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1.0, 1.0, 1.0], 20_000)
    y = np.array([rng.choice(3, p=row) for row in p])
    power = _temperature(_tempered(p, 0.5), y, np.arange(3))
    assert power == pytest.approx(2.0, rel=0.05)
    restored = _tempered(_tempered(p, 0.5), power)
    assert log_loss(y, restored) == pytest.approx(log_loss(y, p), abs=1e-3)


def test_means_have_standard_errors():
    assert _mean([1.0, 2.0, 3.0]) == "2.0000 ± 0.5774"
    assert _mean([1.0]) == "1.0000"
