"""How long a training is to be and how its rate falls: the callbacks of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from skorch.callbacks import LRScheduler

from sk_mixup.estimators._settings import Settings
from sk_mixup.training import (
    ArrayData,
    BestWeights,
    ChooseAlpha,
    ChooseSteps,
    Course,
    CourseRates,
    Knobs,
    MemberRows,
    MuonAdamW,
    Recipe,
    StreamData,
    TrainingBar,
    count_accuracy,
    follows_plan,
)

# The shortest training whose first epochs may be given up.
_LEAST_EPOCHS = 10
# Callbacks of ours, which every training gets anew.
_OWN = ("best_weights", "annealing", "alphas", "steps", "training_bar")


@dataclass(frozen=True)
class Plan:
    """The length of a training and its learning rate.

    Attributes
    ----------
    recipe : Recipe
    n_epochs : int
        As planned.
    valid : ArrayData, StreamData or None
        The validation part, or what members are judged by.
    anneals : bool
        Whether the rate follows the recipe.
    schedule : str, callable or None
        Of the steps; "auto": none but those of callbacks.
    course : Course or None
        What the length of the training follows; None: somebody counts on it.
    """

    recipe: Recipe
    n_epochs: int
    valid: ArrayData | StreamData | None
    anneals: bool
    schedule: Any
    course: Course | None

    @classmethod
    def of(
        cls,
        settings: Settings,
        recipe: Recipe,
        knobs: Knobs,
        n_epochs: int,
        valid: ArrayData | StreamData | None,
    ) -> Plan:
        """Return the plan of a training."""
        anneals = recipe.anneal and not settings.partial and settings.optimizer is None
        schedule = "auto" if settings.partial else _schedule(knobs, anneals)
        anneals = anneals and schedule == "auto"
        course = None
        if anneals and valid is not None:
            course = _course(settings, recipe)
        return cls(recipe, n_epochs, valid, anneals, schedule, course)

    @property
    def most_epochs(self) -> int:
        """The epochs of the longest training that may come of it."""
        return self.n_epochs if self.course is None else self.course.longest

    def attach(self, net: Any, settings: Settings, *, shared: bool = False) -> None:
        """Add the callbacks of the recipe to the initialized ones of skorch.

        Parameters
        ----------
        net : skorch net
        settings : Settings
        shared : bool, default=False
            Whether several processes validate a share of the rows each.
        """
        # skorch's accuracy wants one output per row, and all rows: where members or
        # processes have theirs, ours takes its place.
        replaced = shared or isinstance(self.valid, MemberRows)
        own = (*_OWN, "valid_acc") if replaced else _OWN
        net.callbacks_ = [c for c in net.callbacks_ if c[0] not in own]
        count_accuracy(net)
        added: list[tuple[str, Any]] = []
        if self.course is not None:
            added.append(("annealing", CourseRates(self.course).initialize()))
        elif self.anneals and self.n_epochs > 1:
            added.append(("annealing", self._annealing().initialize()))
        if self.valid is not None:
            patience, first = settings.n_iter_no_change, 0
            if patience is None:
                patience = self.recipe.n_iter_no_change
                # Without the schedule of the recipe, no epoch is closer to the end.
                if self.anneals and self.course is None:
                    first = int(self.recipe.first_epoch * self.n_epochs)
            best = BestWeights(patience, first_epoch=first, course=self.course)
            added.append(("best_weights", best.initialize()))
            if self.course is not None and isinstance(self.valid, MemberRows):
                if self._may_choose_steps(net, settings, self.course):
                    steps = ChooseSteps(self.course, best, self.valid)
                    added.append(("steps", steps.initialize()))
                choice = ChooseAlpha(self.course, self.valid)
                added.append(("alphas", choice.initialize()))
        if settings.verbose > 1:
            bar = TrainingBar(self.most_epochs, self.course)
            added.append(("training_bar", bar.initialize()))
        # Behind the log, which shows the epoch that stops the training too.
        net.callbacks_ = [*net.callbacks_, *added]

    def _may_choose_steps(self, net: Any, settings: Settings, course: Course) -> bool:
        """Whether the first epochs say which steps the others take."""
        return (
            self.recipe.chooses_steps
            and net.optimizer is MuonAdamW
            and course.longest >= _LEAST_EPOCHS
            and settings.criterion is None
            and settings.ema is None
            and not len(net.history_)
        )

    def _annealing(self) -> LRScheduler:
        # skorch would go on from the epochs of earlier trainings.
        return LRScheduler(
            policy=torch.optim.lr_scheduler.CosineAnnealingLR,
            T_max=self.n_epochs,
            last_epoch=-1,
        )


def _course(settings: Settings, recipe: Recipe) -> Course | None:
    if recipe.longest == 0 or follows_plan(settings.method):
        return None
    longest, patience = settings.max_epochs, settings.n_iter_no_change
    return Course(
        recipe.longest if longest is None else longest,
        recipe.n_iter_no_change if patience is None else patience,
    )


def _schedule(knobs: Knobs, anneals: bool) -> Any:
    """Return the schedule of a fit; "auto": that of the recipe, if it has one."""
    if knobs.schedule == "auto" and knobs.warmup > 0:
        return "cosine" if anneals else None
    return knobs.schedule
