"""Differences to the best candidate, fold by fold.

All candidates are judged on the same folds, and a hard fold is hard for all of them.
The spread of scores over folds mixes that luck in; the spread of differences does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def paired_differences(
    results: dict[str, Any], n_splits: int, best_index: int | None
) -> dict[str, Any]:
    """Return mean differences to the best candidate and their standard errors.

    Parameters
    ----------
    results : dict
        ``cv_results_``.
    n_splits : int
    best_index : int or None
        None: the candidate of rank 1, per metric.

    Returns
    -------
    differences : dict
        "params", and per metric "mean_difference_NAME" and "se_difference_NAME". NaN
        where a fit has failed, and for the errors of a single fold.
    """
    found: dict[str, Any] = {"params": list(results["params"])}
    start = "rank_test_"
    for key in results:
        if not key.startswith(start):
            continue
        name = key[len(start) :]
        scores = np.stack(
            [results[f"split{i}_test_{name}"] for i in range(n_splits)], axis=1
        )
        best = int(np.argmin(results[key])) if best_index is None else best_index
        gaps = scores - scores[best]
        found[f"mean_difference_{name}"] = gaps.mean(axis=1)
        found[f"se_difference_{name}"] = (
            gaps.std(axis=1, ddof=1) / np.sqrt(n_splits)
            if n_splits > 1
            else np.full(len(gaps), np.nan)
        )
    return found
