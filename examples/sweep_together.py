"""Nine alphas and five folds as one training, and what they say about alpha.

    python examples/sweep_together.py [--output DIR]

Handwritten digits, which ship with scikit-learn: 1797 images of 8 x 8 as columns of a
table. All 45 nets train together; folds, batches and the uniform numbers behind lambda
are the same for every alpha, so differences have small errors.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold

from sk_mixup import MixupClassifier, MixupSearchCV
from sk_mixup.inspection import AlphaSweepDisplay

ALPHAS = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0]


def sweep() -> MixupSearchCV:
    """Train all nets."""
    X, y = load_digits(return_X_y=True)
    search = MixupSearchCV(
        MixupClassifier("mlp", max_epochs=30, early_stopping=False, random_state=0),
        {"alpha": ALPHAS},
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
        scoring="neg_log_loss",
        ensemble="mean",
        store_oof=True,
    )
    start = time.perf_counter()
    search.fit(X, y)
    seconds = time.perf_counter() - start
    n_fits = len(ALPHAS) * search.n_splits_
    print(f"{n_fits} nets in {seconds:.1f} s, scored and joined to an ensemble")
    return search


def table(search: MixupSearchCV) -> pd.DataFrame:
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
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    search = sweep()
    print(table(search).round(4).to_string(index=False))
    display = AlphaSweepDisplay.from_search(search)
    assert display.figure_ is not None
    plt.gcf().savefig(output / "alpha_sweep.png", dpi=120, bbox_inches="tight")
    print(f"wrote {output / 'alpha_sweep.png'}")


if __name__ == "__main__":
    main()
