"""Packs that are trained by workers: other processes, or other machines.

joblib's backends say where: dask.distributed, Ray, or processes beside this one. A
worker is sent rows and parameters, prepares its members as this process would, trains
them, and returns them fitted. Rows go as they were given, as arguments of their own:
backends keep such large ones where they are, and send them to a worker once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from joblib import Parallel as JoblibParallel, parallel_config
from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from sk_mixup.exceptions import warn_caller
from sk_mixup.model_selection._members import (
    Member,
    Pair,
    SweepData,
    prepare_members,
)
from sk_mixup.model_selection._training import train_members
from sk_mixup.training.packing import most_threads

# Parts for each worker: one that is done early takes another, and a lost one is less.
_PARTS = 2
_TRIES = 3
_HERE = ("SequentialBackend", "ThreadingBackend")
_BESIDE = ("LokyBackend", "MultiprocessingBackend")


def workers_of(n_jobs: int | None) -> int:
    """Return how many workers train packs; 0: this process does.

    Those of a cluster always do. Other processes of this machine do where more of them
    are asked for than this one has threads for packs.

    Parameters
    ----------
    n_jobs : int or None
        Of the search.
    """
    backend, default = get_active_backend()
    name = type(backend).__name__
    if name in _HERE:
        return 0
    wanted = default if n_jobs is None else n_jobs
    n_workers = int(backend.effective_n_jobs(wanted))
    if name in _BESIDE:
        threads = min(torch.get_num_threads(), most_threads())
        return n_workers if n_workers > threads else 0
    return n_workers


def train_elsewhere(
    estimator: Any,
    candidates: Sequence[dict[str, Any]],
    data: SweepData,
    seed: int,
    *,
    n_workers: int,
    n_jobs: int | None,
    memory_limit: int | None,
    verbose: int,
    after_loss: Callable[[], None],
) -> list[Member]:
    """Return a member per candidate and fold, fitted by workers.

    Those that cannot be trained together come back with the reason, as from
    `prepare_members`.

    Parameters
    ----------
    estimator, candidates, data, seed :
        As for `prepare_members`.
    n_workers : int
    n_jobs : int or None
    memory_limit : int or None
    verbose : int
    after_loss : callable
        Called where a worker was lost.
    """
    pairs = [(i, k) for k in range(len(data.splits)) for i in range(len(candidates))]
    n_parts = min(len(pairs), n_workers * _PARTS)
    bounds = [len(pairs) * i // n_parts for i in range(n_parts + 1)]
    waiting = {i: pairs[bounds[i] : bounds[i + 1]] for i in range(n_parts)}
    if verbose > 0:
        print(f"{len(pairs)} fits in {n_parts} packs, trained by {n_workers} workers")
    done: dict[int, list[Member]] = {}
    for attempt in range(_TRIES):
        failure = _collect(
            done, waiting, estimator, candidates, data, seed, n_jobs, memory_limit
        )
        if failure is None:
            break
        after_loss()
        if verbose > 0:
            print(
                f"a worker was lost ({type(failure).__name__}): {len(waiting)} packs"
                f" are sent again, attempt {attempt + 2} of {_TRIES}"
            )
    if waiting:
        warn_caller(
            f"Workers were lost {_TRIES} times, at last by {type(failure).__name__}"
            f" ({failure}); {len(waiting)} packs of this search are trained in this"
            " process."
        )
        for number, part in waiting.items():
            done[number] = train_part(
                data.X,
                data.y,
                *_rest(part, estimator, candidates, data, seed, memory_limit),
            )
    members = [member for number in sorted(done) for member in done[number]]
    return sorted(members, key=lambda member: (member.candidate, member.split))


def _collect(
    done: dict[int, list[Member]],
    waiting: dict[int, list[Pair]],
    estimator: Any,
    candidates: Sequence[dict[str, Any]],
    data: SweepData,
    seed: int,
    n_jobs: int | None,
    memory_limit: int | None,
) -> Exception | None:
    """Have all that waits trained; return what has ended that before its time."""
    numbers = list(waiting)
    calls = (
        delayed(_numbered)(
            number,
            data.X,
            data.y,
            *_rest(waiting[number], estimator, candidates, data, seed, memory_limit),
        )
        for number in numbers
    )
    try:
        with parallel_config(backend=_own_backend()):
            parallel = Parallel(n_jobs=n_jobs, batch_size=1, pre_dispatch="all")
            found = parallel(calls)
        for number, members in found:
            done[number] = members
            del waiting[number]
    except Exception as error:
        # What fails in a training is in its members: this is a worker that is gone.
        return error
    return None


def renew_workers(evaluate_candidates: Any) -> None:
    """Give a search that has begun new processes in the place of broken ones.

    Parameters
    ----------
    evaluate_candidates : function
        Of scikit-learn, which holds what runs the fits.
    """
    for cell in getattr(evaluate_candidates, "__closure__", None) or ():
        held = cell.cell_contents
        backend: Any = getattr(held, "_backend", None)
        if isinstance(held, JoblibParallel) and type(backend).__name__ in _BESIDE:
            backend.abort_everything(ensure_ready=True)


def _own_backend() -> Any:
    """Return the active backend as an object of its own, with the same workers.

    The search around this has begun to use the one of the context, which the end of
    another use would close.
    """
    backend, _ = get_active_backend()
    own = object.__new__(type(backend))
    vars(own).update(vars(backend))
    return own


def _rest(
    part: Sequence[Pair],
    estimator: Any,
    candidates: Sequence[dict[str, Any]],
    data: SweepData,
    seed: int,
    memory_limit: int | None,
) -> tuple[Any, ...]:
    """Return the small arguments of `train_part`: what its pairs need."""
    splits = {k: data.splits[k] for _, k in part}
    chosen = {i: candidates[i] for i, _ in part}
    return estimator, chosen, splits, data.fit_params, list(part), seed, memory_limit


def _numbered(number: int, X: Any, y: Any, *rest: Any) -> tuple[int, list[Member]]:
    return number, train_part(X, y, *rest)


def train_part(
    X: Any,
    y: Any,
    estimator: Any,
    candidates: dict[int, dict[str, Any]],
    splits: dict[int, Any],
    fit_params: dict[str, Any],
    pairs: Sequence[Pair],
    seed: int,
    memory_limit: int | None,
) -> list[Member]:
    """Train members in a worker.

    Parameters
    ----------
    X, y : object
    estimator : estimator
    candidates : dict of int to dict
        Parameters by number.
    splits : dict of int to pair of index arrays
    fit_params : dict
    pairs : sequence of (int, int)
        Candidate and split of each member.
    seed : int
    memory_limit : int or None
    """
    some = [candidates.get(i, {}) for i in range(1 + max(candidates))]
    folds = [splits.get(k, ([], [])) for k in range(1 + max(splits))]
    data = SweepData(X, y, folds, fit_params)
    members = prepare_members(estimator, some, data, seed, pairs=pairs)
    train_members(members, memory_limit=memory_limit, may_interrupt=False)
    return members
