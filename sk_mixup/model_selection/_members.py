"""From candidates and folds to trainings that are ready to run together.

Every candidate and fold gets an estimator of its own, read and prepared as its own
`fit` would do it. What several of them would do alike is done once per fold: the steps
before the net, and the encoding of the table.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from sk_mixup import training as engine
from sk_mixup.estimators import (
    FitData,
    GivenRows,
    Settings,
    Training,
    drawing_apart,
    fold_settings,
    new_streams,
    prepare,
    read,
)
from sk_mixup.model_selection._last_step import (
    Given,
    fit_up_to_net,
    last_step,
    path_to_last,
    why_not_ours,
    with_net,
)

#: Number of a candidate, and of a fold.
Pair = tuple[int, int]

#: Parameters of a net that its data are read without. All others are taken to matter.
_NOT_READ = {
    *("mix", "alpha", "max_epochs", "batch_size", "lr", "optimizer", "criterion"),
    *("callbacks", "augment", "schedule", "warmup", "ema", "clip_norm", "accumulate"),
    *("precision", "compile", "channels_last", "device", "verbose"),
    # Its streams are compared instead.
    *("n_iter_no_change", "random_state", "importance"),
}
_PREFIXES_NOT_READ = {"mix", "module", "optimizer", "criterion", "callbacks", "compile"}


@dataclass
class Member:
    """A candidate on a fold.

    Attributes
    ----------
    candidate, split : int
    estimator : estimator or None
        Its own; fitted once its training is over.
    training : Training or None
        Ready to run; let go afterwards.
    pack : PackMember or None
        The training, as the pack engine takes it.
    error : BaseException or None
        Why it failed.
    reason : str or None
        Why it cannot be trained with others.
    data : FitData or None
        The rows that it was read, where it trains alone and may do so elsewhere.
    seconds : float
        Its share of the time that was spent.
    """

    candidate: int
    split: int
    estimator: Any = None
    training: Training | None = None
    pack: Any = None
    error: BaseException | None = None
    reason: str | None = None
    data: FitData | None = None
    seconds: float = 0.0

    @property
    def net(self) -> Any:
        """The net at the end of the estimator."""
        return last_step(self.estimator)

    @property
    def is_fitted(self) -> bool:
        """Whether its training is over and went well."""
        return (
            self.estimator is not None
            and self.training is None
            and self.error is None
            and self.reason is None
        )


@dataclass
class SweepData:
    """What a search was given.

    Attributes
    ----------
    X, y : object
    splits : list of pairs of index arrays
    fit_params : dict
        For the estimator.
    """

    X: Any
    y: Any
    splits: list[tuple[Any, Any]]
    fit_params: dict[str, Any]

    def fold(self, estimator: Any, split: int) -> Given:
        """Return what an estimator is fitted with on a fold."""
        train = np.asarray(self.splits[split][0])
        X, y = _safe_split(estimator, self.X, self.y, train)
        return Given(X, y, _check_method_params(self.X, self.fit_params, indices=train))


def prepare_members(
    estimator: Any,
    candidates: Sequence[dict[str, Any]],
    data: SweepData,
    seed: int,
    *,
    pairs: Collection[Pair] | None = None,
    keeps_data: bool = False,
) -> list[Member]:
    """Return a member per candidate and fold, folds of a candidate side by side.

    Parameters
    ----------
    estimator : estimator
    candidates : sequence of dict
        Parameters.
    data : SweepData
    seed : int
        `random_state` of estimators that have none.
    pairs : collection of (int, int) or None
        Candidates and folds that are wanted; None: all.
    keeps_data : bool, default=False
        Whether members that train alone keep their rows, to do so elsewhere.
    """
    start = time.perf_counter()
    made: dict[tuple[int, int], Member] = {}
    reasons: dict[int, str] = {}
    for split in range(len(data.splits)):
        wanted = list(range(len(candidates)))
        if pairs is not None:
            wanted = [i for i in wanted if (i, split) in pairs]
            if not wanted:
                continue
        fold = _Fold(estimator, data.fold(estimator, split), keeps_data)
        for index in wanted:
            parameters = candidates[index]
            member = Member(index, split, reason=reasons.get(index))
            if member.reason is None:
                _prepare(member, estimator, parameters, fold, seed)
            if member.reason is not None and member.data is None:
                # A matter of settings: other folds need no trial.
                reasons[index] = member.reason
                member = Member(index, split, reason=member.reason)
            made[index, split] = member
    members = [made[key] for key in sorted(made)]
    ours = [member for member in members if member.reason is None]
    seconds = (time.perf_counter() - start) / max(1, len(ours))
    for member in ours:
        member.seconds = seconds
    return members


def candidate_estimator(estimator: Any, parameters: dict[str, Any], seed: int) -> Any:
    """Return the estimator of a candidate."""
    # Parameters may be estimators themselves.
    one = clone(estimator).set_params(**clone(parameters, safe=False))
    return seeded(one, seed)


def seeded(estimator: Any, seed: int) -> Any:
    """Return the estimator, its net with a seed if it has none."""
    net = last_step(estimator)
    if why_not_ours(net) is None and net.random_state is None:
        net.random_state = seed
    return estimator


def _prepare(
    member: Member, estimator: Any, parameters: dict[str, Any], fold: _Fold, seed: int
) -> None:
    one = candidate_estimator(estimator, parameters, seed)
    net = last_step(one)
    member.estimator, member.reason = one, why_not_ours(net)
    if member.reason is None and net.checkpoint is not None:
        member.reason = "checkpoint is given, which stores one training at a time"
    if member.reason is not None:
        return
    try:
        started, given = fold.given_to_net(one, parameters)
        member.estimator = with_net(started, net)
        settings = Settings.of(net, given.X)
        with drawing_apart(settings, given.X):
            data = fold.read(settings, given, estimator, parameters)
            if fold.keeps_data and data.members[0]:
                # Nothing to try: its fit prepares itself.
                member.reason, member.data = engine.FOLDS_OF_MEMBERS, data
                return
            training = prepare(settings, data)
    except Exception as error:
        member.error = error
        return
    member.training, member.pack = training, _pack_member(training)
    member.reason = engine.unfusable_reason(member.pack)


def _pack_member(training: Training) -> engine.PackMember:
    data = training.data
    # Rows that a search can split are no stream.
    assert isinstance(data.train, engine.ArrayData)
    assert data.valid is None or isinstance(data.valid, engine.ArrayData)
    return engine.PackMember(
        net=training.net,
        run=training.run,
        train=data.train,
        valid=data.valid,
        n_epochs=training.n_epochs,
        knobs=training.knobs,
        schedule=training.schedule,
        dropout_seed=data.streams.next_dropout_seed(),
    )


@dataclass
class _Fold:
    """What candidates share on a fold.

    Attributes
    ----------
    estimator : estimator
        As the user gave it.
    data : Given
    keeps_data : bool
        As for `prepare_members`.
    """

    estimator: Any
    data: Given
    keeps_data: bool = False
    started: list[tuple[dict[str, Any], Any, Given | Exception]] = field(
        default_factory=list
    )
    read_before: list[tuple[Given, dict[str, Any], FitData]] = field(
        default_factory=list
    )

    def given_to_net(
        self, estimator: Any, parameters: dict[str, Any]
    ) -> tuple[Any, Given]:
        """Return the pipeline, its steps before the net fitted, and what they made."""
        path = path_to_last(estimator)
        if not path:
            return estimator, self.data
        theirs = {
            key: value
            for key, value in parameters.items()
            if not _is_of(key, "__".join(path))
        }
        for known, pipeline, made in self.started:
            if _same_values(known, theirs):
                return pipeline, _or_raise(made)
        self.started.append((theirs, estimator, self._start(estimator)))
        return estimator, _or_raise(self.started[-1][2])

    def _start(self, estimator: Any) -> Given | Exception:
        try:
            return fit_up_to_net(estimator, self.data.X, self.data.y, self.data.params)
        except Exception as error:
            return error

    def read(
        self,
        settings: Settings,
        given: Given,
        estimator: Any,
        parameters: dict[str, Any],
    ) -> FitData:
        """Return the data of a net; encoded once for all that would read them alike."""
        streams = new_streams(settings)
        matters = _reading_parameters(estimator, parameters) | {
            "seeds": (streams.encode_seed, streams.split_seed),
            "type": type(settings.owner),
            "folds": fold_settings(settings),
        }
        for source, known, data in self.read_before:
            if source is given and _same_values(known, matters):
                # Each training may say that its rows have no groups.
                train = copy.copy(data.train)
                return dataclasses.replace(data, train=train, streams=streams)
        rows = GivenRows(given.X, given.y, **given.params)
        data = read(settings, rows, streams=streams)
        self.read_before.append((given, matters, data))
        return dataclasses.replace(data, train=copy.copy(data.train))


def _reading_parameters(estimator: Any, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that reading depends on, as the user gave them.

    Clones would differ in everything that is cloned with them.
    """
    path = "__".join(path_to_last(estimator))
    settings = dict(last_step(estimator).get_params(deep=False))
    for key, value in parameters.items():
        if path and key == path:
            settings = dict(value.get_params(deep=False))
    for key, value in parameters.items():
        if not path:
            settings[key] = value
        elif key.startswith(f"{path}__"):
            settings[key[len(path) + 2 :]] = value
    return {key: value for key, value in settings.items() if _matters(key)}


def _matters(key: str) -> bool:
    """Whether reading depends on a parameter; a module says what it takes."""
    prefix = key.partition("__")[0]
    return key == "module" or not (key in _NOT_READ or prefix in _PREFIXES_NOT_READ)


def _or_raise(made: Given | Exception) -> Given:
    if isinstance(made, Exception):
        raise made
    return made


def _is_of(key: str, path: str) -> bool:
    return key == path or key.startswith(f"{path}__")


def _same_values(some: dict[str, Any], others: dict[str, Any]) -> bool:
    return some.keys() == others.keys() and all(
        _same(value, others[key]) for key, value in some.items()
    )


def _same(a: Any, b: Any) -> bool:
    """Whether two values are surely the same."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    return isinstance(a, (str, int, float, np.generic)) and bool(a == b)
