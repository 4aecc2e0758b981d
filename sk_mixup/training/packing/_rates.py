"""Learning rates over the training, set where the members' own trainings set them.

Schedulers of torch step the optimizers of the members' nets once per epoch, and the
schedules of the estimators once per batch. Members whose rates move alike have one that
is moved for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skorch.callbacks import LRScheduler
from torch.optim.lr_scheduler import ReduceLROnPlateau

from sk_mixup.training.feeds import count_batches
from sk_mixup.training.packing._member import PackMember
from sk_mixup.training.recipes import CourseRates


class _Length:
    """Tells a schedule how many batches there are."""

    def __init__(self, n_batches: int) -> None:
        self._n_batches = n_batches

    def __len__(self) -> int:
        return self._n_batches


def rate_signature(member: PackMember) -> Any:
    """Return what members whose learning rates move alike have in common."""
    knobs = member.knobs
    own = [c for _, c in member.net.callbacks_ if isinstance(c, LRScheduler)]
    parts: list[Any] = [knobs.warmup, member.schedule, member.n_epochs]
    # A course follows the losses of its own training.
    parts += [id(callback) for callback in _courses(member)]
    for callback in own:
        if callback.policy is ReduceLROnPlateau or callback.step_every != "epoch":
            parts.append(id(callback))
        else:
            parts += [callback.policy, repr(sorted(callback.kwargs.items()))]
    return tuple(parts)


class Rates:
    """Moves the learning rates of a pack.

    Parameters
    ----------
    members : sequence of PackMember
        Whose runs were started.
    """

    def __init__(self, members: Sequence[PackMember]) -> None:
        self._members = list(members)
        for member in members:
            # torch warns of schedulers whose optimizer has not stepped; ours does.
            member.net.optimizer_._opt_called = True
            for callback in [*_schedulers(member), *_courses(member)]:
                callback.on_train_begin(member.net)

    @property
    def move_in_steps(self) -> bool:
        """Whether any rate changes from batch to batch."""
        return any(_schedule(member) is not None for member in self._members)

    def start_epoch(self) -> None:
        """Tell the schedules how many batches there are, and set rates of epochs."""
        for member in self._members:
            if (schedule := _schedule(member)) is not None:
                n_batches = count_batches(len(member.train), member.batch_size)
                schedule.start_epoch(_Length(n_batches))
            for course in _courses(member):
                course.on_epoch_begin(member.net)

    def start_batch(self, leaders: Sequence[int], n_members: int) -> None:
        """Set the rates of the next batch, for those whose rates count."""
        for k in leaders:
            schedule = _schedule(self._members[k])
            if k < n_members and schedule is not None:
                schedule.start_batch()

    def end_epoch(self, leader_of: Sequence[int]) -> None:
        """Record rates, and step the schedulers.

        Parameters
        ----------
        leader_of : sequence of int
            For each member the one whose rates counted for it.
        """
        for member, leader in zip(self._members, leader_of, strict=True):
            if _schedule(member) is not None:
                lr = _schedule(self._members[leader]).lr
                member.net.history.record("event_lr", lr)
            for callback in _schedulers(member):
                callback.on_epoch_end(member.net)

    def keep(self, kept: Sequence[int]) -> None:
        """Go on with some members."""
        before = self._members
        self._members = [before[k] for k in kept]


def catch_up(member: PackMember, leader: PackMember) -> None:
    """Give a schedule the position of the one that was moved for it."""
    mine, other = _schedule(member), _schedule(leader)
    if mine is not None and other is not None:
        mine.epoch, mine.batch, mine.n_batches = (
            other.epoch,
            other.batch,
            other.n_batches,
        )
        mine._set([group["lr"] for group in other.groups])


def _schedule(member: PackMember) -> Any:
    stepper = member.run.stepper
    return None if stepper is None else stepper.schedule


def _schedulers(member: PackMember) -> list[Any]:
    return [c for _, c in member.net.callbacks_ if isinstance(c, LRScheduler)]


def _courses(member: PackMember) -> list[CourseRates]:
    return [c for _, c in member.net.callbacks_ if isinstance(c, CourseRates)]
