"""How long a training is to be and how its rate falls: the callbacks of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from skorch.callbacks import LRScheduler

from sk_mixup.estimators._settings import Settings
from sk_mixup.training import (
    BestWeights,
    Horizon,
    Knobs,
    PlannedCosine,
    Recipe,
    TrainingBar,
    follows_plan,
)

# Callbacks of ours, which every training gets anew.
_OWN = ("best_weights", "annealing", "training_bar")


@dataclass(frozen=True)
class Plan:
    """The length of a training and its learning rate.

    Attributes
    ----------
    recipe : Recipe
    n_epochs : int
        As planned.
    validates : bool
        Whether there is a validation part.
    anneals : bool
        Whether the rate follows the recipe.
    schedule : str, callable or None
        Of the steps; "auto": none but those of callbacks.
    horizon : Horizon or None
        What may lengthen the training; None: somebody counts on its length.
    """

    recipe: Recipe
    n_epochs: int
    validates: bool
    anneals: bool
    schedule: Any
    horizon: Horizon | None

    @classmethod
    def of(
        cls,
        settings: Settings,
        recipe: Recipe,
        knobs: Knobs,
        n_epochs: int,
        validates: bool,
    ) -> Plan:
        """Return the plan of a training."""
        anneals = recipe.anneal and not settings.partial and settings.optimizer is None
        schedule = "auto" if settings.partial else _schedule(knobs, anneals)
        anneals = anneals and schedule == "auto"
        horizon = None
        if anneals and validates:
            horizon = _horizon(settings, recipe, n_epochs)
        return cls(recipe, n_epochs, validates, anneals, schedule, horizon)

    @property
    def most_epochs(self) -> int:
        """The epochs of the longest training that may come of it."""
        return self.n_epochs if self.horizon is None else self.horizon.long

    def attach(self, net: Any, settings: Settings) -> None:
        """Add the callbacks of the recipe to the initialized ones of skorch."""
        net.callbacks_ = [c for c in net.callbacks_ if c[0] not in _OWN]
        added: list[tuple[str, Any]] = []
        if self.anneals and self.n_epochs > 1:
            added.append(("annealing", self._annealing().initialize()))
        if self.validates:
            patience, first = settings.n_iter_no_change, 0
            if patience is None:
                patience = self.recipe.n_iter_no_change
                # Without the schedule of the recipe, no epoch is closer to the end.
                if self.anneals:
                    first = int(self.recipe.first_epoch * self.n_epochs)
            best = BestWeights(patience, first_epoch=first, horizon=self.horizon)
            added.append(("best_weights", best.initialize()))
        if settings.verbose > 1:
            bar = TrainingBar(self.n_epochs, self.horizon)
            added.append(("training_bar", bar.initialize()))
        # Behind the log, which shows the epoch that stops the training too.
        net.callbacks_ = [*net.callbacks_, *added]

    def _annealing(self) -> LRScheduler:
        # skorch would go on from the epochs of earlier trainings.
        if self.horizon is not None:
            return LRScheduler(
                policy=PlannedCosine, horizon=self.horizon, last_epoch=-1
            )
        return LRScheduler(
            policy=torch.optim.lr_scheduler.CosineAnnealingLR,
            T_max=self.n_epochs,
            last_epoch=-1,
        )


def _horizon(settings: Settings, recipe: Recipe, n_epochs: int) -> Horizon | None:
    chosen = settings.max_epochs is not None or settings.n_iter_no_change is not None
    if chosen or recipe.longest <= n_epochs or follows_plan(settings.method):
        return None
    return Horizon(n_epochs, recipe.longest, settings.mixes)


def _schedule(knobs: Knobs, anneals: bool) -> Any:
    """Return the schedule of a fit; "auto": that of the recipe, if it has one."""
    if knobs.schedule == "auto" and knobs.warmup > 0:
        return "cosine" if anneals else None
    return knobs.schedule
