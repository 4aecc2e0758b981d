"""One training of the suite ``adult``, in the process that runs it.

``python -m benchmarks.suites.adult_worker DATA MODEL SEED THREADS [MAX_ROWS]`` prints
one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness.memory import peak_memory

if TYPE_CHECKING:
    import pandas as pd

OURS = "MixupClassifier()"
UNMIXED = "MixupClassifier(alpha=0)"
BOOSTING = "HistGradientBoostingClassifier"
SKLEARN_MLP = "MLPClassifier"


def build_ours(seed: int, x: pd.DataFrame) -> Any:
    """Return the classifier as it comes."""
    from sk_mixup import MixupClassifier

    return MixupClassifier(random_state=seed)


def build_unmixed(seed: int, x: pd.DataFrame) -> Any:
    """Return the same without mixing."""
    from sk_mixup import MixupClassifier

    return MixupClassifier(alpha=0, random_state=seed)


def build_boosting(seed: int, x: pd.DataFrame) -> Any:
    """Return gradient boosting; it needs strings as categories (see `prepare`)."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        categorical_features="from_dtype", random_state=seed
    )


def build_mlp(seed: int, x: pd.DataFrame) -> Any:
    """Return scikit-learn's MLP behind the encoding that its users write."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = x.select_dtypes("number").columns.tolist()
    words = [name for name in x.columns if name not in numbers]
    encode = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), words),
    )
    # Without early stopping it overfits this table: log-loss above 0.6.
    model = MLPClassifier((128, 128), early_stopping=True, random_state=seed)
    return make_pipeline(encode, model)


MODELS: dict[str, Callable[[int, Any], Any]] = {
    OURS: build_ours,
    UNMIXED: build_unmixed,
    BOOSTING: build_boosting,
    SKLEARN_MLP: build_mlp,
}


def prepare(
    name: str, train: pd.DataFrame, test: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables as a model wants them; ours takes them as they are."""
    if name != BOOSTING:
        return train, test
    words = train.select_dtypes(exclude="number").columns
    train = train.astype(dict.fromkeys(words, "category"))
    # The same codes on both sides; a level that only the test part has is missing.
    kinds = {word: train[word].dtype for word in words}
    return train, test.astype(kinds)


def train(
    folder: Path, name: str, seed: int, max_rows: int | None = None
) -> dict[str, Any]:
    """Train and test one model."""
    import numpy as np
    from sklearn.metrics import accuracy_score, log_loss

    from benchmarks.data import load_adult
    from sk_mixup.inspection import expected_calibration_error

    data = load_adult(folder, max_rows)
    x_train, x_test = prepare(name, data.x_train, data.x_test)
    model = MODELS[name](seed, x_train)
    start = time.perf_counter()
    model.fit(x_train, data.y_train)
    fit_seconds = time.perf_counter() - start
    proba = model.predict_proba(x_test)
    last = model[-1] if hasattr(model, "steps") else model
    predicted = np.asarray(model.classes_)[proba.argmax(1)]
    return {
        "seed": seed,
        "accuracy": accuracy_score(data.y_test, predicted),
        "log_loss": log_loss(data.y_test, proba, labels=model.classes_),
        "ece": expected_calibration_error(
            data.y_test, proba, n_bins=15, classes=model.classes_
        ),
        "fit_seconds": fit_seconds,
        "epochs": getattr(last, "n_iter_", None),
        "peak_bytes": peak_memory(),
        "n_train": len(x_train),
        "n_test": len(x_test),
    }


def main(arguments: list[str]) -> None:
    """Run from the command line."""
    folder, name, seed, threads, *max_rows = arguments
    import torch

    torch.set_num_threads(int(threads))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit = int(max_rows[0]) if max_rows else None
        print(json.dumps(train(Path(folder), name, int(seed), limit)))


if __name__ == "__main__":
    main(sys.argv[1:])
