"""Waveforms straight into an estimator, and by their spectrograms."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from torch import nn

from sk_mixup import MixupClassifier
from sk_mixup.encoding import LogMelSpectrogram
from sk_mixup.mixing import WaveformMix

RATE = 4000


def tones(n=48, n_samples=400, seed=0):
    """Tones of three pitches, with noise, at any loudness."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    time = np.arange(n_samples) / RATE
    pitch = np.array([300.0, 700.0, 1500.0])[y] * rng.uniform(0.95, 1.05, n)
    X = np.sin(2 * np.pi * pitch[:, None] * time + rng.uniform(0, 6, n)[:, None])
    X = (X + 0.3 * rng.standard_normal(X.shape)) * rng.uniform(0.1, 1, n)[:, None]
    return X.astype(np.float32), y


class Waves(nn.Module):
    def __init__(self, n_outputs=3):
        super().__init__()
        self.maps = nn.Conv1d(1, 12, 32, stride=4)
        self.head = nn.Linear(12, n_outputs)

    def forward(self, x):
        return self.head(self.maps(x.unsqueeze(1)).abs().mean(2))


FAST = {"max_epochs": 15, "batch_size": 16, "lr": 0.02, "random_state": 0}


@pytest.mark.parametrize("mix", [WaveformMix(), WaveformMix(10.0, window=100)])
def test_waveforms_are_mixed(mix):
    X, y = tones()
    clf = MixupClassifier(Waves, mix=mix, **FAST).fit(X, y)
    assert clf.score(*tones(seed=1)) > 0.8


def test_spectrograms_are_a_step_of_a_pipeline():
    X, y = tones()
    pipe = make_pipeline(
        LogMelSpectrogram(RATE, n_fft=64, n_mels=12),
        MixupClassifier("convnet", mix="cutmix", **FAST | {"lr": None}),
    )
    grid = {"mixupclassifier__mix": [None, "cutmix"], "logmelspectrogram__n_mels": [8]}
    search = GridSearchCV(pipe, grid, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert np.isfinite(cross_val_score(pipe, list(X), y, cv=2)).all()


@pytest.mark.parametrize("weighted", [False, True])
def test_several_labels_are_united(weighted):
    X, y = tones()
    tags = np.eye(3, dtype=int)[y]
    tags[::4, 0] = 1
    seen = []

    class Watching(nn.BCEWithLogitsLoss):
        def forward(self, output, target):
            seen.append(target.detach().clone())
            return super().forward(output, target)

    clf = MixupClassifier(
        Waves, mix=WaveformMix(union=True), criterion=Watching, **FAST
    )
    weight = np.linspace(0.5, 1.5, len(y)) if weighted else None
    clf.fit(X, tags, sample_weight=weight)
    values = {value for target in seen for value in target.flatten().tolist()}
    assert values == {0.0, 1.0}
    # Of the training, without the trial of two rows.
    assert np.mean([t.sum(1).mean() for t in seen[1:]]) > tags.sum(1).mean() + 0.2


def test_a_union_needs_a_loss_for_several_labels():
    clf = MixupClassifier(Waves, mix=WaveformMix(union=True), **FAST)
    with pytest.raises(ValueError, match=r"union=True .* CrossEntropyLoss .* Use"):
        clf.fit(*tones())
    assert not hasattr(clf, "net_")
