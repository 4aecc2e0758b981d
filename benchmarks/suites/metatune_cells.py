"""One model on one split of a table: what the suite ``metatune`` measures.

Models of a table run in turns in one process, with one thread each, so that whatever
else the machine does falls on all of them alike.
"""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import sk_mixup
from benchmarks.harness.cells import fingerprint
from benchmarks.metatune_data import ROWS, for_choices, for_report
from benchmarks.peers.tabular_boosting import (
    build_catboost,
    build_histogram,
    build_lightgbm,
    build_xgboost,
)
from benchmarks.peers.tabular_nets import build_mlp, build_pytabkit
from benchmarks.suites.tabular_scores import (
    all_columns,
    calibration_error,
    log_loss,
    number_scores,
)
from benchmarks.tabular_data import TabularData

_MOST_CATEGORIES = 255
Build = Callable[[TabularData, int, int], Any]


def build_ours(data: TabularData, seed: int, threads: int, **settings: Any) -> Any:
    """Return our estimator."""
    kind = "MixupClassifier" if data.is_classification else "MixupRegressor"
    return getattr(sk_mixup, kind)(random_state=seed, **settings)


def build_coded_histogram(data: TabularData, seed: int, threads: int) -> Any:
    """Return scikit-learn's gradient boosting, which takes 255 categories a column.

    Columns of more go in as numbers: the codes of the sorted words.
    """
    model = build_histogram(data, seed, threads)
    counts = data.x_train[data.words].nunique()
    long = list(counts.index[counts > _MOST_CATEGORIES])
    if not long:
        return model
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    coded = make_column_transformer(
        (codes, long), remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    model.steps[0][1].words = [word for word in data.words if word not in long]
    return make_pipeline(coded, *(step for _, step in model.steps))


#: Ours by name; then those of others.
OURS: dict[str, Build] = {
    "default": build_ours,
    "alpha=0": functools.partial(build_ours, alpha=0),
    "fast": functools.partial(build_ours, preset="fast"),
    "best": functools.partial(build_ours, preset="best"),
}
PEERS: dict[str, Build] = {
    "CatBoost": build_catboost,
    "LightGBM": build_lightgbm,
    "XGBoost": build_xgboost,
    "HistGradientBoosting": build_coded_histogram,
    "MLP": functools.partial(build_mlp, early=True),
    "RealMLP-TD": functools.partial(build_pytabkit, for_log_loss=True),
}
MODELS = OURS | PEERS


def key_of(model: str, table: str, split: int, rows: int, part: str) -> dict[str, Any]:
    """Return what tells a cell from the others; ours belong to the code that ran."""
    key = {"model": model, "table": table, "split": split, "rows": rows, "part": part}
    if model in OURS:
        key["code"] = _code()
    return key


@functools.cache
def _code() -> str:
    return fingerprint(Path(sk_mixup.__file__).parent)


def measured(
    folder: Path | None, model: str, table: str, split: int, rows: int, part: str
) -> dict[str, Any]:
    """Fit a model on a split; return its scores and seconds.

    Parameters
    ----------
    folder : Path or None
    model, table : str
    split, rows : int
    part : {"test", "validation"}
    """
    _warm(folder, model)
    load = for_report if part == "test" else for_choices
    data = load(folder, table, split, rows)
    return scored(MODELS[model](data, split, 1), data)


@functools.cache
def _warm(folder: Path | None, model: str) -> None:
    """Let a model import what it needs, which is no part of the time of a fit."""
    data = for_choices(folder, "wine", 0, ROWS)
    scored(MODELS[model](data, 0, 1), data)


def scored(model: Any, data: TabularData) -> dict[str, Any]:
    """Fit a model; return its scores on the other part, and its seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start, cpu = time.perf_counter(), time.process_time()
        model.fit(data.x_train, data.y_train)
        result = {
            "seconds": time.perf_counter() - start,
            "cpu_seconds": time.process_time() - cpu,
            "n_rows": len(data.y_train),
        }
        if data.is_classification:
            proba = all_columns(
                np.asarray(model.predict_proba(data.x_test)),
                np.asarray(model.classes_, int),
                data.n_classes,
            )
            result["loss"] = log_loss(data.y_test, proba)
            result["ece"] = calibration_error(data.y_test, proba)
            result["accuracy"] = float((proba.argmax(1) == data.y_test).mean())
        else:
            predicted = model.predict(data.x_test)
            scores = number_scores(data.y_test, predicted, data.y_train)
            result["loss"] = scores["rmse"]
            result["relative_rmse"] = scores["relative_rmse"]
    for name in ("alpha_", "n_iter_", "temperature_"):
        value = getattr(model, name, None)
        if value is not None and hasattr(model, "history_"):
            result[name] = value.tolist() if isinstance(value, np.ndarray) else value
    if hasattr(model, "history_"):
        result["valid_loss"] = float(min(model.history_[:, "valid_loss"]))
    return result
