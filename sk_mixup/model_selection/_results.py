"""What a search has found, as a table for people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sk_mixup.model_selection._paired import paired_differences

#: More candidates than these are not shown in a notebook.
SHOWN = 12


def results_frame(
    results: dict[str, Any], n_splits: int, best_index: int | None
) -> pd.DataFrame:
    """Return a row per candidate, the best first.

    Parameters
    ----------
    results : dict
        ``cv_results_``.
    n_splits : int
    best_index : int or None
        None: the candidate of rank 1, per metric.
    """
    columns: dict[str, Any] = {}
    for key, values in results.items():
        if key.startswith("param_"):
            columns[key.removeprefix("param_")] = _plain(values)
    gaps = paired_differences(results, n_splits, best_index)
    names = [k.removeprefix("rank_test_") for k in results if k.startswith("rank_test")]
    for name in names:
        spread = np.full(len(gaps["params"]), np.nan)
        if n_splits > 1:
            splits = [results[f"split{i}_test_{name}"] for i in range(n_splits)]
            spread = np.std(splits, axis=0, ddof=1) / np.sqrt(n_splits)
        columns[name] = results[f"mean_test_{name}"]
        columns[f"{name}_se"] = spread
        columns[f"{name}_difference"] = gaps[f"mean_difference_{name}"]
        columns[f"{name}_difference_se"] = gaps[f"se_difference_{name}"]
    columns["fit_time"] = results["mean_fit_time"]
    rank = results[f"rank_test_{names[0]}"]
    order = np.argsort(rank, kind="stable")
    if best_index is not None:
        # By the metric of the refit, or by what a callable has chosen.
        order = np.r_[best_index, order[order != best_index]]
    frame = pd.DataFrame(columns).iloc[order]
    frame.index.name = "candidate"
    return frame


def _plain(values: Any) -> Any:
    """Return values of a parameter; None for candidates that do not name it."""
    masked: Any = np.ma.asarray(values)
    if not np.ma.is_masked(masked):
        return np.asarray(masked)
    return np.where(np.ma.getmaskarray(masked), None, masked.data.astype(object))


def results_html(frame: pd.DataFrame) -> str:
    """Return the first candidates as HTML."""
    left_out = len(frame) - SHOWN
    more = f"<p>and {left_out} more</p>" if left_out > 0 else ""
    html: str = frame.head(SHOWN).to_html(
        float_format=lambda value: f"{value:.4g}", na_rep=""
    )
    return f"{html}{more}"
