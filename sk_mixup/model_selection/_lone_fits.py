"""Fits of a search that run alone, and what Ctrl-C does to them.

scikit-learn runs them, one after the other, and lets an interrupt end the search with
all that was found. Here the fit that was interrupted fails, so do those after it, and
the search scores what was finished before.
"""

from __future__ import annotations

from typing import Any

from sk_mixup.exceptions import warn_caller
from sk_mixup.model_selection._training import InterruptedFit


class LoneFits:
    """What the lone fits of a search share.

    Parameters
    ----------
    search : MixupSearchCV or MixupRandomizedSearchCV
        Its `interrupted_` says whether Ctrl-C has come already.
    n_finished : int
        Fits of the search that are finished already.
    """

    def __init__(self, search: Any, n_finished: int) -> None:
        self.search = search
        self.n_finished = n_finished
        # In other processes fits would not know of one another.
        keeps = search.n_jobs in (None, 1) and search.error_score != "raise"
        self._keeps = keeps

    def watch(self, estimator: Any) -> Any:
        """Return the estimator, whose next `fit` fails where it is interrupted.

        Where nothing is finished, or errors are raised, KeyboardInterrupt goes on.
        """
        if not self._keeps:
            return estimator

        def fit(X: Any, *args: Any, **params: Any) -> Any:
            del vars(estimator)["fit"]
            if self.search.interrupted_:
                raise InterruptedFit("The search was interrupted before this fit.")
            try:
                estimator.fit(X, *args, **params)
            except KeyboardInterrupt:
                if not self.n_finished:
                    raise
                self.search.interrupted_ = True
                warn_caller(
                    f"The search was interrupted: {self.n_finished} fits are finished"
                    " and scored, the others have error_score."
                )
                raise InterruptedFit(
                    "The search was interrupted in this fit."
                ) from None
            self.n_finished += 1
            return estimator

        vars(estimator)["fit"] = fit
        return estimator
