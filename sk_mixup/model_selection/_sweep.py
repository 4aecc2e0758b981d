"""One search while it runs: what is trained, and what is kept of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone, is_classifier
from sklearn.utils.parallel import Parallel, delayed

from sk_mixup.model_selection._checkpoints import SearchFolder
from sk_mixup.model_selection._elsewhere import train_elsewhere, workers_of
from sk_mixup.model_selection._ensemble import (
    ensemble_loss,
    fold_ensemble,
    greedy_weights,
)
from sk_mixup.model_selection._halving import HalvingRule
from sk_mixup.model_selection._kind import refuse_masks, with_known_kind
from sk_mixup.model_selection._last_step import last_step, why_not_ours
from sk_mixup.model_selection._lone_fits import LoneFits
from sk_mixup.model_selection._members import (
    Member,
    SweepData,
    candidate_estimator,
    prepare_members,
    seeded,
)
from sk_mixup.model_selection._out_of_fold import all_classes, out_of_fold
from sk_mixup.model_selection._processes import (
    KnownOutputs,
    ProcessFits,
    count_processes,
    may_leave,
)
from sk_mixup.model_selection._substitute import AwaitedTicket, Substitute, Ticket
from sk_mixup.model_selection._training import (
    leave_alone,
    train_members,
    warn_of_lone_fits,
)


class Sweep:
    """What a search remembers for the time of its `fit`.

    Parameters
    ----------
    search : MixupSearchCV or MixupRandomizedSearchCV
    X, y : object
    halving : HalvingRule or None

    Attributes
    ----------
    given : estimator
        That of the search.
    estimator : estimator
        The same, its net told what a matrix of targets is.
    substitute : Substitute
        Cloned in its place.
    routed : Bunch
        Metadata, once they are routed.
    seconds : list of float or None
        Time of every fit; None: measured by scikit-learn.
    members : list of Member
        Kept where an ensemble is wanted.
    after_loss : callable
        Called where workers were lost.
    """

    def __init__(
        self, search: Any, X: Any, y: Any, halving: HalvingRule | None
    ) -> None:
        self.search = search
        self.given = search.estimator
        self.estimator = with_known_kind(search.estimator, y)
        self.X = X
        self.y = y
        self.halving = halving
        self.substitute = Substitute(search.estimator, self.for_refit)
        self.routed: Any = None
        self.seconds: list[float | None] = []
        self.members: list[Member] = []
        self.folder: SearchFolder | None = None
        self.seed = secrets.randbits(31)
        self.after_loss: Callable[[], Any] = list
        self._elsewhere: ProcessFits | None = None
        self._knowing: list[Any] = []
        self._pick: Callable[[], Any] = list

    def train(self, candidates: list[dict[str, Any]], splits: list[Any]) -> None:
        """Train every candidate on every fold, and hand out the results."""
        search = self.search
        refuse_masks(search, self.estimator)
        data = SweepData(self.X, self.y, splits, self.routed.estimator.fit)
        if search.checkpoint is not None:
            self.folder = SearchFolder(search, self.X, self.y, data.fit_params)
            self.folder.begin(candidates, splits)
            self.seed = self.folder.seed
        members, dropped, interrupted = self._trained(candidates, data)
        search.seed_ = self.seed
        search.interrupted_ = interrupted
        lone = LoneFits(search, sum(member.is_fitted for member in members))
        if not interrupted and (n_processes := count_processes(members, data)) > 1:
            self._elsewhere = ProcessFits(search, members, data, n_processes)
        else:
            for member in members:
                member.read = None
        if self.halving is not None:
            search.dropped_at_ = np.array(
                [dropped.get(i, 0) for i in range(len(candidates))]
            )
        if search.ensemble is not None or search.store_oof:
            for member in members:
                self._wait_for(member, lone)
            self._fit_others(members, candidates, data, lone)
            self._knowing = [member.net for member in members if member.is_fitted]
            self.members = members if search.ensemble is not None else []
        if search.store_oof or search.ensemble == "greedy":
            self._predict(members, data, len(candidates))
        first = len(self.seconds)
        self.seconds += [None] * len(members)
        self.substitute.hand_out(
            self._handed_out(member, lone, first + k)
            for k, member in enumerate(members)
        )

    def _trained(
        self, candidates: list[dict[str, Any]], data: SweepData
    ) -> tuple[list[Member], dict[int, int], bool]:
        """Return members, what was dropped, and whether it was interrupted.

        Halving compares all fits on the way, and packs that are stored are those of
        this process.
        """
        search, name = self.search, type(self.search).__name__
        n_workers = workers_of(search.n_jobs)
        is_plain = self.halving is None and self.folder is None
        if is_plain and n_workers > 1 and self._packs_gain(candidates, data):
            members = train_elsewhere(
                self.estimator,
                candidates,
                data,
                self.seed,
                n_workers=n_workers,
                n_jobs=search.n_jobs,
                memory_limit=search.memory_limit,
                verbose=search.verbose,
                after_loss=self.after_loss,
            )
            warn_of_lone_fits(members, name, search.verbose)
            return members, {}, False
        net = last_step(self.estimator)
        members = prepare_members(
            self.estimator,
            candidates,
            data,
            self.seed,
            may_leave=self.folder is None and may_leave(search, net),
        )
        if is_plain and effective_n_jobs(search.n_jobs) > 1:
            leave_alone(members)
        warn_of_lone_fits(members, name, search.verbose)
        interrupted, dropped = train_members(
            members,
            memory_limit=search.memory_limit,
            halving=self.halving,
            verbose=search.verbose,
            may_interrupt=search.error_score != "raise",
            folder=self.folder,
        )
        return members, dropped, interrupted

    def _packs_gain(self, candidates: list[dict[str, Any]], data: SweepData) -> bool:
        """Whether a first fit says that packs are worth being sent to workers."""
        first = prepare_members(
            self.estimator, candidates, data, self.seed, pairs=[(0, 0)]
        )
        leave_alone(first)
        return first[0].reason is None

    def _predict(
        self, members: list[Member], data: SweepData, n_candidates: int
    ) -> None:
        """Predict each test part, for those who look at it and for the ensemble."""
        search = self.search
        predicted = out_of_fold(members, data, n_candidates)
        classes = all_classes([m.estimator for m in members if m.is_fitted])
        if search.store_oof:
            search.oof_predictions_ = predicted
            search.oof_targets_ = self.y
            search.oof_classes_ = classes
        if search.ensemble == "greedy":
            loss = ensemble_loss(self.y, classes)
            self._pick = partial(greedy_weights, predicted, loss)

    def scored(self) -> None:
        """Let go of what was known for the scores, and of processes that fit."""
        KnownOutputs.forget(self._knowing)
        self._knowing = []
        if self._elsewhere is not None:
            self._elsewhere.close()
            self._elsewhere = None

    def for_refit(self) -> Any:
        """Return what is to be refitted: the estimator, or an ensemble that is."""
        if self.search.ensemble is None:
            return self._stored(clone(self.given))
        return Ticket(self._ensemble())

    def _handed_out(
        self, member: Member, lone: LoneFits, place: int
    ) -> Callable[[], Any]:
        """Return what makes the estimator of a member, for scikit-learn to score."""
        if member.read is not None:
            # Others are scored while it is being fitted.
            waiting = partial(self._arrived, member, lone, place)
            return partial(AwaitedTicket, waiting)
        if member.reason is not None:
            return lambda: lone.watch(self._seeded_clone())
        self.seconds[place] = member.seconds
        if member.estimator is None:
            # Interrupted before it was made; its `fit` says so.
            member.estimator = clone(self.estimator)
        return partial(Ticket, member.estimator, member.error)

    def _arrived(self, member: Member, lone: LoneFits, place: int) -> Any:
        self._wait_for(member, lone)
        found: Any = self._handed_out(member, lone, place)()
        member.estimator = None  # Nobody else looks at it, once it has its scores.
        return found

    def _wait_for(self, member: Member, lone: LoneFits) -> None:
        """Have a member fitted that is being fitted elsewhere, if it is."""
        if self._elsewhere is not None:
            self._elsewhere.wait_for(member)
            lone.n_finished = max(lone.n_finished, self._elsewhere.n_finished)

    def _seeded_clone(self) -> Any:
        return self._stored(seeded(clone(self.estimator), self.seed))

    def _stored(self, estimator: Any) -> Any:
        """Return an estimator that is fitted on its own, with a folder if wanted."""
        return estimator if self.folder is None else self.folder.give(estimator)

    def settle(self) -> None:
        """Let what was refitted have the parameters that it was given."""
        best = getattr(self.search, "best_estimator_", None)
        net = last_step(best)
        if self.folder is not None and why_not_ours(net) is None:
            net.checkpoint = last_step(self.given).checkpoint

    def _fit_others(
        self,
        members: list[Member],
        candidates: list[dict[str, Any]],
        data: SweepData,
        lone: LoneFits,
    ) -> None:
        """Fit what cannot be trained together here, where the results can be kept."""
        alone = [member for member in members if member.reason is not None]
        if not alone:
            return
        parallel = Parallel(
            n_jobs=self.search.n_jobs, pre_dispatch=self.search.pre_dispatch
        )
        done = parallel(
            delayed(_fit_alone)(
                lone.watch(
                    self._stored(
                        candidate_estimator(
                            self.estimator, candidates[member.candidate], self.seed
                        )
                    )
                ),
                data,
                member.split,
            )
            for member in alone
        )
        for member, (estimator, error, seconds) in zip(alone, done, strict=True):
            member.estimator, member.error = estimator, error
            member.seconds, member.reason = seconds, None

    def _ensemble(self) -> Any:
        search = self.search
        fitted = [member for member in self.members if member.is_fitted]
        if search.ensemble == "mean":
            n_candidates = 1 + max(member.candidate for member in self.members)
            search.ensemble_weights_ = np.eye(n_candidates)[search.best_index_]
            if all(member.candidate != search.best_index_ for member in fitted):
                raise ValueError(
                    "ensemble='mean' found no fit of the best candidate that went"
                    " well; look at the scores in cv_results_."
                )
        else:
            search.ensemble_weights_ = self._pick()
        weights = search.ensemble_weights_
        chosen = [member for member in fitted if weights[member.candidate] > 0]
        return fold_ensemble(
            [member.estimator for member in chosen],
            [weights[member.candidate] for member in chosen],
            is_classifier=is_classifier(self.estimator),
        )


def _fit_alone(
    estimator: Any, data: SweepData, split: int
) -> tuple[Any, Exception | None, float]:
    start = time.perf_counter()
    fold = data.fold(estimator, split)
    given = () if fold.y is None else (fold.y,)
    error = None
    try:
        estimator.fit(fold.X, *given, **fold.params)
    except Exception as failure:
        error = failure
    return estimator, error, time.perf_counter() - start
