"""Nine alphas and five folds as one training, and what they say about alpha.

    python examples/sweep_together.py [--epochs N] [--output DIR]

Handwritten digits, which ship with scikit-learn: 1797 images of 8 x 8, as rows for an
MLP of your own. All 45 nets train together; folds, batches and the uniform numbers
behind lambda are the same for every alpha, so differences have small errors. The same
sweep as a `GridSearchCV` of 45 fits is timed beside it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from torch import Tensor, nn

from sk_mixup import MixupClassifier, MixupSearchCV
from sk_mixup.inspection import AlphaSweepDisplay

ALPHAS = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0]


class Net(nn.Module):
    """Two hidden layers."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.head(self.layers(x))
        return logits


def sweep(kind: type, epochs: int, **settings: Any) -> Any:
    """Train all nets, and say how long it took."""
    X, y = load_digits(return_X_y=True)
    estimator = MixupClassifier(
        Net,
        lr=0.002,
        batch_size=64,
        max_epochs=epochs,
        early_stopping=False,
        random_state=0,
    )
    search = kind(
        estimator,
        {"alpha": ALPHAS},
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
        scoring="neg_log_loss",
        **settings,
    )
    start = time.perf_counter()
    search.fit((X / 16).astype(np.float32), y)
    seconds = time.perf_counter() - start
    n_fits = len(ALPHAS) * search.n_splits_
    print(f"{kind.__name__}: {n_fits} nets, trained and scored in {seconds:.1f} s")
    return search


def table(search: Any) -> pd.DataFrame:
    """Return what every alpha loses to the best one, with standard errors."""
    paired = search.paired_differences_
    return pd.DataFrame(
        {
            "alpha": ALPHAS,
            "log-loss": -search.cv_results_["mean_test_score"],
            "more than the best": -paired["mean_difference_score"],
            "standard error": paired["se_difference_score"],
        }
    )


def main() -> None:
    """Run the sweep, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("demo_output"))
    parser.add_argument("--epochs", type=int, default=30)
    given = parser.parse_args()
    output: Path = given.output
    output.mkdir(parents=True, exist_ok=True)
    sweep(GridSearchCV, given.epochs, refit=False)
    search = sweep(MixupSearchCV, given.epochs, ensemble="mean", store_oof=True)
    print(table(search).round(4).to_string(index=False))
    display = AlphaSweepDisplay.from_search(search)
    assert display.figure_ is not None
    plt.gcf().savefig(output / "alpha_sweep.png", dpi=120, bbox_inches="tight")
    print(f"wrote {output / 'alpha_sweep.png'}")


if __name__ == "__main__":
    main()
