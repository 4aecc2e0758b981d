"""Cells on tables, texts and sounds, where mixing was said to help."""

from __future__ import annotations

import time
import warnings
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import balanced_accuracy_score, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from torch import Tensor, nn

from benchmarks.claims import scores
from benchmarks.claims.cell import Cell, Place
from benchmarks.metatune_data import read
from benchmarks.modality_data import SAMPLE_RATE, load_digits, load_news
from benchmarks.tabular_data import load
from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.inspection import wrong_labels
from sk_mixup.mixing import (
    BalancedMixup,
    CMixup,
    ManifoldMixup,
    Mixup,
    RegMixup,
    Remix,
)

MOST_TEST_ROWS = 3_000


def _fit(model: Any, x: Any, y: Any) -> float:
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x, y)
    return time.process_time() - start


def _net(mix: Any, seed: int, **settings: Any) -> MixupClassifier:
    return MixupClassifier("mlp", mix=mix, random_state=seed, **settings)


def _mix(setting: str) -> Any:
    kinds = {
        "remix 1": Remix(1.0),
        "balanced mixup 0.2": BalancedMixup(0.2),
        "c-mixup 2": CMixup(2.0),
        "words 0.2": ManifoldMixup(0.2, layers="embedding"),
        "reg mixup 10": RegMixup(10.0),
        "mixup 1": Mixup(1.0),
        "mixup 0.2": Mixup(0.2),
        "none": None,
    }
    return kinds[setting]


def table_few(cell: Cell, place: Place) -> dict[str, Any]:
    """Train on a few rows of a table."""
    of = dict(cell.of)
    return _table(cell, place, of["data"], of["rows"], 0.0)


def table_wrong(cell: Cell, place: Place) -> dict[str, Any]:
    """Train on a table of which two labels in five are wrong."""
    of = dict(cell.of)
    return _table(cell, place, of["data"], of["rows"], of["share"])


def _table(
    cell: Cell, place: Place, name: str, n_rows: int, share: float
) -> dict[str, Any]:
    data = load(place.data, name, 0)
    random = np.random.default_rng(cell.seed)
    order = random.permutation(len(data.y_train))
    rows, tune = order[:n_rows], order[n_rows : n_rows + 1_000]
    x, y = data.x_train.iloc[rows], data.y_train[rows]
    if share:
        y = wrong_labels(y, share, random_state=cell.seed)
    model = _net(_mix(cell.setting), cell.seed, calibration=None)
    seconds = _fit(model, x.reset_index(drop=True), y)
    test = random.permutation(len(data.y_test))[:MOST_TEST_ROWS]
    proba = model.predict_proba(data.x_test.iloc[test])
    proba_tune = model.predict_proba(data.x_train.iloc[tune])
    found = scores.of_probabilities(
        data.y_test[test], proba, data.y_train[tune], proba_tune
    )
    return {"fit_seconds": seconds, **found}


def imbalance(cell: Cell, place: Place) -> dict[str, Any]:
    """Train on classes of which the rarest has a fiftieth of the rows of the first."""
    data = load(place.data, "letter", 0)
    random = np.random.default_rng(cell.seed)
    classes = random.permutation(data.n_classes)
    most, fewest = 300, 6
    kept = []
    for place_of, label in enumerate(classes):
        n = round(most * (fewest / most) ** (place_of / (len(classes) - 1)))
        kept.append(random.permutation(np.flatnonzero(data.y_train == label))[:n])
    rows = random.permutation(np.concatenate(kept))
    model = _net(_mix(cell.setting), cell.seed, calibration=None, early_stopping=False)
    x = data.x_train.iloc[rows].reset_index(drop=True)
    seconds = _fit(model, x, data.y_train[rows])
    predicted = model.predict(data.x_test)
    rare = np.isin(data.y_test, classes[-9:])
    return {
        "fit_seconds": seconds,
        "balanced": float(balanced_accuracy_score(data.y_test, predicted)),
        "rare": float((predicted == data.y_test)[rare].mean()),
    }


def shift(cell: Cell, place: Place) -> dict[str, Any]:
    """Learn house prices in the south, and predict those of the north."""
    data = load(place.data, "california8", 0)
    x = pd.concat([data.x_train, data.x_test], ignore_index=True)
    y = np.concatenate([data.y_train, data.y_test])
    column = next(name for name in x if str(name).lower().startswith("latitude"))
    north = x[column].to_numpy() > 36.0
    random = np.random.default_rng(cell.seed)
    south = random.permutation(np.flatnonzero(~north))
    far = random.permutation(np.flatnonzero(north))[:MOST_TEST_ROWS]
    rows, near = south[:1_500], south[1_500:4_500]
    # Places themselves say nothing of other places.
    x = x.drop(columns=[c for c in x if str(c).lower() in ("latitude", "longitude")])
    model = MixupRegressor("mlp", mix=_mix(cell.setting), random_state=cell.seed)
    seconds = _fit(model, x.iloc[rows].reset_index(drop=True), y[rows])
    return {
        "fit_seconds": seconds,
        "rmse_near": float(
            root_mean_squared_error(y[near], model.predict(x.iloc[near]))
        ),
        "rmse_far": float(root_mean_squared_error(y[far], model.predict(x.iloc[far]))),
    }


