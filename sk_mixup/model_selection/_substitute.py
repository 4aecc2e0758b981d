"""How fitted estimators get into scikit-learn's own search.

`BaseSearchCV.fit` clones the estimator once, then once per candidate and fold, and once
more for the refit, and each clone is given its parameters, fitted and scored. For the
time of a search a `Substitute` is cloned in place of the estimator, and hands out what
has been trained already. All else (scoring, failures, messages, the table) is
scikit-learn's own code.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from sklearn.utils import get_tags


class Ticket:
    """Stands for an estimator that has been fitted, or that has failed to be.

    Parameters
    ----------
    estimator : estimator
        Fitted, with the parameters of its candidate.
    error : Exception or None
        What its `fit` is to raise.
    """

    def __init__(self, estimator: Any, error: BaseException | None = None) -> None:
        self.estimator = estimator
        self.error = error

    def set_params(self, **params: Any) -> Any:
        """Return the estimator; the next call of its `fit` does nothing, or raises."""
        estimator, error = self.estimator, self.error

        def fit(X: Any = None, y: Any = None, **params: Any) -> Any:
            del vars(estimator)["fit"]
            if error is not None:
                raise error
            return estimator

        vars(estimator)["fit"] = fit
        return estimator


class AwaitedTicket:
    """A ticket for an estimator that is still being fitted elsewhere.

    Parameters
    ----------
    wait : callable
        Returns the ticket, or an estimator that is to be fitted here.
    """

    def __init__(self, wait: Callable[[], Any]) -> None:
        self.wait = wait

    def set_params(self, **params: Any) -> Any:
        """Wait, and return the estimator."""
        return self.wait().set_params(**params)


class Substitute:
    """What a search clones in place of its estimator.

    Parameters
    ----------
    estimator : estimator
        The real one, for scikit-learn's tags.
    for_refit : callable
        Returns what is to be refitted.
    """

    def __init__(self, estimator: Any, for_refit: Callable[[], Any]) -> None:
        self.estimator = estimator
        self.for_refit = for_refit
        self._waiting: deque[Callable[[], Any]] = deque()
        self._is_base = False

    def hand_out(self, clones: Iterable[Callable[[], Any]]) -> None:
        """Say what the next clones are, in their order."""
        self._waiting.extend(clones)

    def fit(self, X: Any, y: Any = None) -> Any:
        """Never called; an estimator has one."""
        raise NotImplementedError

    def __sklearn_clone__(self) -> Any:
        if not self._is_base:
            self._is_base = True
            return self
        if self._waiting:
            return self._waiting.popleft()()
        return self.for_refit()

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.estimator)
