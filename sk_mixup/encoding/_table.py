"""The encoder of a table: two dense arrays that a net can train on.

It is a plain class and no scikit-learn transformer: it has two outputs of different
dtype, and the estimators that hold it check names and widths already. Everything is
learnt in `fit` and kept as small arrays and dictionaries (no training data), columns
are used by position, and `transform` only looks up.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.exceptions import NotFittedError

from sk_mixup.encoding import _categorical as categories, _numeric as numeric
from sk_mixup.encoding._bins import quantile_edges
from sk_mixup.encoding._categorical import Factor
from sk_mixup.encoding._container import is_frame, take_column
from sk_mixup.encoding._known import KnownNumbers, without_variants
from sk_mixup.encoding._reading import first_text, is_plain, read_numbers
from sk_mixup.encoding._roles import find_categorical, is_text_column
from sk_mixup.encoding._values import FrequentValues, frequent_values, known_numbers

if TYPE_CHECKING:
    import pandas as pd

    from sk_mixup.encoding._counts import TableCounts

    Table = pd.DataFrame | np.ndarray

_SHORT = 64


class EncodedTable(NamedTuple):
    """A table as a net takes it.

    Attributes
    ----------
    numeric : ndarray of shape (n_samples, n_numeric + n_indicators), dtype float32
        Scaled values, missing ones as 0, then the missing indicators.
    categorical : ndarray of shape (n_samples, n_categorical), dtype int64
        Rows of the embedding tables.
    """

    numeric: np.ndarray
    categorical: np.ndarray


class TableEncoder:
    """Encode columns of mixed types as numbers and category codes.

    Number columns are centred at the median, divided by the interquartile range and
    clipped smoothly to (-3, 3). A number that only rounding tells from one that its
    column repeats is encoded as that one, to the bit. A missing value becomes 0, the
    median; each column with missing values in `fit` gets an indicator column of 0 and
    1. Category columns become codes: 0 for missing, 1 for values unseen in `fit` or
    rare there (seen once in a column of more than 100 levels, or beyond the 100 000
    most frequent levels), and from 2 on the other levels in sorted order.

    Parameters
    ----------
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Which columns are categories.

        - "from_dtype": columns of category or text dtype, and object columns with
          any value that is not a number. All columns of an array are numbers.
        - None: no column.
        - boolean array-like of shape (n_features,): a mask.
        - integer array-like: positions.
        - str array-like: names; `X` must be a DataFrame.
    n_bins : int, default=48
        Largest number of bins per column in `bin_edges_`.
    seed : int, default=0
        Seeds the choice of 200 000 rows on which quantiles are found; tables up to this
        length are used whole.

    Attributes
    ----------
    n_features_ : int
        Columns of the fitted table.
    column_names_ : list of str
        What messages call the columns.
    numeric_columns_, categorical_columns_ : ndarray of int
        Positions of the columns of each kind.
    indicator_columns_ : ndarray of int
        Positions of the columns that have a missing indicator.
    n_numeric_ : int
        Number columns, indicators not counted.
    n_levels_ : list of int
        Rows of each categorical column's embedding, the two reserved ones included.
    level_counts_ : list of ndarray of shape (n_levels,), dtype int64
        Training rows per code.
    bin_edges_ : list of ndarray, dtype float32
        For each number column strictly increasing quantiles of the encoded training
        values, between 2 and ``n_bins + 1``.
    frequent_values_ : list of FrequentValues
        For each number column the encoded values that it repeats, if they tell it.

    Examples
    --------
    >>> import pandas as pd
    >>> from sk_mixup.encoding import TableEncoder
    >>> X = pd.DataFrame(
    ...     {"age": [30, 40, 50, None], "job": ["cook", "smith", None, ""]}
    ... )
    >>> encoder = TableEncoder().fit(X)
    >>> encoder.transform(X).numeric.round(2)
    array([[-0.95,  0.  ],
           [ 0.  ,  0.  ],
           [ 0.95,  0.  ],
           [ 0.  ,  1.  ]], dtype=float32)
    >>> encoder.transform(X).categorical.ravel(), encoder.n_levels_
    (array([3, 4, 0, 2]), [5])
    """

    n_features_: int
    column_names_: list[str]
    numeric_columns_: np.ndarray
    categorical_columns_: np.ndarray
    indicator_columns_: np.ndarray
    n_numeric_: int
    n_levels_: list[int]
    level_counts_: list[np.ndarray]
    bin_edges_: list[np.ndarray]
    frequent_values_: list[FrequentValues]

    _labels: Sequence[str]
    _scale: numeric.RobustScale
    _indicators: np.ndarray
    _levels: list[categories.Levels]
    # A pickle of an earlier version has none, and goes on to know its values exactly.
    _known: Mapping[int, KnownNumbers] = MappingProxyType({})

    def __init__(
        self,
        categorical_features: Any = "from_dtype",
        *,
        n_bins: int = 48,
        seed: int = 0,
    ) -> None:
        self.categorical_features = categorical_features
        self.n_bins = n_bins
        self.seed = seed

    def fit(self, X: Table, y: Any = None) -> TableEncoder:
        """Learn roles, scales and levels.

        Parameters
        ----------
        X : pandas.DataFrame or ndarray of shape (n_samples, n_features)
            A table as :func:`as_table` returns it.
        y : None
            Ignored.

        Returns
        -------
        self : TableEncoder

        Raises
        ------
        ValueError
            For infinite values, text in a number column, dates, complex numbers, or
            `categorical_features` that do not fit `X`.
        TypeError
            For values that are neither numbers nor possible categories.
        """
        self._learn(X)
        return self

    def fit_counted(self, sample: Table, counts: TableCounts) -> TableEncoder:
        """Learn from some rows, and from what all rows were found to hold.

        Parameters
        ----------
        sample : pandas.DataFrame of shape (n_samples, n_features)
            Numbers are scaled by these rows.
        counts : TableCounts
            Of all rows.

        Returns
        -------
        self : TableEncoder
        """
        self._learn(sample, counts)
        return self

    def transform(self, X: Table) -> EncodedTable:
        """Encode a table with what `fit` learnt.

        Parameters
        ----------
        X : pandas.DataFrame or ndarray of shape (n_samples, n_features)
            A table with the columns of `fit` in the same order. Dtypes may differ.

        Returns
        -------
        encoded : EncodedTable

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        ValueError
            If the number of columns differs, or as in `fit`.
        TypeError
            As in `fit`.
        """
        if not hasattr(self, "n_features_"):
            raise NotFittedError(
                "This TableEncoder is not fitted yet. Call fit before transform."
            )
        if X.ndim != 2 or X.shape[1] != self.n_features_:
            raise ValueError(
                f"X has shape {X.shape}, but TableEncoder is expecting"
                f" {self.n_features_} features as input."
            )
        if len(X) <= _SHORT and not _holds_times(X):
            return self._transform_short(categories.short_rows(X))
        return self._encode(
            self._read_numeric(X, fitting=False), self._read_categorical(X)
        )

    def fit_transform(self, X: Table, y: Any = None) -> EncodedTable:
        """Fit and encode `X`, reading each column only once.

        Parameters
        ----------
        X : pandas.DataFrame or ndarray of shape (n_samples, n_features)
            A table as :func:`as_table` returns it.
        y : None
            Ignored.

        Returns
        -------
        encoded : EncodedTable
        """
        return self._encode(*self._learn(X))

    def _learn(
        self, X: Table, counts: TableCounts | None = None
    ) -> tuple[list[np.ndarray], list[Factor]]:
        n_bins = self._checked_n_bins()
        names, labels = _names_and_labels(X)
        is_categorical = find_categorical(X, self.categorical_features, labels)

        # A failed fit leaves the encoder as it was: nothing is stored before the end.
        learner = TableEncoder(self.categorical_features, n_bins=n_bins, seed=self.seed)
        learner.n_features_ = X.shape[1]
        learner.column_names_ = names
        learner._labels = labels
        learner.numeric_columns_ = np.flatnonzero(~is_categorical)
        learner.categorical_columns_ = np.flatnonzero(is_categorical)
        columns = learner._read_numeric(X, fitting=True)
        learner._learn_numeric(columns, len(X), counts)
        factors = learner._read_categorical(X) if counts is None else counts.factors()
        learner._learn_categorical(X, factors, counts)
        vars(self).update(vars(learner))
        return columns, factors

    def _learn_numeric(
        self, columns: list[np.ndarray], n_rows: int, counts: TableCounts | None
    ) -> None:
        """Learn scales, indicators and bins from one sorted sample per column."""
        rows = None
        if n_rows > numeric.SAMPLE_ROWS:
            rng = np.random.default_rng(self.seed)
            rows = rng.choice(n_rows, numeric.SAMPLE_ROWS, replace=False, shuffle=False)
        labels = [self._labels[j] for j in self.numeric_columns_]
        if counts is None:
            low, high, has_missing = numeric.find_ranges(columns)
        else:
            low, high, has_missing = counts.low, counts.high, counts.has_missing
            if counts.n_rows > n_rows:
                rows = np.arange(n_rows)
        infinite = np.isinf(low) | np.isinf(high)
        if infinite.any():
            numeric.raise_infinite([labels[j] for j in np.flatnonzero(infinite)])
        samples = [
            numeric.sorted_sample(column, rows, low[j], high[j], has_missing[j])
            for j, column in enumerate(columns)
        ]
        fitted = [numeric.fit_column(sample) for sample in samples]
        self._scale = numeric.RobustScale(
            center=np.array([center for center, _, _ in fitted], dtype=np.float64),
            scale=np.array([scale for _, scale, _ in fitted], dtype=np.float64),
            constant=np.array([constant for _, _, constant in fitted], dtype=bool),
        )
        self._indicators = np.flatnonzero(has_missing)
        self.indicator_columns_ = self.numeric_columns_[self._indicators]
        self.n_numeric_ = len(columns)
        samples = [without_variants(sample) for sample in samples]
        encoded = [
            self._scale.apply_to_column(sample, j) for j, sample in enumerate(samples)
        ]
        self.bin_edges_ = [quantile_edges(column, self.n_bins) for column in encoded]
        self.frequent_values_ = [frequent_values(column) for column in encoded]
        self._known = {
            j: known_numbers(samples[j], encoded[j], found)
            for j, found in enumerate(self.frequent_values_)
            if len(found.values)
        }

    def _learn_categorical(
        self, X: Table, factors: list[Factor], counts: TableCounts | None
    ) -> None:
        from_dtype = isinstance(self.categorical_features, str)
        for j, factor in zip(self.categorical_columns_, factors, strict=True):
            if from_dtype and is_text_column(take_column(X, j)):
                categories.warn_if_numbers(
                    factor, self._labels[j], self.column_names_[j]
                )
        if counts is None:
            self._levels = [categories.learn_levels(factor) for factor in factors]
        else:
            self._levels = counts.levels()
        self.level_counts_ = [levels.counts for levels in self._levels]
        self.n_levels_ = [len(counts) for counts in self.level_counts_]

    def _read_numeric(self, X: Table, *, fitting: bool) -> list[np.ndarray]:
        if isinstance(X, np.ndarray) and is_plain(X.dtype):
            return [X[:, j] for j in self.numeric_columns_]
        try:
            return [
                read_numbers(
                    take_column(X, j),
                    self._labels[j],
                    remedy=self._remedy([int(j)], is_frame(X), fitting=fitting),
                )
                for j in self.numeric_columns_
            ]
        except ValueError:
            self._refuse_texts(X, fitting=fitting)
            raise

    def _refuse_texts(self, X: Table, *, fitting: bool) -> None:
        """Raise for all number columns that hold text, if there are several."""
        columns = {j: take_column(X, j) for j in self.numeric_columns_.tolist()}
        found = {j: first_text(column) for j, column in columns.items()}
        texts = {j: text for j, text in found.items() if text is not None}
        if len(texts) < 2:
            return
        shown = [f"{self._labels[j]} ({text!r})" for j, text in texts.items()]
        remedy = self._remedy(list(texts), is_frame(X), fitting=fitting)
        raise ValueError(
            f"Found text in {len(texts)} columns, which must hold numbers:"
            f" {', '.join(shown)}. {remedy}"
        )

    def _read_categorical(self, X: Table) -> list[Factor]:
        return [
            categories.factorize(take_column(X, j), self._labels[j])
            for j in self.categorical_columns_
        ]

    def _encode(self, columns: list[np.ndarray], factors: list[Factor]) -> EncodedTable:
        n_rows = len(columns[0]) if columns else len(factors[0].positions)
        codes = (
            categories.encode_levels(factors, self._levels)
            if factors
            else np.empty((n_rows, 0), dtype=np.int64)
        )
        return EncodedTable(self._encode_numbers(columns, n_rows), codes)

    def _encode_numbers(self, columns: list[np.ndarray], n_rows: int) -> np.ndarray:
        if not columns:
            return np.empty((n_rows, 0), dtype=np.float32)
        labels = [self._labels[j] for j in self.numeric_columns_]
        return numeric.encode_numbers(
            columns, self._scale, self._indicators, labels, self._known
        )

    def _transform_short(self, rows: np.ndarray) -> EncodedTable:
        """Encode a few rows without the fixed costs of pandas."""
        columns = self._read_numeric(rows, fitting=False)
        codes = np.empty((len(rows), len(self._levels)), dtype=np.int64)
        for k, j in enumerate(self.categorical_columns_):
            values = rows[:, j].tolist()
            codes[:, k] = categories.look_up(values, self._levels[k], self._labels[j])
        return EncodedTable(self._encode_numbers(columns, len(rows)), codes)

    def _remedy(self, positions: list[int], from_frame: bool, *, fitting: bool) -> str:
        """Say what to do about text in number columns."""
        one = len(positions) == 1
        if not fitting:
            if one:
                return "It held numbers in fit; convert it in the same way as there."
            return "They held numbers in fit; convert them in the same way as there."
        what = "the column holds" if one else "they hold"
        it = "it" if one else "each"
        holds = "it holds" if one else "they hold"
        if not from_frame:
            # With those that were said already, so that the list can be copied.
            known = sorted({*positions, *self.categorical_columns_.tolist()})
            return (
                f"If {what} categories, say categorical_features={known}"
                f" or pass a DataFrame; if {holds} numbers, convert {it} with"
                f" numpy.asarray(column, dtype=float)."
            )
        names = [self.column_names_[j] for j in positions]
        listed = ", ".join(map(repr, names))
        return (
            f"If {what} categories, add {listed} to categorical_features or"
            f" set it to 'from_dtype'; if {holds} numbers, convert {it} with"
            f' pd.to_numeric(X[{names[0]!r}], errors="coerce").'
        )

    def _checked_n_bins(self) -> int:
        n_bins = self.n_bins
        if not isinstance(n_bins, numbers.Integral) or isinstance(n_bins, bool):
            raise TypeError(
                f"n_bins must be an int of at least 1; got {n_bins!r} of type"
                f" {type(n_bins).__name__}."
            )
        if n_bins < 1:
            raise ValueError(f"n_bins must be an int of at least 1; got {n_bins}.")
        return int(n_bins)


def _holds_times(X: Table) -> bool:
    # Their Python values depend on the unit; pandas makes them comparable.
    return not is_frame(X) and X.dtype.kind in "mM"


def _names_and_labels(X: Table) -> tuple[list[str], Sequence[str]]:
    """Return the names of the columns and what messages call them."""
    if is_frame(X):
        names = [str(name) for name in X.columns]
        return names, [f"column {name!r}" for name in names]
    names = [f"column {position}" for position in range(X.shape[1])]
    return names, names
