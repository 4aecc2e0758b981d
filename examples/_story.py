"""The demo's story: one table where mixing pays, and one where it does not.

Both ship with scikit-learn. The same perceptron, the same folds and random numbers for
every alpha; what mixing changes is told with its standard error, before and after a
temperature (the one number that repairs how sure a net is).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import StratifiedKFold

from _common import Progress
from sk_mixup import MixupClassifier
from sk_mixup.metrics import refined_log_loss

COLUMNS = ("accuracy", "log-loss", "log-loss, tempered")
# Differences of this many standard errors are taken for real.
CLEAR = 2.0


@dataclass
class Chapter:
    """A table, and the scores of every alpha in every fold.

    Attributes
    ----------
    name, about : str
    X, y :
        The rows.
    scores : dict of float to array of shape (n_folds, 3)
        By alpha; columns as in `COLUMNS`.
    """

    name: str
    about: str
    X: pd.DataFrame
    y: np.ndarray
    scores: dict[float, np.ndarray] = field(default_factory=dict)

    def change(self, alpha: float, column: str) -> tuple[float, float]:
        """Return what an alpha changes to no mixing, fold by fold, and its error."""
        c = COLUMNS.index(column)
        differences = self.scores[alpha][:, c] - self.scores[0.0][:, c]
        error = differences.std(ddof=1) / np.sqrt(len(differences))
        return float(differences.mean()), float(error)

    def best(self) -> float:
        """Return the alpha of the least tempered log-loss."""
        return min(self.scores, key=lambda alpha: self.scores[alpha][:, 2].mean())

    def verdict(self) -> str:
        """Say whether mixing pays here."""
        alpha = self.best()
        if alpha == 0:
            return f"{self.name}: mixing does not pay, no alpha beats 0."
        mean, error = self.change(alpha, COLUMNS[2])
        told = f"tempered log-loss {mean:+.4f} ± {error:.4f} at alpha {alpha:g}"
        if mean < -CLEAR * error:
            return f"{self.name}: mixing pays, {told}."
        return f"{self.name}: mixing does not pay, {told}: within the error."


def chapters() -> list[Chapter]:
    """Return both tables."""
    digits = load_digits(as_frame=True)
    cancer = load_breast_cancer(as_frame=True)
    return [
        Chapter(
            "handwritten digits",
            f"{len(digits.data)} images of 8 x 8, 10 classes",
            digits.data,
            digits.target.to_numpy(),
        ),
        Chapter(
            "breast cancer",
            f"{len(cancer.data)} biopsies, 30 measurements, 2 classes",
            cancer.data,
            cancer.target.to_numpy(),
        ),
    ]


def fit_fold(
    chapter: Chapter, alpha: float, fold: tuple[Any, Any], args: argparse.Namespace
) -> tuple[np.ndarray, float]:
    """Train on a fold; return its scores, and the seconds."""
    train, test = fold
    model = MixupClassifier(
        "mlp",
        alpha=alpha,
        max_epochs=args.max_epochs,
        calibration=None,
        early_stopping=False,
        random_state=args.random_state,
    )
    start = time.perf_counter()
    model.fit(chapter.X.iloc[train], chapter.y[train])
    proba = model.predict_proba(chapter.X.iloc[test])
    y = chapter.y[test]
    scores = (
        accuracy_score(y, model.classes_[proba.argmax(axis=1)]),
        log_loss(y, proba, labels=model.classes_),
        # The temperature of each half of the rows comes from the other half.
        refined_log_loss(y, proba, labels=model.classes_, cross_fit=True),
    )
    return np.array(scores), time.perf_counter() - start


def sweep(told: list[Chapter], args: argparse.Namespace) -> Iterator[Chapter]:
    """Cross-validate every alpha on both tables; yield a table when it is done."""
    alphas = sorted({0.0, *args.alphas})
    cv = StratifiedKFold(args.folds, shuffle=True, random_state=args.random_state)
    progress = Progress(len(told) * len(alphas) * args.folds)
    for chapter in told:
        folds = list(cv.split(chapter.X, chapter.y))
        jobs = (
            delayed(fit_fold)(chapter, alpha, fold, args)
            for alpha in alphas
            for fold in folds
        )
        done = Parallel(n_jobs=args.n_jobs, return_as="generator")(jobs)
        for alpha in alphas:
            rows, seconds = [], 0.0
            for _ in folds:
                progress.show(f"{chapter.name}, alpha {alpha:g}")
                scores, took = next(done)
                rows.append(scores)
                seconds += took
                progress.done += 1
            progress.finish(f"{chapter.name}, alpha {alpha:<5g}", seconds)
            chapter.scores[alpha] = np.array(rows)
        yield chapter


def format_table(told: list[Chapter]) -> str:
    """Return both tables as one text."""
    heads = ["", "alpha", *COLUMNS, "difference to alpha 0", ""]
    lines = [heads]
    for chapter in told:
        name = chapter.name
        for alpha, scores in chapter.scores.items():
            cells = [f"{value:.4f}" for value in scores.mean(axis=0)]
            change = ""
            if alpha:
                mean, error = chapter.change(alpha, COLUMNS[2])
                change = f"{mean:+.4f} ± {error:.4f}"
            mark = "<- best" if alpha == chapter.best() else ""
            lines.append([name, f"{alpha:g}", *cells, change, mark])
            name = ""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "   ".join(
            [line[0].ljust(widths[0])]
            + [cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True)]
        ).rstrip()
        for line in lines
    )


def draw(told: list[Chapter], folder: Path) -> Path:
    """Save the picture of both tables, and return its path."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(told), figsize=(4.8 * len(told), 3.8), layout="constrained"
    )
    for ax, chapter in zip(np.ravel(axes), told, strict=True):
        alphas = [alpha for alpha in chapter.scores if alpha]
        ax.axhline(0.0, color="black", linewidth=0.8)
        places = np.arange(len(alphas))
        for column, shift, color in (
            (COLUMNS[1], -0.08, "C0"),
            (COLUMNS[2], 0.08, "C1"),
        ):
            changes = np.array([chapter.change(alpha, column) for alpha in alphas])
            ax.errorbar(
                places + shift,
                changes[:, 0],
                yerr=changes[:, 1],
                marker="o",
                capsize=3,
                linestyle="-",
                color=color,
                label=column,
            )
        ax.set_xticks(places, [f"{alpha:g}" for alpha in alphas])
        ax.set_title(chapter.name)
        ax.set_xlabel("alpha")
        ax.spines[["top", "right"]].set_visible(False)
    first = np.ravel(axes)[0]
    first.set_ylabel("change to no mixing; below 0: mixing is better")
    first.legend(frameon=False)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mixing_pays.png"
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def tell(args: argparse.Namespace) -> None:
    """Sweep both tables, and say what came out."""
    told = chapters()
    for chapter in told:
        print(f"{chapter.name}: {chapter.about}")
    print(f"The same perceptron for both, {args.folds}-fold cross-validation.\n")
    done = list(sweep(told, args))
    print(format_table(done))
    print(
        "Means over the folds. Tempered: after the best temperature. The difference is"
        " that of the\ntempered log-loss, fold by fold ± standard error; best is its"
        " lowest.\n"
    )
    for chapter in done:
        print(chapter.verdict())
    print("A table of your own: --csv FILE --target COLUMN.")
    print(f"\nPicture: {draw(done, args.output)}")
