"""Mixed rows as a person reads them: values of the table, and not their encoding.

A net that embeds its columns never sees a blended age or job; it sees a blend of
vectors. What stands here is its nearest form in the units of the table: the blended
number, and the shares of the categories.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sk_mixup.inputs import SparseTableInput, TableInput, to_host
from sk_mixup.mixing import MixPreview

if TYPE_CHECKING:
    import pandas as pd


def preview_table(
    preview: MixPreview, source: Any, X: Any, y: Any, *, numeric_target: bool
) -> pd.DataFrame:
    """Return own, partner's and mixed values of every mixed row.

    Parameters
    ----------
    preview : MixPreview
    source : TableInput or ArrayInput
        What encoded the rows.
    X : DataFrame or ndarray of shape (B, ...)
        The rows as they were given.
    y : DataFrame of shape (B, n_outputs)
        Their labels or numbers.
    numeric_target : bool
        Whether targets are numbers to predict.

    Returns
    -------
    table : pandas.DataFrame of shape (rows, ...)
        With two levels of column names: "lambda"; "own", "partner" and "mixed" with the
        columns of `X` each, where `X` is a table; "target" with the outputs.
    """
    import pandas as pd

    plan = preview.plan
    own = _numpy(plan.own_rows(torch.arange(plan.n_rows, device=plan.partner.device)))
    partner = _numpy(plan.partner)
    lam = _numpy(plan.lam).astype(np.float64)
    columns: dict[tuple[Any, Any], Any] = {("lambda", ""): lam}
    index = X.index if hasattr(X, "columns") else pd.RangeIndex(len(X))
    if X.ndim == 2:
        frame = pd.DataFrame(to_host(X))
        mixed = _mixed_columns(preview, source, frame, own, partner, lam)
        for part, rows in (("own", own), ("partner", partner)):
            for j, name in enumerate(frame.columns):
                columns[part, name] = frame.iloc[:, j].take(rows).array
        columns |= {("mixed", frame.columns[j]): column for j, column in mixed.items()}
    weight = _numpy(preview.label_weights[0]).astype(np.float64)
    for j, name in enumerate(y.columns):
        values = y.iloc[:, j]
        ends = "" if y.shape[1] == 1 else f" {name}"
        a, b = values.take(own), values.take(partner)
        columns["target", f"own{ends}"] = a.array
        columns["target", f"partner{ends}"] = b.array
        blend = _blend_numbers if numeric_target else _blend_categories
        columns["target", f"mixed{ends}"] = blend(a, b, weight)
    table = pd.DataFrame(columns)
    table.columns = pd.MultiIndex.from_tuples(list(columns))
    table.index = index.take(own)
    return table


def _mixed_columns(
    preview: MixPreview,
    source: Any,
    frame: pd.DataFrame,
    own: np.ndarray,
    partner: np.ndarray,
    lam: np.ndarray,
) -> dict[int, Any]:
    """Return the mixed values of each column; none where a hidden layer is mixed."""
    if preview.site is not None:
        return {}
    if not isinstance(source, (TableInput, SparseTableInput)):
        if preview.mixed is None:
            return {}
        return dict(enumerate(_numpy(preview.mixed).T))
    if isinstance(source, TableInput):
        numbers = source.encoder.numeric_columns_
        categories = source.encoder.categorical_columns_
    else:
        numbers, categories = np.arange(frame.shape[1]), np.arange(0)
    mixed: dict[int, Any] = {}
    if preview.plan.pastes:
        for key, positions in (
            ("numeric", numbers),
            ("categorical", categories),
        ):
            origins = _numpy(_origins(preview)[key])
            for k, j in enumerate(positions.tolist()):
                mixed[j] = frame.iloc[:, j].take(origins[:, k]).array
    else:
        for positions, blend in (
            (numbers, _blend_numbers),
            (categories, _blend_categories),
        ):
            for j in positions.tolist():
                column = frame.iloc[:, j]
                mixed[j] = blend(column.take(own), column.take(partner), lam)
    return dict(sorted(mixed.items()))


def _origins(preview: MixPreview) -> Any:
    """Return the row that each value of a pasting plan comes from."""
    # Rows that hold nothing but their own number, mixed as the rows themselves are.
    probes = {
        key: torch.arange(len(value), device=value.device).unsqueeze(1).expand_as(value)
        for key, value in preview.x.items()
    }
    return preview.plan.apply(
        {key: probe.contiguous() for key, probe in probes.items()}
    )


def _blend_numbers(own: Any, partner: Any, share: np.ndarray) -> np.ndarray:
    """Return blended numbers, and text where one of two values is missing."""
    a, b = _floats(own), _floats(partner)
    alone = share == 1.0
    blend = np.where(alone, a, share * a + (1.0 - share) * b)
    half_missing = ~alone & (np.isnan(a) != np.isnan(b))
    if not half_missing.any():
        return blend
    out = blend.astype(object)
    for i in np.flatnonzero(half_missing):
        out[i] = _shares(_name(float(a[i])), _name(float(b[i])), share[i])
    return out


def _blend_categories(own: Any, partner: Any, share: np.ndarray) -> np.ndarray:
    """Return the shares of two categories as text, and one that both have as it is."""
    out = np.empty(len(share), dtype=object)
    pairs = zip(own.tolist(), partner.tolist(), share.tolist(), strict=True)
    for i, (a, b, lam) in enumerate(pairs):
        same = lam == 1.0 or _name(a) == _name(b)
        out[i] = a if same else _shares(_name(a), _name(b), lam)
    return out


def _shares(own: str, partner: str, share: float) -> str:
    return f"{_percent(share)} {own}, {_percent(1.0 - share)} {partner}"


def _percent(share: float) -> str:
    text = f"{100 * share:.0f}"
    if text in ("0", "100") and 0.0 < share < 1.0:
        text = f"{100 * share:.2g}" if share < 0.5 else f"{100 * share:.4g}"
    return f"{text} %"


def _name(value: Any) -> str:
    import pandas as pd

    if pd.isna(value):
        return "missing"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _floats(column: Any) -> np.ndarray:
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan))


def _numpy(t: torch.Tensor) -> np.ndarray:
    return t.detach().cpu().numpy()