def text(cell: Cell, place: Place) -> dict[str, Any]:
    """Train on a hundred news messages of each section."""
    from sk_mixup.inputs import TextTokenizer

    split = load_news(place.data)
    random = np.random.default_rng(cell.seed)
    rows = random.permutation(len(split.y_fit))[: dict(cell.of)["rows"]]
    model = make_pipeline(
        TextTokenizer("word"),
        MixupClassifier(
            "text_bag",
            mix=_mix(cell.setting),
            max_epochs=20,
            early_stopping=False,
            calibration=None,
            random_state=cell.seed,
        ),
    )
    seconds = _fit(model, split.x_fit[rows], split.y_fit[rows])
    proba, tune = (model.predict_proba(x) for x in (split.x_test, split.x_tune))
    y, y_tune = (
        np.searchsorted(model.classes_, y) for y in (split.y_test, split.y_tune)
    )
    return {"fit_seconds": seconds, **scores.of_probabilities(y, proba, y_tune, tune)}


def sound(cell: Cell, place: Place) -> dict[str, Any]:
    """Train on a few recordings of each spoken digit, other ones for every seed."""
    from sk_mixup.encoding import LogMelSpectrogram

    split = load_digits(place.data)
    random = np.random.default_rng(cell.seed)
    rows = random.permutation(len(split.y_fit))[: dict(cell.of)["rows"]]
    test = np.random.default_rng(0).permutation(len(split.y_test))[:300]
    model = make_pipeline(
        LogMelSpectrogram(
            SAMPLE_RATE, n_fft=256, hop_length=160, n_mels=32, normalize="row"
        ),
        MixupClassifier(
            "convnet",
            module__width=8,
            mix=_mix(cell.setting),
            max_epochs=30,
            early_stopping=False,
            calibration=None,
            random_state=cell.seed,
        ),
    )
    seconds = _fit(model, split.x_fit[rows], split.y_fit[rows])
    proba, tune = (model.predict_proba(x) for x in (split.x_test[test], split.x_tune))
    found = scores.of_probabilities(split.y_test[test], proba, split.y_tune, tune)
    return {"fit_seconds": seconds, **found}


class IdNet(nn.Module):
    """Vectors of category ids, and a perceptron on them; ids come as floats.

    Parameters
    ----------
    sizes : sequence of int
        Categories of each column.
    n_classes : int
    """

    mix_layers: ClassVar[list[str]] = ["vectors"]

    def __init__(self, sizes: list[int], n_classes: int) -> None:
        super().__init__()
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.register_buffer("starts", torch.tensor(starts))
        self.register_buffer("last", torch.tensor(sizes) - 1)
        self.vectors = nn.Embedding(sum(sizes), 4)
        self.rest = nn.Sequential(
            nn.Linear(4 * len(sizes), 64), nn.ReLU(), nn.Linear(64, n_classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits. What is no whole id is rounded to one."""
        ids = torch.minimum(x.round().long(), self.last)
        logits: Tensor = self.rest(self.vectors(ids + self.starts).flatten(1))
        return logits


def ids(cell: Cell, place: Place) -> dict[str, Any]:
    """Mix the ids of categories and round them, or mix their vectors."""
    x, y = read(place.data, "splice")
    codes = np.stack([pd.factorize(x[name], sort=True)[0] for name in x], axis=1)
    sizes = [int(column.max()) + 1 for column in codes.T]
    codes = codes.clip(min=0).astype(np.float32)
    random = np.random.default_rng(cell.seed)
    order = random.permutation(len(y))
    rows, tune, test = order[:600], order[600:1000], order[1000:]
    mixes: dict[str, Any] = {
        "none": None,
        "ids rounded": Mixup(1.0),
        "vectors": ManifoldMixup(1.0, layers=["vectors"]),
    }
    model = MixupClassifier(
        IdNet,
        module__sizes=sizes,
        module__n_classes=int(y.max()) + 1,
        mix=mixes[cell.setting],
        max_epochs=place.scale.small_epochs // 2,
        batch_size=50,
        lr=3e-3,
        early_stopping=False,
        calibration=None,
        random_state=cell.seed,
    )
    seconds = _fit(model, codes[rows], y[rows])
    proba, proba_tune = (model.predict_proba(codes[r]) for r in (test, tune))
    found = scores.of_probabilities(y[test], proba, y[tune], proba_tune)
    return {"fit_seconds": seconds, **found}
