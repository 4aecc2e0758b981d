"""Suite ``wrapper``: what mixing does to linear models and to boosted trees.

`MixupWrapper` around scikit-learn's own, on 5,000 training rows of each table, with the
labels as they are and with a fifth of them wrong; the test rows are clean. Every alpha
gets the same rows, wrong labels, partners and seed, so that differences are taken
within a seed.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.suites.label_noise import marked
from benchmarks.suites.tabular_found import mean_text
from benchmarks.suites.tabular_scores import all_columns, class_scores, number_scores
from benchmarks.tabular_data import TabularData, degrade, load
from sk_mixup.resampling import MixupWrapper

SETS = ("adult", "churn", "telco", "letter", "california", "diamonds")
QUICK_SETS = ("wine", "diabetes")
MODELS = ("linear", "trees")
ALPHAS = (0.0, 0.2, 1.0)
NOISES = (0.0, 0.2)
ROWS = 5_000
TITLES = {
    "linear": "linear models",
    "trees": "boosted trees",
    "loss": "log-loss, or RMSE of numbers",
    "accuracy": "accuracy",
    "ece": "calibration error",
}
Cell = dict[str, Any]


def run(options: Options, progress: Progress) -> Report:
    """Train every model with every alpha on every table."""
    cells: list[Cell] = []
    sets = options.pick(SETS, QUICK_SETS)
    for name in sets:
        for seed in range(options.seeds or options.pick(3, 2)):
            progress.step("table", sets.index(name) + 1, len(sets), f"{name}, {seed}")
            whole = load(options.data, name, seed)
            share = min(1.0, ROWS / len(whole.y_train))
            for noise in NOISES:
                data = degrade(whole, share, noise, seed)
                cells += [
                    measured(data, model, alpha, noise, seed)
                    for model in MODELS
                    for alpha in ALPHAS
                ]
    return Report("wrapper", tables_of(cells), {"cells": cells})


def measured(
    data: TabularData, model: str, alpha: float, noise: float, seed: int
) -> Cell:
    """Train once; return scores on the test rows and CPU seconds."""
    x, x_test = data.x_train.copy(), data.x_test.copy()
    for word in data.words:
        # The trees take words for categories only when the type says so.
        x[word] = x[word].astype("category")
        x_test[word] = x_test[word].astype(x[word].dtype)
    estimator = made(model, data.is_classification, alpha, seed)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(x, data.y_train)
        seconds = time.process_time() - start
        if data.is_classification:
            proba = estimator.predict_proba(x_test)
            proba = all_columns(proba, estimator.classes_, data.n_classes)
            scores = class_scores(data.y_test, proba, None)
            kept = {key: scores[key] for key in ("log_loss", "accuracy", "ece")}
        else:
            found = number_scores(data.y_test, estimator.predict(x_test), data.y_train)
            kept = {"rmse": found["rmse"]}
    return {
        **{"data": data.name, "model": model, "alpha": alpha, "noise": noise},
        **{"seed": seed, "n_rows": len(x), "cpu_seconds": seconds},
        **kept,
    }


def made(model: str, is_classification: bool, alpha: float, seed: int) -> Any:
    """Return an estimator that is trained on mixed rows."""
    if model == "trees":
        kind = (
            HistGradientBoostingClassifier
            if is_classification
            else HistGradientBoostingRegressor
        )
        # Rows held out to stop at would be mixed ones.
        inner = kind(early_stopping=False, random_state=seed)
        return MixupWrapper(inner, alpha=alpha, random_state=seed)
    # Mixed rows double the weights: so does the penalty, beside which they stand.
    penalty = 1.0 if alpha == 0 else 2.0
    linear = (
        LogisticRegression(C=1 / penalty, max_iter=1000)
        if is_classification
        else Ridge(alpha=penalty)
    )
    encoder = make_column_transformer(
        (
            OneHotEncoder(handle_unknown="ignore"),
            make_column_selector(dtype_include="category"),
        ),
        (
            make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
            make_column_selector(dtype_exclude="category"),
        ),
        sparse_threshold=0,
    )
    wrapped = MixupWrapper(linear, alpha=alpha, random_state=seed)
    return make_pipeline(encoder, wrapped)


def tables_of(cells: Sequence[Cell]) -> list[Table]:
    """Return what mixing changes, by model, score and share of wrong labels."""
    tables = [
        difference_table(cells, model, score)
        for model in MODELS
        for score in ("loss", "accuracy", "ece")
    ]
    return [*tables, cost_table(cells)]


def difference_table(cells: Sequence[Cell], model: str, score: str) -> Table:
    """Return one score without mixing, and what every alpha adds to it."""
    rows = []
    for data in dict.fromkeys(cell["data"] for cell in cells):
        row = [data]
        for noise in NOISES:
            by_alpha = [
                _scores(cells, data, model, alpha, noise, score) for alpha in ALPHAS
            ]
            if by_alpha[0]:
                row.append(mean_text(by_alpha[0]))
                row += [
                    marked(list(np.subtract(mixed, by_alpha[0])))
                    for mixed in by_alpha[1:]
                ]
        if len(row) > 1:
            rows.append(row)
    columns = [""]
    for noise in NOISES:
        words = "clean" if noise == 0 else f"{noise:.0%} wrong"
        columns.append(f"{words}, not mixed")
        columns += [f"{words}, alpha {alpha:g}" for alpha in ALPHAS[1:]]
    better = "higher" if score == "accuracy" else "lower"
    note = (
        f"Not mixed: means over seeds ± standard error, {better} is better. With an"
        " alpha: the difference to it within a seed; in bold where an interval of 95 %"
        " (Student's t) leaves out zero."
    )
    title = f"What mixing changes in {TITLES[model]}: {TITLES[score]}"
    return Table(title, columns, rows, [note])


def cost_table(cells: Sequence[Cell]) -> Table:
    """Return the seconds of a fit."""
    rows = []
    for data in dict.fromkeys(cell["data"] for cell in cells):
        row = [data]
        for model in MODELS:
            for alpha in (ALPHAS[0], ALPHAS[1]):
                seconds = [
                    cell["cpu_seconds"]
                    for cell in cells
                    if (cell["data"], cell["model"], cell["alpha"])
                    == (data, model, alpha)
                ]
                row.append(f"{statistics.median(seconds):.2f}")
        rows.append(row)
    columns = [""]
    for model in MODELS:
        columns += [f"{TITLES[model]}, not mixed", "alpha 0.2"]
    return Table("CPU seconds of a fit (medians)", columns, rows)


def _scores(
    cells: Sequence[Cell], data: str, model: str, alpha: float, noise: float, score: str
) -> list[float]:
    wanted = (data, model, alpha, noise)
    found = [
        cell
        for cell in cells
        if (cell["data"], cell["model"], cell["alpha"], cell["noise"]) == wanted
    ]
    if score == "loss":
        return [cell.get("log_loss", cell.get("rmse")) for cell in found]
    return [cell[score] for cell in found if score in cell]
