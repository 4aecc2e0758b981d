"""Categories: codes learnt in fit, looked up at predict.

Codes belong to values, never to the dtype that happens to carry them: a category dtype
with another order, text, or polars give the same codes, and so do 1 and 1.0, because
one missing value turns a column of integers into floats. Python's own equality decides
(``1 == 1.0 == True``, ``"1" != 1``), through one dictionary per column; of a value that
equals no level, `_alike` may know which it is.

Two codes are reserved, so that the embedding table has a row for each from the start:
0 for missing values and 1 for values that fit did not see. Where a column has many
levels, those seen once share row 1. This trains the row for unseen values on values
that are just as rare, and keeps identifiers from filling the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from sk_mixup.encoding._alike import Alike, find_alike
from sk_mixup.encoding._container import is_frame
from sk_mixup.encoding._known import one_of_each
from sk_mixup.exceptions import warn_caller

MISSING = 0
UNSEEN = 1
N_RESERVED = 2

MAX_LEVELS = 100_000
"""No more than this number of levels per column have a code of their own."""

_RARE_FROM = 100
_DIRTY_LEVELS = 50
_DIRTY_SHARE = 0.95
_DIRTY_LOOK = 5_000


class Factor(NamedTuple):
    """A column as positions into its distinct values; -1 where it is missing."""

    positions: np.ndarray
    values: list[Any]


class Levels(NamedTuple):
    """What fit learnt about a categorical column.

    Attributes
    ----------
    codes : dict
        Code of each known value.
    counts : ndarray of shape (n_levels,), dtype int64
        Training rows per code, the reserved ones included.
    alike : Alike or None
        Levels by the numbers that they are.
    """

    codes: dict[Any, int]
    counts: np.ndarray
    alike: Alike | None = None

    def find(self, value: Any) -> int | None:
        """Return the code of a value; None where it is no level."""
        code = self.codes.get(value)
        if code is None and self.alike is not None:
            return self.alike.find(value)
        return code


def factorize(column: Any, label: str) -> Factor:
    """Split a column into distinct values and positions.

    Parameters
    ----------
    column : Series or ndarray of shape (n_rows,)
        Any dtype with hashable values.
    label : str
        What messages call the column.

    Raises
    ------
    TypeError
        For values that cannot be hashed (lists, dicts, arrays).
    """
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return Factor(column.cat.codes.to_numpy(), column.cat.categories.tolist())
    if isinstance(column.dtype, pd.SparseDtype):
        column = column.sparse.to_dense()
    if isinstance(column.dtype, np.dtype):
        if column.dtype.kind in "USVT":
            column = column.astype(object)
        elif not column.dtype.isnative:
            column = column.astype(column.dtype.newbyteorder("="))
        if column.dtype.kind == "f" and column.dtype.itemsize not in (4, 8):
            # pandas hashes neither half nor extended precision.
            column = column.astype(np.float64)
    try:
        positions, values = pd.factorize(column)
    except (TypeError, NotImplementedError):
        # Arrow columns of lists end here as well as object columns.
        check_hashable(column.tolist(), label)
        raise
    if isinstance(values, np.ndarray) and values.dtype.kind in "mM":
        # NumPy's own tolist makes bare integers of times.
        values = pd.Index(values)
    return Factor(positions, values.tolist())


def learn_levels(factor: Factor) -> Levels:
    """Give every level a code, the rare ones the code for unseen values.

    Levels are sorted, so that codes do not depend on the order of the rows; where they
    do not compare with each other the order of appearance stands.
    """
    n_missing, counts = count(factor)
    totals: dict[Any, int] = {}
    for value, n_rows in zip(factor.values, counts.tolist(), strict=True):
        if n_rows:
            totals[value] = totals.get(value, 0) + n_rows
    return levels_of(totals, n_missing)


def levels_of(totals: dict[Any, int], n_missing: int) -> Levels:
    """Return the levels of a column; as `learn_levels`.

    Parameters
    ----------
    totals : dict
        How often each value occurs.
    n_missing : int
        How often none does.
    """
    totals = _joined(totals)
    keys = _sorted_if_possible(totals)
    if len(keys) > _RARE_FROM:
        keys = [key for key in keys if totals[key] > 1]
    if len(keys) > MAX_LEVELS:
        frequent = sorted(keys, key=totals.__getitem__, reverse=True)[:MAX_LEVELS]
        chosen = set(frequent)
        keys = [key for key in keys if key in chosen]
    own = [totals[key] for key in keys]
    n_rare = sum(totals.values()) - sum(own)
    codes = {key: code for code, key in enumerate(keys, start=N_RESERVED)}
    return Levels(
        codes=codes,
        counts=np.array([n_missing, n_rare, *own], dtype=np.int64),
        alike=find_alike(totals, codes),
    )


def code_table(factor: Factor, levels: Levels) -> np.ndarray:
    """Return the code of each distinct value, and last the one for position -1."""
    found = map(levels.find, factor.values)
    codes = [UNSEEN if code is None else code for code in found]
    return np.array([*codes, MISSING], dtype=np.int64)


def look_up(values: Iterable[Any], levels: Levels, label: str) -> list[int]:
    """Return the codes of a few Python values, faster than pandas can start."""
    codes = []
    for value in values:
        try:
            code = levels.find(value)
        except TypeError:
            check_hashable([value], label)
            raise
        if code is None:
            code = MISSING if _is_missing(value) else UNSEEN
        codes.append(code)
    return codes


def encode_levels(factors: list[Factor], levels: list[Levels]) -> np.ndarray:
    """Return the codes, of shape (n_rows, n_categorical), dtype int64."""
    tables = [code_table(f, known) for f, known in zip(factors, levels, strict=True)]
    n_rows = len(factors[0].positions)
    out = np.empty((n_rows, len(factors)), dtype=np.int64)
    # In blocks, since writing one strided column after the other would move the whole
    # output through the cache once per column.
    for start in range(0, n_rows, 8192):
        rows = slice(start, start + 8192)
        for j, (factor, table) in enumerate(zip(factors, tables, strict=True)):
            # Position -1 is missing and takes the last entry.
            out[rows, j] = table[factor.positions[rows]]
    return out


def warn_if_numbers(factor: Factor, label: str, name: str) -> None:
    """Warn about a text column that holds numbers but for a few dirty entries.

    Text with leading zeros (postcodes, telephone numbers) does not count as a number.
    """
    import pandas as pd

    texts = [value for value in factor.values[:_DIRTY_LOOK] if isinstance(value, str)]
    if len(factor.values) <= _DIRTY_LEVELS or len(texts) <= _DIRTY_LEVELS:
        return
    texts = [text for text in texts if not _has_leading_zero(text)]
    numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").notna()
    seen = min(len(factor.values), _DIRTY_LOOK)
    if numbers.sum() < _DIRTY_SHARE * seen:
        return
    dirty = [
        text for text, is_number in zip(texts, numbers, strict=True) if not is_number
    ]
    example = f" (all but values such as {dirty[0]!r})" if dirty else ""
    warn_caller(
        f"X holds numbers as text in {label}{example}: {len(factor.values)} levels"
        " will be encoded as unordered categories. If they are numbers, convert them"
        f' first: X[{name!r}] = pd.to_numeric(X[{name!r}], errors="coerce").'
    )


def check_hashable(values: Iterable[Any], label: str) -> None:
    """Raise the error for the first value that cannot be a category."""
    for value in values:
        try:
            hash(value)
        except TypeError:
            raise TypeError(
                f"Cannot read {label} as categories: each argument must be a string or"
                f" a number, not {type(value).__name__!r} (value {value!r}). Turn such"
                " values into text or into columns of their own, or drop the column."
            ) from None


def short_rows(X: Any) -> np.ndarray:
    """Return a short table as one array; a frame is converted only once."""
    return X.to_numpy(dtype=object) if is_frame(X) else X


def count(factor: Factor) -> tuple[int, np.ndarray]:
    """Return the number of missing rows, and of rows per distinct value."""
    shifted = factor.positions.astype(np.int64) + 1
    counts = np.bincount(shifted, minlength=len(factor.values) + 1)
    return int(counts[0]), counts[1:]


def _joined(totals: dict[Any, int]) -> dict[Any, int]:
    """Count floats that only rounding tells apart as one."""
    floats = sorted(
        value for value in totals if isinstance(value, float) and np.isfinite(value)
    )
    if len(floats) < 3:
        return totals
    values = np.array(floats)
    meant = one_of_each(values, np.array([totals[value] for value in floats]))
    joined = dict(totals)
    for j in np.flatnonzero(meant != values):
        joined[float(meant[j])] += joined.pop(floats[j])
    return joined


def _sorted_if_possible(values: Iterable[Any]) -> list[Any]:
    keys = list(values)
    try:
        return sorted(keys)
    except TypeError:
        return keys


def _has_leading_zero(text: str) -> bool:
    digits = text.lstrip(" +-")
    return len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()


def _is_missing(value: Any) -> bool:
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT:
        return True
    # Arrays are unhashable and did not come so far; everything else has one answer.
    return bool(pd.isna(value))
