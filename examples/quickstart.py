"""How much mixing does my table want? Sweep alpha, keep the best, look at it.

Without arguments, on two tables that come with scikit-learn: handwritten digits, where
mixing pays, and breast cancer, where it does not::

    python examples/quickstart.py

On a table of yours; text, missing values and a numeric target are all fine::

    python examples/quickstart.py --csv table.csv --target price

For each alpha (0 is plain training) a net is cross-validated on the same folds with the
same random numbers, so that differences come from alpha. On a table of yours the best
alpha is then trained on all these rows and judged once on rows that were held out from
the start.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.metrics import (
    PredictionErrorDisplay,
    accuracy_score,
    log_loss,
    r2_score,
    root_mean_squared_error,
)
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from _common import Parser, Progress, UsageError
from _story import tell
from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.inspection import ReliabilityDisplay, expected_calibration_error

HELD_OUT = 0.25
# Of the confidence, in the table and in the picture.
N_BINS = 15
# Mixing is about good probabilities, so these choose alpha; lower is better.
CRITERION = {"classification": "log-loss", "regression": "RMSE"}


@dataclass
class Table:
    """Features, target and what is to be done with them."""

    name: str
    X: pd.DataFrame
    y: pd.Series
    task: str
    notes: list[str] = field(default_factory=list)


@dataclass
class Result:
    """What cross-validation found for one alpha."""

    alpha: float
    scores: dict[str, tuple[float, float | None]]  # mean, standard error
    seconds: float


def load_csv(args: argparse.Namespace) -> Table:
    """Read the user's file and decide what kind of problem it is."""
    try:
        frame = pd.read_csv(args.csv, low_memory=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {args.csv}: {error}") from error
    if args.target not in frame.columns:
        raise UsageError(unknown_column(args.target, list(frame.columns)))
    notes = []
    missing = frame[args.target].isna()
    if missing.any():
        notes.append(f"{missing.sum()} row(s) without a target were left out.")
        frame = frame[~missing]
    if args.sample is not None and args.sample < len(frame):
        frame = frame.sample(args.sample, random_state=args.random_state)
        notes.append(f"A random sample of {args.sample} rows is used.")
    y, X = frame[args.target], frame.drop(columns=args.target)
    if X.shape[1] == 0:
        raise UsageError(f"{args.csv} has no column beside the target {args.target!r}")
    task = args.task
    if task == "auto":
        task = guess_task(y)
        found = f"{args.target!r} has {y.nunique()} distinct values"
        notes.append(f"{found}: taken as {task} (--task says otherwise).")
    if task == "classification":
        X, y = without_rare_classes(X, y, args.folds, notes)
    elif not pd.api.types.is_numeric_dtype(y):
        raise UsageError(
            f"regression needs a numeric target; {args.target!r} holds {y.iloc[0]!r}"
        )
    if len(y) < 4 * args.folds:
        raise UsageError(
            f"{len(y)} rows with a target are too few for {args.folds} folds and a "
            "held-out part; lower --folds or bring more rows"
        )
    return Table(args.csv.name, X, y, task, notes)


def unknown_column(name: str, columns: list[str]) -> str:
    """Say that there is no such column, and which one may be meant."""
    near = difflib.get_close_matches(name, columns, n=3, cutoff=0.5)
    hint = "the nearest are" if near else "its columns begin with"
    names = ", ".join(repr(column) for column in near or columns[:8])
    return f"--target: the file has no column {name!r}; {hint} {names}"


def guess_task(y: pd.Series) -> str:
    """Text, booleans and few distinct whole numbers are classes; the rest numbers."""
    if pd.api.types.is_bool_dtype(y) or not pd.api.types.is_numeric_dtype(y):
        return "classification"
    whole = bool((y % 1 == 0).all())
    few = y.nunique() <= min(20, max(2, len(y) // 10))
    return "classification" if whole and few else "regression"


def without_rare_classes(
    X: pd.DataFrame, y: pd.Series, folds: int, notes: list[str]
) -> tuple[pd.DataFrame, pd.Series]:
    """Drop classes that cannot be in every fold and in the held-out part too."""
    counts = y.value_counts()
    rare = counts.index[counts < 2 * folds]
    if len(counts) - len(rare) < 2:
        raise UsageError(
            f"classification needs two classes of {2 * folds} rows or more; "
            f"{y.name!r} has {len(counts) - len(rare)} (of {len(counts)} distinct "
            "values). For a number there is --task regression"
        )
    if len(rare):
        keep = ~y.isin(rare)
        left_out = f"{(~keep).sum()} row(s) of {len(rare)} class(es)"
        notes.append(f"{left_out} with fewer than {2 * folds} rows were left out.")
        X, y = X[keep], y[keep]
    return X, y


def make_model(task: str, alpha: float, args: argparse.Namespace) -> Any:
    """Return an unfitted estimator; everything but alpha is the same for all."""
    cls = MixupClassifier if task == "classification" else MixupRegressor
    common = {"max_epochs": args.max_epochs, "random_state": args.random_state}
    return cls(alpha=alpha, verbose=0, **common)


def predict(model: Any, X: pd.DataFrame) -> np.ndarray:
    """Return probabilities of classes, or numbers."""
    return model.predict_proba(X) if hasattr(model, "classes_") else model.predict(X)


def score(task: str, y: pd.Series, predicted: np.ndarray) -> dict[str, float]:
    """Judge predictions."""
    if task == "regression":
        rmse = root_mean_squared_error(y, predicted)
        return {"RMSE": rmse, "R2": r2_score(y, predicted)}
    classes = np.unique(y)
    return {
        "accuracy": accuracy_score(y, classes[predicted.argmax(axis=1)]),
        "log-loss": log_loss(y, predicted, labels=classes),
        "ECE": expected_calibration_error(y, predicted, n_bins=N_BINS, classes=classes),
    }


def fit_fold(
    model: Any, X: pd.DataFrame, y: pd.Series, train: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, float]:
    """Fit on one part, predict the other; return the predictions and the seconds."""
    start = time.perf_counter()
    predicted = predict(model.fit(X.iloc[train], y.iloc[train]), X.iloc[test])
    return predicted, time.perf_counter() - start


def sweep(table: Table, args: argparse.Namespace) -> Iterator[Result]:
    """Cross-validate every alpha on the same folds; yield as each is finished."""
    kind = StratifiedKFold if table.task == "classification" else KFold
    cv = kind(args.folds, shuffle=True, random_state=args.random_state)
    folds = list(cv.split(table.X, table.y))
    jobs = (
        delayed(fit_fold)(make_model(table.task, a, args), table.X, table.y, *fold)
        for a in args.alphas
        for fold in folds
    )
    done = Parallel(n_jobs=args.n_jobs, return_as="generator")(jobs)
    progress = Progress(len(args.alphas) * len(folds))
    for alpha in args.alphas:
        parts, seconds = [], 0.0
        for _ in folds:
            progress.show(f"alpha {alpha:g}")
            predicted, took = next(done)
            parts.append(predicted)
            seconds += took
            progress.done += 1
        progress.finish(f"alpha {alpha:<5g}", seconds)
        yield Result(alpha, summarise(table, folds, parts), seconds)


def summarise(
    table: Table, folds: list[tuple[np.ndarray, np.ndarray]], parts: list[np.ndarray]
) -> dict[str, tuple[float, float | None]]:
    """Return mean and standard error over the folds of each score.

    The calibration error of a few rows is mostly noise and biased upwards: it is taken
    once, from the predictions of all folds together.
    """
    rows = pd.DataFrame(
        score(table.task, table.y.iloc[test], part)
        for (_, test), part in zip(folds, parts, strict=True)
    )
    error = rows.std() / np.sqrt(len(rows))
    scores = {name: (rows[name].mean(), error[name]) for name in rows}
    if "ECE" in scores:
        order = np.concatenate([test for _, test in folds])
        pooled = score(table.task, table.y.iloc[order], np.concatenate(parts))
        scores["ECE"] = (pooled["ECE"], None)
    return scores


def format_table(results: list[Result], best: Result) -> str:
    """Return the sweep as text, one line per alpha."""
    rows = [["alpha", *results[0].scores, "seconds", ""]]
    for result in results:
        cells = [f"{result.alpha:g}"]
        for mean, error in result.scores.values():
            cells.append(f"{mean:.4f}" + ("" if error is None else f" ± {error:.4f}"))
        rows.append([*cells, f"{result.seconds:.1f}", "<- best" * (result is best)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "   ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def draw(
    table: Table, models: dict[float, Any], X: pd.DataFrame, y: pd.Series, folder: Path
) -> Path:
    """Save the picture of the held-out predictions and return its path."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.style.use("sk_mixup.inspection.pictures")
    n = len(models)
    figure, axes = plt.subplots(1, n, figsize=(4.8 * n, 5.4), layout="constrained")
    for ax, (alpha, model) in zip(np.ravel(axes), models.items(), strict=True):
        name = f"alpha {alpha:g}"
        if table.task == "classification":
            ReliabilityDisplay.from_estimator(
                model, X, y, n_bins=N_BINS, name=name, ax=ax
            )
        else:
            PredictionErrorDisplay.from_predictions(
                y, model.predict(X), kind="actual_vs_predicted", ax=ax
            )
            ax.set_title(name)
    figure.suptitle(f"{table.name}: {len(y)} held-out rows")
    folder.mkdir(parents=True, exist_ok=True)
    name = "reliability" if table.task == "classification" else "predicted_against_true"
    path = folder / f"{name}.png"
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def run(args: argparse.Namespace) -> None:
    """Sweep, choose, judge, draw."""
    table = load_csv(args)
    rows, columns = table.X.shape
    print(f"{table.name}: {rows} rows, {columns} columns; {table.task}")
    for note in table.notes:
        print(f"  {note}")
    X_train, X_test, y_train, y_test = train_test_split(
        table.X,
        table.y,
        test_size=HELD_OUT,
        stratify=table.y if table.task == "classification" else None,
        random_state=args.random_state,
    )
    train = Table(table.name, X_train, y_train, table.task)
    print(
        f"  {len(y_train)} rows for {args.folds}-fold cross-validation, "
        f"{len(y_test)} held out until the end.\n"
    )
    results = list(sweep(train, args))
    criterion = CRITERION[table.task]
    best = min(results, key=lambda result: result.scores[criterion][0])
    print(format_table(results, best))
    print(f"Mean ± standard error over the folds; best is the lowest {criterion}.")
    if table.task == "classification":
        print("ECE: expected calibration error of all folds' predictions together.")

    # Plain training beside the best, where both were asked for: what mixing changed.
    shown = sorted({best.alpha, *(a for a in args.alphas if a == 0)})
    models = {a: make_model(table.task, a, args) for a in shown}
    print(f"\nOn the {len(y_test)} held-out rows, trained on the other {len(y_train)}:")
    for alpha, model in models.items():
        scores = score(table.task, y_test, predict(model.fit(X_train, y_train), X_test))
        text = "   ".join(f"{name} {value:.4f}" for name, value in scores.items())
        print(f"  alpha {alpha:<5g} {text}")
    print(f"\nPicture: {draw(table, models, X_test, y_test, args.output)}")


def make_parser() -> Parser:
    """Describe the command line."""
    parser = Parser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--csv", type=Path, metavar="FILE", help="a table of your own")
    add("--target", metavar="COLUMN", help="the column of FILE to predict")
    add("--task", choices=["auto", "classification", "regression"], default="auto")
    add("--alphas", type=float, nargs="+", default=[0.0, 0.1, 0.2, 0.4, 1.0])
    add("--folds", type=int, default=5)
    add("--max-epochs", type=int, help="default: the estimator's own")
    add("--sample", type=int, metavar="N", help="use N random rows of FILE")
    add("--output", type=Path, metavar="DIR", default=Path("demo_output"))
    add("--random-state", type=int, default=0)
    add("--n-jobs", type=int, default=1, help="folds trained at the same time")
    return parser


def main() -> None:
    """Run the command line."""
    parser = make_parser()
    args = parser.parse_args()
    if (args.csv is None) != (args.target is None):
        parser.error("--csv FILE and --target COLUMN belong together")
    if not all(0 <= alpha < float("inf") for alpha in args.alphas):
        parser.error(f"--alphas must be numbers >= 0; got {args.alphas}")
    if args.folds < 2:
        parser.error(f"--folds must be >= 2; got {args.folds}")
    if args.sample is not None and args.sample < 1:
        parser.error(f"--sample must be >= 1; got {args.sample}")
    args.alphas = sorted(set(args.alphas))
    # Or a log that holds both streams would show them out of order.
    sys.stdout.reconfigure(line_buffering=True)
    try:
        tell(args) if args.csv is None else run(args)
    except UsageError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
