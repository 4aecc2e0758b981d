"""The part of a search that trains candidates and folds together.

`BaseSearchCV.fit` of scikit-learn does the search, and is met twice on its way. Where
it has read the metadata, the estimator is replaced by a substitute; where it is about
to evaluate candidates, they are trained, and handed out as the substitute's clones.
"""

from __future__ import annotations

import inspect
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.model_selection import check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted, indexable

from sk_mixup.inputs import refuse_uncountable
from sk_mixup.model_selection._elsewhere import renew_workers
from sk_mixup.model_selection._halving import check_halving
from sk_mixup.model_selection._out_of_fold import check_predictable
from sk_mixup.model_selection._paired import paired_differences
from sk_mixup.model_selection._results import results_frame, results_html
from sk_mixup.model_selection._scoring import OWN_SCORERS, with_own_scorers
from sk_mixup.model_selection._sweep import Sweep
from sk_mixup.model_selection._training import check_memory_limit
from sk_mixup.training import own_mode

# Later versions of scikit-learn tell what they have made of `cv`.
_KEEPS_CV = "_checked_cv_orig" in inspect.unwrap(BaseSearchCV.fit).__code__.co_names

#: Checks of the parameters that scikit-learn's searches do not have.
OWN_CONSTRAINTS: dict[str, Any] = {
    "scoring": [
        StrOptions(set(OWN_SCORERS)),
        *BaseSearchCV._parameter_constraints["scoring"],
    ],
    "ensemble": [StrOptions({"mean", "greedy"}), None],
    "halving": "no_validation",
    "memory_limit": "no_validation",
    "checkpoint": "no_validation",
    "store_oof": ["boolean"],
}


if TYPE_CHECKING:
    from sklearn.model_selection._search import BaseSearchCV as _Base
else:
    # At run time the mixin stands before one of two searches.
    _Base = object


