"""From candidates and folds to trainings that are ready to run together.

Every candidate and fold gets an estimator of its own, read and prepared as its own
`fit` would do it. What several of them would do alike is done once per fold: the steps
before the net, and the encoding of the table.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from sk_mixup import training as engine
from sk_mixup.estimators import (
    FitData,
    Settings,
    Training,
    drawing_apart,
    prepare,
)
from sk_mixup.model_selection._folds import Fold
from sk_mixup.model_selection._last_step import (
    Given,
    last_step,
    why_not_ours,
    with_net,
)

#: Number of a candidate, and of a fold.
Pair = tuple[int, int]


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
    read : callable or None
        Reads its rows for its estimator, where it trains alone and may do so elsewhere.
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
    read: Callable[[], FitData] | None = None
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
    may_leave: bool = False,
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
    may_leave : bool, default=False
        Whether members that leave out folds keep a way to their rows, to train
        elsewhere. Rows of the first fold are read, and say which members these are.
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
        fold = Fold(estimator, data.fold(estimator, split))
        for index in wanted:
            member = Member(index, split, reason=reasons.get(index))
            reader = _Reader(member, estimator, candidates[index], fold, seed)
            if member.reason is None:
                _prepare(member, reader)
            if member.reason is not None:
                # A matter of settings: other folds need no trial.
                reasons[index] = member.reason
                reader.member = member = Member(index, split, reason=member.reason)
                if may_leave and member.reason == engine.FOLDS_OF_MEMBERS:
                    member.read = reader.read
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


@dataclass
class _Reader:
    """Gives a member its estimator, and reads its rows.

    Attributes
    ----------
    member : Member
    estimator : estimator
        As the user gave it.
    parameters : dict
        Of the candidate.
    fold : Fold
    seed : int
    """

    member: Member
    estimator: Any
    parameters: dict[str, Any]
    fold: Fold
    seed: int

    def start(self) -> str | None:
        """Make the estimator; return why it is not trained here."""
        one = candidate_estimator(self.estimator, self.parameters, self.seed)
        self.member.estimator, net = one, last_step(one)
        if (reason := why_not_ours(net)) is None and net.checkpoint is not None:
            reason = "checkpoint is given, which stores one training at a time"
        return reason

    def read(self) -> FitData:
        """Return the rows, read as the settings of the estimator want it."""
        _, data = self.settings_and_rows()
        return data

    def settings_and_rows(self) -> tuple[Settings, FitData]:
        """Return the settings too."""
        if self.member.estimator is None:
            self.start()
        one = self.member.estimator
        net = last_step(one)
        started, given = self.fold.given_to_net(one, self.parameters)
        self.member.estimator = with_net(started, net)
        settings = Settings.of(net, given.X)
        with drawing_apart(settings, given.X):
            return settings, self.fold.read(
                settings, given, self.estimator, self.parameters
            )


def _prepare(member: Member, reader: _Reader) -> None:
    member.reason = reader.start()
    if member.reason is not None:
        return
    try:
        settings, data = reader.settings_and_rows()
        if data.members[0]:
            # Nothing to try: its fit prepares itself.
            member.reason = engine.FOLDS_OF_MEMBERS
            return
        with drawing_apart(settings, data.X):
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
