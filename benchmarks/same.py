"""Whether two versions of the package fit the same nets, bit for bit.

A change that moves code about must change no result. ``store`` fits a fixed list of
seeded models and stores what they predict; ``compare`` fits them again, under another
version, and says which differ in a single bit; ``load`` unpickles the stored models.

    python -m benchmarks.same store FOLDER
    python -m benchmarks.same compare FOLDER
    python -m benchmarks.same load FOLDER
"""

from __future__ import annotations

import argparse
import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor, MixupSearchCV
from sk_mixup.mixing import CutMix, Mixup

_N = 700


class SmallNet(nn.Module):
    """A convolution with dropout, for pictures of 8 x 8."""

    def __init__(self, width: int = 8, n_outputs: int = 2) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3), nn.ReLU(), nn.Dropout(0.1), nn.AdaptiveAvgPool2d(1)
        )
        self.head = nn.Linear(width, n_outputs)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        return self.head(self.body(images).flatten(1))


def _table() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "age": draw.normal(40, 10, _N).round(1),
            "hours": draw.integers(0, 5, _N).astype(float),
            "job": draw.choice(["cook", "smith", "clerk"], _N),
            "wide": draw.gamma(1.0, 3.0, _N),
        }
    )
    X.loc[::7, "age"] = np.nan
    X.loc[::11, "job"] = None
    number = X["wide"] + 2.0 * (X["job"] == "cook") + draw.normal(0, 1, _N)
    return X, (number > 3.0).to_numpy().astype(int), number.to_numpy()


def _texts() -> tuple[list[str], list[str]]:
    texts = ["a fine day", "what a bad day", "fine and good", "bad, just bad"] * 20
    return texts, ["good", "bad", "good", "bad"] * 20


def _fit_table() -> Any:
    X, y, _ = _table()
    return MixupClassifier(alpha=0.2, random_state=0).fit(X, y), X


def _fit_weights() -> Any:
    X, y, _ = _table()
    model = MixupClassifier(
        mix="feat_mix", class_weight="balanced", max_epochs=5, random_state=1
    )
    return model.fit(X, y, sample_weight=np.linspace(0, 2, _N)), X


def _fit_folds() -> Any:
    X, y, _ = _table()
    model = MixupClassifier(calibration="temperature", max_epochs=4, random_state=2)
    return model.fit(X[:200], y[:200]), X


def _fit_valid() -> Any:
    X, y, _ = _table()
    model = MixupClassifier(preset="fast", alpha=0, max_epochs=5, random_state=3)
    return model.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:]), X


def _fit_soft() -> Any:
    X, y, _ = _table()
    soft = np.column_stack([0.9 - 0.8 * y, 0.1 + 0.8 * y])
    return MixupClassifier(alpha=0.2, max_epochs=4, random_state=4).fit(X, soft), X


def _fit_labels() -> Any:
    X, y, _ = _table()
    both = np.column_stack([y, X["wide"] > 2])
    return MixupClassifier(max_epochs=4, random_state=5).fit(X, both), X


def _fit_outputs() -> Any:
    X, y, _ = _table()
    both = np.column_stack([y + 1, X["hours"].astype(int) + 3])
    return MixupClassifier(alpha=0.2, max_epochs=4, random_state=6).fit(X, both), X


def _fit_module() -> Any:
    images = np.random.default_rng(1).random((90, 3, 8, 8), dtype=np.float32)
    model = MixupClassifier(
        SmallNet,
        module__n_outputs=3,
        mix=[Mixup(0.8), CutMix()],
        max_epochs=3,
        random_state=7,
    )
    return model.fit(images, ["cat", "dog", "cow"] * 30), images


def _fit_manifold() -> Any:
    images = np.random.default_rng(1).random((90, 3, 8, 8), dtype=np.float32)
    net = SmallNet(4, 1)
    model = MixupClassifier(
        net, mix="manifold", ema=0.9, warmup=1, clip_norm=1.0, random_state=8
    )
    torch.manual_seed(0)
    for parameter in net.parameters():
        nn.init.uniform_(parameter, -0.3, 0.3)
    return model.fit(images, ["cat", "dog"] * 45), images