class TogetherMixin(_Base):
    """Stands before one of scikit-learn's searches in the bases of a class."""

    # What the search has and the mixin reads.
    estimator: Any
    scoring: Any
    refit: Any
    verbose: int
    cv: Any
    n_splits_: int
    cv_results_: dict[str, Any]
    ensemble: str | None
    halving: Any
    store_oof: bool
    memory_limit: int | None
    checkpoint: Any

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Train all candidates on all folds, then the best of them on all rows.

        Parameters
        ----------
        X, y : as for the estimator
        **params : dict of str -> object
            For the estimator's `fit`, the scorer and the splitter (`groups`), as in
            `GridSearchCV`.

        Returns
        -------
        self : search
        """
        refuse_uncountable(X, type(self).__name__)
        halving = check_halving(self.halving)
        check_memory_limit(self.memory_limit)
        self._check_ensemble(y)
        X, y = indexable(X, y)
        sweep = Sweep(self, X, y, halving)
        self._sweep, cv = sweep, self.cv
        try:
            if not _KEEPS_CV:
                # An iterable of folds is read once, here and by scikit-learn.
                self.cv = check_cv(cv, y, classifier=is_classifier(self.estimator))
            with own_mode():
                super().fit(X, y, **params)
            sweep.settle()
            return self
        finally:
            del self._sweep
            self.estimator, self.cv = sweep.given, cv

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what a search remembers while it runs: fits are sent with it."""
        state: dict[str, Any] = super().__getstate__()
        return {key: value for key, value in state.items() if key != "_sweep"}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `best_estimator_` to a file that holds no code.

        `sk_mixup.load` returns that estimator; the results of the search are not
        stored. See `MixupClassifier.save`.

        Parameters
        ----------
        path : path-like
        """
        from sk_mixup.saving import save

        check_is_fitted(self, "best_estimator_")
        save(self, path)

    @property
    def paired_differences_(self) -> dict[str, Any]:
        """Mean differences of test scores to the best candidate, with errors."""
        check_is_fitted(self)
        best = getattr(self, "best_index_", None)
        return paired_differences(self.cv_results_, self.n_splits_, best)

    def results_frame(self) -> pd.DataFrame:
        """Return what was found as a table, a row per candidate, the best first.

        Columns are the parameters, and of every metric the mean test score, its
        standard error over the folds, the difference to the best candidate and the
        standard error of that (see `paired_differences_`); "fit_time" is the mean per
        fit.

        Returns
        -------
        frame : DataFrame
            Its index is the place in `cv_results_`.
        """
        check_is_fitted(self)
        best = getattr(self, "best_index_", None)
        return results_frame(self.cv_results_, self.n_splits_, best)

    def _repr_html_inner(self) -> str:
        # What scikit-learn's `_repr_html_` returns.
        return self._repr_mimebundle_()["text/html"]

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Show the table below scikit-learn's diagram."""
        shown: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        if "text/html" in shown and hasattr(self, "cv_results_"):
            shown["text/html"] += results_html(self.results_frame())
        return shown

    def _check_ensemble(self, y: Any) -> None:
        if self.ensemble is not None and not self.refit:
            raise ValueError(
                f"ensemble={self.ensemble!r} takes the place of the refitted estimator,"
                " and refit=False asks for none. Say refit=True (nothing is trained"
                " again) or ensemble=None."
            )
        for name, value in (("ensemble", self.ensemble), ("store_oof", self.store_oof)):
            if value:
                check_predictable(self.estimator, y, f"{name}={value!r}")

    # -- what scikit-learn's searches call --------------------------------------------

    def _get_scorers(self) -> Any:
        scoring = self.scoring
        self.scoring = with_own_scorers(scoring)
        try:
            return super()._get_scorers()
        finally:
            self.scoring = scoring

    def _get_routed_params_for_fit(self, params: Any) -> Any:
        routed = super()._get_routed_params_for_fit(params)
        self._sweep.routed = routed
        # Until the search is run: meanwhile it is cloned.
        self.estimator = self._sweep.substitute
        return routed

    def _run_search(
        self, evaluate_candidates: Any, *, callback_ctx: Any = None
    ) -> None:
        self.estimator = self._sweep.given
        # scikit-learn before 1.9 has no context.
        context = {} if callback_ctx is None else {"callback_ctx": callback_ctx}
        together = partial(self._evaluate_together, evaluate_candidates)
        super()._run_search(together, **context)

    def _evaluate_together(
        self,
        evaluate_candidates: Any,
        candidate_params: Any,
        cv: Any = None,
        more_results: Any = None,
        **context: Any,
    ) -> Any:
        sweep = self._sweep
        candidates = list(candidate_params)
        cv = cv or (self._checked_cv_orig if _KEEPS_CV else self.cv)
        given = sweep.routed.splitter.split
        splits = list(cv.split(sweep.X, sweep.y, **given))
        pinned = _Pinned(splits)
        n_splits = self.n_splits_ if _KEEPS_CV else cv.get_n_splits(X=sweep.X, **given)
        if len(splits) != n_splits:
            # scikit-learn says what is wrong with them.
            return evaluate_candidates(candidates, pinned, more_results, **context)
        verbose = self.verbose
        if verbose > 0:
            # As scikit-learn says it, but before the training.
            print(
                f"Fitting {len(splits)} folds for each of {len(candidates)} candidates,"
                f" totalling {len(splits) * len(candidates)} fits"
            )
        sweep.after_loss = partial(renew_workers, evaluate_candidates)
        try:
            sweep.train(candidates, splits)
            self.verbose = 0
            return evaluate_candidates(candidates, pinned, more_results, **context)
        finally:
            self.verbose = verbose
            sweep.scored()

    def _format_results(
        self, candidate_params: Any, n_splits: int, out: Any, more_results: Any = None
    ) -> Any:
        for result, seconds in zip(out, self._sweep.seconds, strict=True):
            if seconds is not None:
                result["fit_time"] = seconds
        return super()._format_results(candidate_params, n_splits, out, more_results)

    def _select_best_index(
        self, refit: Any, refit_metric: str, results: dict[str, Any]
    ) -> Any:
        dropped = getattr(self, "dropped_at_", None)
        if self.halving is None or dropped is None or callable(refit):
            return super()._select_best_index(refit, refit_metric, results)
        # Those that were dropped were not trained to the end.
        left = np.flatnonzero(dropped == 0)
        return left[results[f"rank_test_{refit_metric}"][left].argmin()]


class _Pinned:
    """Gives a search the folds that were trained on; a splitter may draw others."""

    def __init__(self, splits: list[Any]) -> None:
        self.splits = splits

    def split(self, X: Any, y: Any = None, **params: Any) -> list[Any]:
        """Return the folds."""
        return self.splits
