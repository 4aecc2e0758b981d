"""The demo's story: one table where mixing pays, and one where it does not.

Both ship with scikit-learn. The same perceptron, the same folds and random numbers for
every alpha, and all of them trained as one program; what mixing changes is told with
its standard error, before and after a temperature (the one number that repairs how sure
a net is).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import RepeatedStratifiedKFold
from torch import Tensor, nn

from _common import Progress
from sk_mixup import MixupClassifier, MixupSearchCV

COLUMNS = ("accuracy", "log-loss", "log-loss, tempered")
SCORERS = ("accuracy", "neg_log_loss", "refined_log_loss")
EPOCHS = 60
REPEATS = 2
# Differences of this many standard errors are taken for real.
CLEAR = 2.0


class Perceptron(nn.Module):
    """Two hidden layers.

    Parameters
    ----------
    n_features, n_classes : int
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, 128),
            nn.ReLU(),
            nn.Linear(128, 128),
            nn.ReLU(),
            nn.Linear(128, n_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.layers(x)
        return logits


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
    X: np.ndarray
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
        raw, raw_error = self.change(alpha, COLUMNS[1])
        also = ""
        if raw < -CLEAR * raw_error:
            also = (
                f"\n  What it gains as it is ({raw:+.4f} ± {raw_error:.4f}), a"
                " temperature gives as well."
            )
        return f"{self.name}: mixing does not pay, {told} is chance.{also}"


def chapters() -> list[Chapter]:
    """Return both tables, their columns on one scale."""
    digits, cancer = load_digits(), load_breast_cancer()
    spread = cancer.data.std(axis=0)
    return [
        Chapter(
            "handwritten digits",
            f"{len(digits.data)} images of 8 x 8, 10 classes",
            (digits.data / 16).astype(np.float32),
            digits.target,
        ),
        Chapter(
            "breast cancer",
            f"{len(cancer.data)} biopsies, 30 measurements, 2 classes",
            ((cancer.data - cancer.data.mean(axis=0)) / spread).astype(np.float32),
            cancer.target,
        ),
    ]


def sweep(chapter: Chapter, args: argparse.Namespace) -> float:
    """Cross-validate every alpha, all nets in one training; return the seconds."""
    alphas = sorted({0.0, *args.alphas})
    model = MixupClassifier(
        Perceptron,
        module__n_features=chapter.X.shape[1],
        module__n_classes=len(np.unique(chapter.y)),
        lr=0.002,
        batch_size=64,
        max_epochs=args.max_epochs or EPOCHS,
        early_stopping=False,
        random_state=args.random_state,
    )
    search = MixupSearchCV(
        model,
        {"alpha": alphas},
        cv=RepeatedStratifiedKFold(
            n_splits=args.folds, n_repeats=REPEATS, random_state=args.random_state
        ),
        scoring=dict(zip(COLUMNS, SCORERS, strict=True)),
        refit=False,
    )
    start = time.perf_counter()
    search.fit(chapter.X, chapter.y)
    seconds = time.perf_counter() - start
    for i, alpha in enumerate(alphas):
        chapter.scores[alpha] = np.array(
            [
                [_split(search, k, name)[i] for name in COLUMNS]
                for k in range(search.n_splits_)
            ]
        )
    return seconds


def _split(search: Any, fold: int, name: str) -> np.ndarray:
    found: np.ndarray = search.cv_results_[f"split{fold}_test_{name}"]
    return found if name == "accuracy" else -found


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
    first.set_ylabel("change to no mixing\n(below 0: mixing is better)")
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
    n_alphas = len({0.0, *args.alphas})
    n_nets = n_alphas * args.folds * REPEATS
    print(
        f"The same perceptron for both: {n_alphas} alphas, {REPEATS} times"
        f" {args.folds} folds, {n_nets} nets trained together.\n"
    )
    progress = Progress(len(told) * n_nets)
    for chapter in told:
        progress.show(chapter.name)
        seconds = sweep(chapter, args)
        progress.done += n_nets
        progress.finish(f"{chapter.name:18}", seconds)
    print(format_table(told))
    print(
        "Means over the folds. Tempered: after the best temperature. The difference is"
        " that of the\ntempered log-loss, fold by fold ± standard error; best is its"
        " lowest.\n"
    )
    for chapter in told:
        print(chapter.verdict())
    print("A table of your own: --csv FILE --target COLUMN.")
    print(f"\nPicture: {draw(told, args.output)}")
