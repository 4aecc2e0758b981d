"""Fits that are many trainings already, in processes of one thread each.

The members of the default net for tables leave out folds of their own, which makes a
fit a batched program of small products. Several such fits in one program gain nothing,
and a second thread helps one of them little; two processes are two fits at a time.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from joblib.parallel import get_active_backend
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.parallel import Parallel, delayed

from sk_mixup.estimators import FitData, Settings, drawing_apart, prepare
from sk_mixup.exceptions import warn_caller
from sk_mixup.model_selection._last_step import with_net
from sk_mixup.model_selection._members import Member, SweepData
from sk_mixup.model_selection._training import InterruptedFit
from sk_mixup.training import own_mode
from sk_mixup.turns import warnings_ignored

# A fit takes about so many seconds, and as many per row of it; processes take so many
# to start. Measured on two cores of a server: 1.5 s for 800 rows, 9.5 s for 8000, and
# 4 s until two workers have imported everything.
_SECONDS, _SECONDS_PER_ROW = 0.6, 1.1e-3
_START_SECONDS = 4.0


def may_leave(search: Any, net: Any) -> bool:
    """Whether fits of a search may run in processes that nobody has asked for.

    Parameters
    ----------
    search : MixupSearchCV or MixupRandomizedSearchCV
        Whoever says `n_jobs`, by the parameter or by joblib's context, has decided.
    net : estimator
        At the end of that of the search. Its callbacks may be known to others here.
    """
    device = getattr(net, "device", None)
    on_cpu = device == "cpu" or (device == "auto" and not torch.cuda.is_available())
    return (
        search.n_jobs is None
        and on_cpu
        and not getattr(net, "callbacks", None)
        and torch.get_num_threads() > 1
        and _is_free()
    )


def count_processes(members: Sequence[Member], data: SweepData) -> int:
    """Return in how many processes lone fits are faster; 1: in this one.

    Parameters
    ----------
    members : sequence of Member
        All of a search.
    data : SweepData
    """
    lone = [member for member in members if member.read is not None]
    most = min(torch.get_num_threads(), os.cpu_count() or 1, len(lone))
    if most < 2:
        return 1
    n_rows = [_n_rows(train) for train, _ in data.splits]
    seconds = sum(_SECONDS + _SECONDS_PER_ROW * n_rows[one.split] for one in lone)
    if seconds - seconds / most < _START_SECONDS:
        return 1
    return most if _can_travel(lone[0]) else 1


def _n_rows(places: Any) -> int:
    places = np.asarray(places)
    return int(places.sum()) if places.dtype == bool else len(places)


class KnownOutputs:
    """Stands for what a net says of its test rows, which it has said already.

    Its process has asked it, so that scores need not be computed one after the other.

    Parameters
    ----------
    net : MixupClassifier or MixupRegressor
    X : DataFrame or ndarray
        The rows.
    outputs : Tensor
    """

    def __init__(self, net: Any, X: Any, outputs: torch.Tensor) -> None:
        self.net = net
        self.X = X
        self.outputs = outputs

    def __call__(self, X: Any, made_of: Any = None) -> torch.Tensor:
        """Return the outputs of rows, and ask the net for those of others."""
        if not _same_rows(X, self.X):
            found: torch.Tensor = type(self.net)._outputs(self.net, X, made_of)
            return found
        outputs = self.outputs.clone()
        if made_of is None:
            return outputs
        with _one_thread():
            return made_of(outputs)

    @staticmethod
    def forget(nets: Sequence[Any]) -> None:
        """Let nets answer for themselves again."""
        for net in nets:
            vars(net).pop("_outputs", None)


class ProcessFits:
    """Fits that run in processes, while others are waited for, or scored.

    Parameters
    ----------
    search : MixupSearchCV or MixupRandomizedSearchCV
        Its `interrupted_` says whether Ctrl-C has ended them.
    members : sequence of Member
        All of a search. Those that may leave are fitted in place, or given their
        errors; fitted nets know what they say of their test rows.
    data : SweepData
    n_processes : int

    Attributes
    ----------
    n_finished : int
        Fits of the search that are finished.
    """

    def __init__(
        self, search: Any, members: Sequence[Member], data: SweepData, n_processes: int
    ) -> None:
        self.search = search
        self.members = members
        self.n_finished = sum(member.is_fitted for member in members)
        self._lone = [member for member in members if member.read is not None]
        self._tests = _test_rows(search.estimator, self._lone, data)
        if search.verbose > 0:
            print(
                f"{len(self._lone)} fits of nets whose members leave out folds run in"
                f" {n_processes} processes of one thread each"
            )
        with joblib.parallel_config("loky", inner_max_num_threads=1):
            parallel = Parallel(
                n_processes, return_as="generator_unordered", pre_dispatch="all"
            )
            # The first ones train while rows of others are read.
            self._done = parallel(self._calls())

    def _calls(self) -> Iterator[Any]:
        for number, member in enumerate(self._lone):
            assert member.read is not None
            try:
                rows = member.read()
            except Exception as error:
                member.error, member.reason, member.read = error, None, None
                continue
            is_plain = member.estimator is member.net
            test = self._tests.get(member.split) if is_plain else None
            yield delayed(_fit)(number, member.estimator, member.net, rows, test)

    def wait_for(self, member: Member) -> None:
        """Have a member fitted, or failed.

        Where no process could do it, its `reason` stays, and it is to be fitted here.

        Raises
        ------
        KeyboardInterrupt
            If nothing is finished, or nothing is to be kept.
        """
        while member.read is not None:
            try:
                found = next(self._done, None)
                if found is not None and isinstance(found[3], KeyboardInterrupt):
                    raise found[3]
            except KeyboardInterrupt:
                self.close()
                self._note_interrupted()
            except (BrokenExecutor, pickle.PicklingError) as error:
                self.close()
                warn_caller(
                    "A process of the search was lost or could not be reached"
                    f" ({type(error).__name__}), so that the fits that are left run in"
                    " this one, which n_jobs=1 does from the start."
                )
            else:
                if found is None:
                    member.read = None
                else:
                    self._note(*found)

    def close(self) -> None:
        """Let nobody go on with what is left."""
        with warnings_ignored(UserWarning):
            self._done.close()
        for member in self._lone:
            member.read = None

    def _note(
        self,
        number: int,
        estimator: Any,
        outputs: torch.Tensor | None,
        error: BaseException | None,
        seconds: float,
    ) -> None:
        """Take in what a process has found."""
        member = self._lone[number]
        member.error, member.seconds = error, seconds
        member.reason = member.read = None
        if error is None:
            member.estimator = estimator
            self.n_finished += 1
        if outputs is not None:
            known = KnownOutputs(member.net, self._tests[member.split], outputs)
            vars(member.net)["_outputs"] = known

    def _note_interrupted(self) -> None:
        """Give those that were not done their error, or let the interrupt go on."""
        if not self.n_finished or self.search.error_score == "raise":
            raise KeyboardInterrupt
        self.search.interrupted_ = True
        for member in self.members:
            if member.reason is not None:
                member.reason = None
                member.error = InterruptedFit(
                    "The search was interrupted before this fit was done."
                )
        warn_caller(
            f"The search was interrupted: {self.n_finished} of {len(self.members)} fits"
            " are finished and scored, the others have error_score."
        )


def _fit(
    number: int, estimator: Any, net: Any, data: FitData, X_test: Any
) -> tuple[int, Any, torch.Tensor | None, BaseException | None, float]:
    """Train one net on rows that were read for it, in a process of its own."""
    start = time.perf_counter()
    error: BaseException | None = None
    try:
        with own_mode():
            settings = Settings.of(net, data.X)
            with drawing_apart(settings, data.X):
                training = prepare(settings, data)
            training.go()
            net._become(training)
    except (Exception, KeyboardInterrupt) as failure:
        error = failure
    seconds = time.perf_counter() - start
    if error is not None:
        return number, None, None, error, seconds
    outputs = None
    if X_test is not None:
        # Whatever goes wrong goes wrong again where it is scored.
        with contextlib.suppress(Exception):
            outputs = net._outputs(X_test)
    return number, with_net(estimator, net), outputs, None, seconds


def _test_rows(
    estimator: Any, lone: Sequence[Member], data: SweepData
) -> dict[int, Any]:
    """Return the test rows of each fold, where they can be told from others."""
    if not isinstance(data.X, (pd.DataFrame, np.ndarray)):
        return {}
    return {
        split: _safe_split(estimator, data.X, None, data.splits[split][1])[0]
        for split in {member.split for member in lone}
    }


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Leave the other threads asleep: once woken they spin, where others train."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def _same_rows(X: Any, known: Any) -> bool:
    if type(X) is not type(known) or X.shape != known.shape:
        return False
    if isinstance(X, pd.DataFrame):
        return bool(X.columns.equals(known.columns)) and bool(X.equals(known))
    return X.dtype == known.dtype and bool(np.array_equal(X, known))


def _is_free() -> bool:
    """Whether nobody has started processes around this one, or said how many."""
    backend, n_jobs = get_active_backend()
    if n_jobs not in (None, 1) or getattr(backend, "nesting_level", None):
        return False
    return not multiprocessing.current_process().daemon


def _can_travel(member: Member) -> bool:
    """Whether a net and its rows reach another process as they are."""
    try:
        pickle.dumps((member.estimator, member.net))
    except Exception:  # of whatever the user's objects do
        return False
    return True
