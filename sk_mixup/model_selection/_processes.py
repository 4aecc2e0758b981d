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
from collections.abc import Sequence
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

# A fit takes about so many seconds, and as many per row of it; processes take so many
# to start. Measured on two cores of a server: 0.4 s for 800 rows, 11 s for 8000 (of
# more rows nobody needs to know more closely), and 4 s until two workers have imported
# everything.
_SECONDS, _SECONDS_PER_ROW = 0.15, 4.0e-4
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


def count_processes(members: Sequence[Member]) -> int:
    """Return in how many processes lone fits are faster; 1: in this one.

    Parameters
    ----------
    members : sequence of Member
        All of a search.
    """
    lone = [member for member in members if member.data is not None]
    most = min(torch.get_num_threads(), os.cpu_count() or 1, len(lone))
    if most < 2:
        return 1
    seconds = sum(_SECONDS + _SECONDS_PER_ROW * len(_rows(member)) for member in lone)
    if seconds - seconds / most < _START_SECONDS:
        return 1
    return most if _can_travel(lone[0]) else 1


def _rows(member: Member) -> Any:
    assert member.data is not None
    return member.data.train


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
        return outputs if made_of is None else made_of(outputs)

    @staticmethod
    def forget(nets: Sequence[Any]) -> None:
        """Let nets answer for themselves again."""
        for net in nets:
            vars(net).pop("_outputs", None)


def fit_in_processes(
    search: Any,
    members: Sequence[Member],
    data: SweepData,
    n_processes: int,
    *,
    n_finished: int,
) -> bool:
    """Fit what trains alone, several at a time; return whether that was interrupted.

    Parameters
    ----------
    search : MixupSearchCV or MixupRandomizedSearchCV
    members : sequence of Member
        Fitted in place, or given their errors. Fitted nets know what they say of their
        test rows, until `KnownOutputs.forget`.
    data : SweepData
    n_processes : int
    n_finished : int
        Fits that are finished already.

    Raises
    ------
    KeyboardInterrupt
        If nothing is finished, or nothing is to be kept.
    """
    lone = [member for member in members if member.data is not None]
    if search.verbose > 0:
        print(
            f"{len(lone)} fits of nets whose members leave out folds run in"
            f" {n_processes} processes of one thread each"
        )
    interrupted = False
    tests = _test_rows(lone, data)
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        parallel = Parallel(n_processes, return_as="generator_unordered")
        done = parallel(
            delayed(_fit)(
                number,
                member.estimator,
                member.net,
                member.data,
                tests.get(member.split),
            )
            for number, member in enumerate(lone)
        )
        try:
            for number, estimator, outputs, error, seconds in done:
                if isinstance(error, KeyboardInterrupt):
                    raise error
                member = lone[number]
                member.error = error
                if error is None:
                    member.estimator = estimator
                if outputs is not None:
                    known = KnownOutputs(member.net, tests[member.split], outputs)
                    vars(member.net)["_outputs"] = known
                member.seconds, member.reason = seconds, None
                member.data = None
        except KeyboardInterrupt:
            interrupted = True
            done.close()
        except (BrokenExecutor, pickle.PicklingError) as error:
            warn_caller(
                "A process of the search was lost or could not be reached"
                f" ({type(error).__name__}), so that the fits that are left run in this"
                " one, which n_jobs=1 does from the start."
            )
    if interrupted:
        _note(search, members, lone, n_finished)
    return interrupted


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


def _test_rows(lone: Sequence[Member], data: SweepData) -> dict[int, Any]:
    """Return the test rows of each fold; none where steps stand before the net."""
    first = lone[0]
    known = isinstance(data.X, (pd.DataFrame, np.ndarray))
    if not known or any(member.estimator is not member.net for member in lone):
        return {}
    return {
        split: _safe_split(first.net, data.X, None, data.splits[split][1])[0]
        for split in {member.split for member in lone}
    }


def _same_rows(X: Any, known: Any) -> bool:
    if type(X) is not type(known) or X.shape != known.shape:
        return False
    if isinstance(X, pd.DataFrame):
        return bool(X.columns.equals(known.columns)) and bool(X.equals(known))
    return X.dtype == known.dtype and bool(np.array_equal(X, known))


def _note(
    search: Any, members: Sequence[Member], lone: Sequence[Member], n_finished: int
) -> None:
    """Give those that were not done their error, or let the interrupt go on."""
    finished = n_finished + sum(member.is_fitted for member in lone)
    if not finished or search.error_score == "raise":
        raise KeyboardInterrupt
    for member in members:
        if member.reason is not None:
            member.data = member.reason = None
            member.error = InterruptedFit(
                "The search was interrupted before this fit was done."
            )
    warn_caller(
        f"The search was interrupted: {finished} of {len(members)} fits are finished"
        " and scored, the others have error_score."
    )


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
