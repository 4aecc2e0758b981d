"""`MixupResampler`: mixed rows as data, for whoever trains on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import validate_data

from sk_mixup.resampling._checks import check_parameters, check_target
from sk_mixup.resampling._draws import MixedRows, count_mixed, draw_rows
from sk_mixup.resampling._tables import append_mixed, as_rows, category_mask

# Places of draws beyond all columns.
_LABELS = 2**40


class MixupResampler(BaseEstimator):
    """Append mixed rows to a table, by imbalanced-learn's `fit_resample`.

    A step for imbalanced-learn's pipelines, which is not needed for anything else. The
    rows given come first and are as they were.

    Numbers are blended. Integers stay integers: a blend is rounded up or down at
    random, so that its expectation is right. Texts, categories, truth values and dates
    are not blended but drawn: the own value with probability lambda, else the
    partner's; so is a number of which one of the two is missing. Types are kept.

    Parameters
    ----------
    alpha : float, default=0.2
        Parameter of the Beta law of lambda, at least 0; 0: no row is mixed. Larger is
        stronger. The own row always has the larger share.
    ratio : float, default=1.0
        Mixed rows per row given, at least 0. With ``focus="minority"`` how far every
        class is brought towards the size of the largest: 1: all the way.
    focus : {"minority"} or None, default=None
        None: any row is mixed with any other. "minority": as SMOTE does, the rows of
        smaller classes are mixed with others of their class, at random and not with
        neighbours alone, until the classes are balanced. A class of one row gets none.
    random_state : int, RandomState instance or None, default=None
        Of partners, lambda, labels, categories and roundings. Two resamplings that
        differ in `alpha` alone have the same partners.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where the columns have names.

    See Also
    --------
    MixupWrapper : Trains on both labels of a mixed row, by their weights.

    Notes
    -----
    Labels are never soft. That of a mixed row is its own with probability lambda, else
    the partner's: in expectation the loss is then the one of mixup. With
    ``focus="minority"`` both are the same. A target of floats that are no whole numbers
    is blended instead.

    Examples
    --------
    >>> import pandas as pd
    >>> from sk_mixup.resampling import MixupResampler
    >>> X = pd.DataFrame({"age": [20.0, 40.0, 60.0], "job": ["cook", "smith", "cook"]})
    >>> resampler = MixupResampler(alpha=1.0, random_state=0)
    >>> X_mixed, y_mixed = resampler.fit_resample(X, ["no", "yes", "no"])
    >>> len(X_mixed), bool(X_mixed["job"].isin(["cook", "smith"]).all())
    (6, True)
    """

    def __init__(
        self,
        alpha: float = 0.2,
        ratio: float = 1.0,
        focus: str | None = None,
        random_state: Any = None,
    ) -> None:
        self.alpha = alpha
        self.ratio = ratio
        self.focus = focus
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> MixupResampler:
        """Check rows and targets; `fit_resample` is what mixes.

        Parameters
        ----------
        X, y :
            As for `fit_resample`.

        Returns
        -------
        self : MixupResampler
        """
        self._checked(X, y)
        return self

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Return the rows, followed by mixed ones.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)

        Returns
        -------
        X : DataFrame, ndarray or sparse matrix of shape (n_all, n_features)
            All are `n_samples` and the mixed ones. A DataFrame has a new index.
            Dataframes other than those of pandas become those of pandas.
        y : Series, DataFrame or ndarray of shape (n_all, ...)

        Raises
        ------
        ValueError, TypeError
            Naming the parameter or column, before anything is mixed.
        """
        rows, blends = self._checked(X, y)
        mixed = draw_rows(self._parts(rows, y), float(self.alpha), self.random_state)
        found = append_mixed(rows, mixed, category_mask(rows, None))
        return found, mixed_target(y, mixed, blends)

    def _checked(self, X: Any, y: Any) -> tuple[Any, bool]:
        """Return the rows, and whether the target is blended."""
        check_parameters(self.alpha, self.ratio, self.random_state)
        name = type(self).__name__
        if self.focus is not None and self.focus != "minority":
            raise ValueError(f"focus must be 'minority' or None; got {self.focus!r}.")
        rows = as_rows(X, name)
        check_target(rows, y, name)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if self.focus is not None and kind not in ("binary", "multiclass"):
            raise ValueError(
                "focus='minority' needs one class per row; y is of the kind"
                f" {kind!r}. Use focus=None."
            )
        validate_data(self, X, skip_check_array=True)
        return rows, kind.startswith("continuous")

    def _parts(self, rows: Any, y: Any) -> list[tuple[NDArray[np.int64], int]]:
        n_rows = rows.shape[0]
        ratio = float(self.ratio)
        if self.focus is None:
            return [(np.arange(n_rows), count_mixed(ratio, n_rows))]
        _, codes, counts = np.unique(
            np.asarray(y).ravel(), return_inverse=True, return_counts=True
        )
        parts = []
        for code, count in enumerate(counts):
            wanted = count_mixed(ratio, int(counts.max() - count))
            own = np.flatnonzero(codes == code)
            if len(own) > 1 and wanted:
                parts.append((own, wanted))
        return parts

    def __sklearn_tags__(self) -> Any:
        """Anything that a table holds can be mixed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        return tags


def mixed_target(y: Any, mixed: MixedRows, blends: bool) -> Any:
    """Return a target followed by that of the mixed rows, each a value of its own kind.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
    mixed : MixedRows
    blends : bool
        Whether the entries are numbers to blend; else one of the two is drawn.
    """
    y = y if hasattr(y, "iloc") else np.asarray(y)
    if not blends:
        rows = np.concatenate([np.arange(len(y)), mixed.chosen(_LABELS)])
        found = _safe_indexing(y, rows)
        return found.reset_index(drop=True) if hasattr(y, "iloc") else found
    numbers = np.asarray(y)
    wanted = numbers.dtype if numbers.dtype == np.float32 else np.float64
    numbers = numbers.astype(wanted, copy=False)
    both = np.concatenate([numbers, mixed.blended(numbers)])
    if not hasattr(y, "iloc"):
        return both
    import pandas as pd

    if both.ndim == 2:
        return pd.DataFrame(both, columns=y.columns)
    return pd.Series(both, name=y.name)
