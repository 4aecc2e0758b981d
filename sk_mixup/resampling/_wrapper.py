"""`MixupWrapper`: any estimator that takes weights, trained on mixed rows too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import _safe_indexing, check_array, check_random_state, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from sk_mixup.resampling._checks import check_parameters, check_target
from sk_mixup.resampling._draws import MixedRows, count_mixed, draw_rows
from sk_mixup.resampling._tables import append_mixed, as_rows, category_mask
from sk_mixup.resampling._weights import passed_weights, weight_keyword


def _has(name: str) -> Callable[[Any], bool]:
    """Return what asks whether the wrapped estimator has a method."""

    def check(self: MixupWrapper) -> bool:
        # Its own AttributeError says why there is none.
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class MixupWrapper(MetaEstimatorMixin, BaseEstimator):
    """Train a classifier or regressor on its rows and on mixed ones.

    Mixup without a net: for linear models, trees and whatever else takes weights of
    rows. A mixed row of a classifier is two rows of equal columns, one with either
    label, of weights lambda and 1 - lambda: for losses such as the cross-entropy, the
    loss of mixup. That of a regressor has the blended target.

    Columns are mixed as `MixupResampler` does it: numbers blend (integers by a random
    rounding), everything else is drawn by lambda, types are kept. Columns that the
    estimator's own `categorical_features` names are drawn as well. At predict time
    nothing is mixed and nothing is slower.

    Parameters
    ----------
    estimator : classifier or regressor
        Its `fit` must take `sample_weight`; that of a pipeline's last step must. Fits
        are made with clones.
    alpha : float, default=0.2
        Parameter of the Beta law of lambda, at least 0; 0: no row is mixed, and the fit
        is that of `estimator` alone. Larger is stronger.
    ratio : float, default=1.0
        Mixed rows per row, at least 0.
    random_state : int, RandomState instance or None, default=None
        Of all that is drawn for mixing. If it is given, every `random_state` inside the
        estimator that is None is seeded from it. Two fits that differ in `alpha` alone
        have the same partners.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone. `feature_importances_`, `coef_` and so on are found there.
    classes_ : ndarray of shape (n_classes,)
        Of classifiers.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Where the columns have names.

    See Also
    --------
    MixupResampler : Mixed rows as data, for estimators that take no weights.
    sk_mixup.MixupClassifier : A net, which sees every batch mixed anew.

    Notes
    -----
    A classifier is trained on ``1 + 2 * ratio`` times as many rows. Weights are not
    scaled: together they are ``1 + ratio`` times what they were, so that a penalty such
    as that of ``LogisticRegression(C=1.0)`` weighs less beside them.

    An estimator that holds rows out by itself, as histogram gradient boosting does to
    stop early, holds out mixed rows too: what it finds there is no measure of new rows.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sk_mixup.resampling import MixupWrapper
    >>> X, y = load_wine(return_X_y=True)
    >>> model = MixupWrapper(
    ...     make_pipeline(StandardScaler(), LogisticRegression()), random_state=0
    ... )
    >>> search = GridSearchCV(model, {"alpha": [0, 0.2, 1.0]}, cv=3).fit(X, y)
    >>> bool(search.best_score_ > 0.95)
    True
    """

    def __init__(
        self,
        estimator: Any,
        *,
        alpha: float = 0.2,
        ratio: float = 1.0,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.alpha = alpha
        self.ratio = ratio
        self.random_state = random_state

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any
    ) -> MixupWrapper:
        """Fit a clone of the estimator on the rows and on mixed ones.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,) or None
            At least 0. The label of a mixed row has the weight of the row that it came
            from; rows of weight 0 are not mixed.
        **fit_params : object
            Passed to the estimator's `fit` as they are, and so must not have an entry
            per row.

        Returns
        -------
        self : MixupWrapper

        Raises
        ------
        TypeError, ValueError
            Naming the parameter or column, before anything is trained.
        """
        name = type(self).__name__
        check_parameters(self.alpha, self.ratio, self.random_state)
        blends = _is_regressor(self.estimator, name)
        rows = as_rows(X, name)
        check_target(rows, y, name)
        if blends:
            y = check_array(y, ensure_2d=False, dtype="numeric", input_name="y")
        weights = None
        if sample_weight is not None:
            weights = _checked_weights(sample_weight, rows)
        is_category = category_mask(
            rows, getattr(self.estimator, "categorical_features", None)
        )
        validate_data(self, X, skip_check_array=True)
        random = check_random_state(self.random_state)
        mixed = self._draw(rows.shape[0], weights, random)
        fitted = clone(self.estimator)
        if self.random_state is not None:
            _seed(fitted, random)
        if len(mixed):
            X, y, weights = _with_mixed(rows, y, weights, mixed, is_category, blends)
        else:
            X = rows
        if weights is not None:
            fit_params |= passed_weights(fitted, weights)
        self.estimator_ = fitted.fit(X, y, **fit_params)
        return self

    def _draw(
        self, n_rows: int, weights: NDArray[Any] | None, random: Any
    ) -> MixedRows:
        rows = np.arange(n_rows)
        if weights is not None:
            rows = np.flatnonzero(weights > 0)
        n_mixed = count_mixed(float(self.ratio), len(rows))
        return draw_rows([(rows, n_mixed)], float(self.alpha), random)

    # -- predict ----------------------------------------------------------------------

    def _asked(self, X: Any) -> Any:
        """Return rows that the fitted estimator can be asked about."""
        check_is_fitted(self)
        rows = as_rows(X, type(self).__name__)
        validate_data(self, rows, skip_check_array=True, reset=False)
        return rows

    @available_if(_has("predict"))
    def predict(self, X: Any, **params: Any) -> Any:
        """Return what the fitted estimator predicts.

        Parameters
        ----------
        X : like in `fit`
        **params : object
            Passed on.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        rows = self._asked(X)
        return self.estimator_.predict(rows, **params)

    @available_if(_has("predict_proba"))
    def predict_proba(self, X: Any, **params: Any) -> Any:
        """Return the fitted estimator's probabilities.

        Parameters
        ----------
        X : like in `fit`
        **params : object
            Passed on.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes), or list of such
        """
        rows = self._asked(X)
        return self.estimator_.predict_proba(rows, **params)

    @available_if(_has("predict_log_proba"))
    def predict_log_proba(self, X: Any, **params: Any) -> Any:
        """Return the logarithms of the fitted estimator's probabilities.

        Parameters
        ----------
        X : like in `fit`
        **params : object
            Passed on.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes), or list of such
        """
        rows = self._asked(X)
        return self.estimator_.predict_log_proba(rows, **params)

    @available_if(_has("decision_function"))
    def decision_function(self, X: Any, **params: Any) -> Any:
        """Return the fitted estimator's decision values.

        Parameters
        ----------
        X : like in `fit`
        **params : object
            Passed on.

        Returns
        -------
        values : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        rows = self._asked(X)
        return self.estimator_.decision_function(rows, **params)

    @available_if(_has("score"))
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the fitted estimator's own score.

        Parameters
        ----------
        X, y : like in `fit`
        sample_weight : array-like of shape (n_samples,) or None

        Returns
        -------
        score : float
        """
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        rows = self._asked(X)
        return float(self.estimator_.score(rows, y, **given))

    @property
    def classes_(self) -> Any:
        """The fitted estimator's classes."""
        return self.estimator_.classes_

    def __sklearn_is_fitted__(self) -> bool:
        """Whether `fit` has succeeded."""
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self) -> Any:
        """Return those of the estimator: what it takes and is, the wrapper does."""
        if not hasattr(self.estimator, "__sklearn_tags__") or isinstance(
            self.estimator, type
        ):
            return super().__sklearn_tags__()
        tags = get_tags(self.estimator)
        tags.array_api_support = False
        return tags