def _fit_texts() -> Any:
    texts, moods = _texts()
    model = MixupClassifier(
        "text_bag", mix="manifold", mix__layers=["embedding"], random_state=9
    )
    return model.fit(texts, moods), texts


def _fit_numbers() -> Any:
    X, _, number = _table()
    return MixupRegressor(mix="c_mixup", max_epochs=6, random_state=10).fit(
        X, number
    ), X


def _fit_quantiles() -> Any:
    X, _, number = _table()
    model = MixupRegressor(head="quantile", max_epochs=4, random_state=11)
    return model.fit(X, number), X


def _fit_gaussian() -> Any:
    X, _, number = _table()
    model = MixupRegressor(head="gaussian", max_epochs=4, random_state=12)
    return model.fit(X, np.column_stack([number, -number])), X


def _fit_partial() -> Any:
    X, y, _ = _table()
    model = MixupClassifier(max_epochs=3, random_state=13, alpha=0.4)
    for start in (0, 200, 400):
        model.partial_fit(X[start : start + 200], y[start : start + 200], [0, 1])
    return model, X


def _fit_warm() -> Any:
    X, _, number = _table()
    model = MixupRegressor(
        max_epochs=3, random_state=14, warm_start=True, early_stopping=False
    )
    return model.fit(X, number).set_params(lr=0.001).fit(X, number), X


def _fit_search() -> Any:
    X = np.random.default_rng(2).normal(size=(240, 6)).astype(np.float32)
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    torch.manual_seed(0)
    for parameter in net.parameters():
        nn.init.uniform_(parameter, -0.3, 0.3)
    search = MixupSearchCV(
        MixupClassifier(net, max_epochs=4, random_state=15),
        {"alpha": [0, 0.2, 1.0], "lr": [0.001, 0.01]},
        cv=3,
        scoring="neg_log_loss",
    )
    return search.fit(X, (X[:, 0] * X[:, 1] > 0).astype(int)), X


def _fit_table_search() -> Any:
    X, y, _ = _table()
    search = MixupSearchCV(
        MixupClassifier(max_epochs=3, random_state=16),
        {"alpha": [0, 0.2]},
        cv=2,
        ensemble="mean",
    )
    return search.fit(X, y), X


#: The models by name.
FITS: dict[str, Callable[[], Any]] = {
    name.removeprefix("_fit_"): value
    for name, value in list(globals().items())
    if name.startswith("_fit_")
}


def _says(model: Any, X: Any) -> np.ndarray:
    """Return what a model predicts, as bytes that compare exactly."""
    ask = getattr(model, "predict_proba", model.predict)
    said = ask(X)
    parts = said if isinstance(said, list) else [said]
    flat = [np.asarray(part, dtype=np.float64).ravel() for part in parts]
    if hasattr(model, "cv_results_"):
        flat.append(np.asarray(model.cv_results_["mean_test_score"]))
    return np.concatenate(flat)


def main() -> None:
    """Store, or compare with what is stored."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["store", "compare", "load"])
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    # Under this name pickles find the module again.
    sys.modules.setdefault("benchmarks.same", sys.modules[__name__])
    SmallNet.__module__ = "benchmarks.same"
    differ = 0
    for name, fit in FITS.items():
        data, model_file = given.folder / f"{name}.npz", given.folder / f"{name}.pkl"
        if given.what == "load":
            with model_file.open("rb") as file:
                model, X = pickle.load(file)
        else:
            model, X = fit()
        said = _says(model, X)
        if given.what == "store":
            np.savez(data, said=said)
            with model_file.open("wb") as file:
                pickle.dump((model, X), file)
            print(f"{name:14} stored, {said.size} numbers")
            continue
        before = np.load(data)["said"]
        same = before.shape == said.shape and bool((before == said).all())
        differ += not same
        print(f"{name:14} {'the same' if same else 'DIFFERS'}, {said.size} numbers")
    if given.what != "store":
        print(f"{len(FITS) - differ} of {len(FITS)} are the same, bit for bit")
        sys.exit(differ > 0)


if __name__ == "__main__":
    main()