def _is_regressor(estimator: Any, name: str) -> bool:
    """Tell regressors from classifiers.

    Raises
    ------
    TypeError, ValueError
        For anything else, or one that cannot be trained on mixed rows.
    """
    wanted = "a scikit-learn classifier or regressor whose fit takes sample_weight"
    if isinstance(estimator, type):
        raise TypeError(
            f"estimator must be {wanted}; got the class {estimator.__name__}. Pass an"
            f" instance: {name}({estimator.__name__}())."
        )
    if not hasattr(estimator, "fit") or not hasattr(estimator, "get_params"):
        raise TypeError(
            f"estimator must be {wanted}; got {estimator!r} of type"
            f" {type(estimator).__name__}."
        )
    tags, own = get_tags(estimator), type(estimator).__name__
    if tags.estimator_type not in ("classifier", "regressor"):
        kind = "none of the two" if tags.estimator_type is None else tags.estimator_type
        raise TypeError(f"estimator must be {wanted}; {own} is {kind}.")
    if tags.input_tags.pairwise:
        raise ValueError(
            f"estimator must take rows of columns to mix; {own} takes similarities or"
            " distances of pairs of rows (kernel or metric 'precomputed')."
        )
    if weight_keyword(estimator) is None:
        remedy = "Use MixupResampler, whose mixed rows have one label and no weights"
        if hasattr(estimator, "cv"):
            remedy = f"Put {name} inside: {own}({name}(...), ...)"
        raise TypeError(
            f"estimator must be {wanted}; that of {own} does not. {remedy}."
        )
    return bool(tags.estimator_type == "regressor")


def _seed(estimator: Any, random: Any) -> None:
    """Seed what nobody has seeded, so that equal seeds give equal fits."""
    params = estimator.get_params()
    names = [name for name in sorted(params) if name.split("__")[-1] == "random_state"]
    seeds = {name: random.randint(2**31 - 1) for name in names if params[name] is None}
    if seeds:
        estimator.set_params(**seeds)


def _checked_weights(sample_weight: Any, rows: Any) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = _check_sample_weight(
        sample_weight, rows, dtype=np.float64, ensure_non_negative=True
    )
    if not (weights > 0).any():
        raise ValueError("sample_weight must have a positive entry; all are 0.")
    return weights


def _with_mixed(
    rows: Any,
    y: Any,
    weights: NDArray[Any] | None,
    mixed: MixedRows,
    is_category: NDArray[np.bool_],
    blends: bool,
) -> tuple[Any, Any, NDArray[Any]]:
    """Return rows, targets and weights: those given, then the mixed ones."""
    n_rows, n_mixed = rows.shape[0], len(mixed)
    clean = np.ones(n_rows) if weights is None else weights
    own = mixed.lam * clean[mixed.own]
    partner = (1.0 - mixed.lam) * clean[mixed.partner]
    X = append_mixed(rows, mixed, is_category)
    if blends:
        numbers = y if y.dtype == np.float32 else y.astype(np.float64)
        y = np.concatenate([numbers, mixed.blended(numbers)])
        return X, y, np.concatenate([clean, own + partner])
    # Once more, with the other label; a row that has nothing of its partner has none.
    shares = np.flatnonzero(partner > 0)
    again = np.concatenate([np.arange(n_rows + n_mixed), n_rows + shares])
    labels = np.concatenate([np.arange(n_rows), mixed.own, mixed.partner[shares]])
    y = y if hasattr(y, "iloc") else np.asarray(y)
    weights = np.concatenate([clean, own, partner[shares]])
    return _taken(X, again), _taken(y, labels), weights


def _taken(values: Any, rows: NDArray[np.int64]) -> Any:
    found = _safe_indexing(values, rows)
    return found.reset_index(drop=True) if hasattr(found, "iloc") else found
