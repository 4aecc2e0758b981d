"""What a fit leaves behind: the private and public attributes of a fitted estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sk_mixup.estimators._features import features_of
from sk_mixup.estimators.tasks import Task
from sk_mixup.training import TrainStreams


@dataclass(frozen=True)
class Fitted:
    """What was learnt, as a whole: an estimator has all of it or nothing.

    Attributes
    ----------
    net : skorch net
    source : input object
        Encodes rows.
    task : Task
        Encodes targets.
    objective : Objective
    streams : TrainStreams
        Where the random numbers of the next training begin.
    features : dict
        Number and names of features.
    temperature : float, list of float or None
        None: nothing that has one.
    n_iter : int or None
        Epochs run; None before the first.
    alpha : float, ndarray or None
        How strongly was mixed, of all members or of each; None: the method has none.
    given : dict or None
        Parameters of the estimator; None: of an earlier version, which kept none.
    interrupted : bool
        Whether Ctrl-C has ended the training.
    importance : ndarray or None
        Of every feature; None: nobody asked.
    """

    net: Any
    source: Any
    task: Task
    objective: Any
    streams: TrainStreams
    features: dict[str, Any]
    temperature: Any = None
    n_iter: int | None = None
    alpha: Any = None
    given: dict[str, Any] | None = None
    interrupted: bool = False
    importance: Any = None

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of the estimator by name."""
        known = {
            "net_": self.net,
            "history_": self.net.history_,
            "_source_": self.source,
            "_target_": self.task.target,
            "_objective_": self.objective,
            "_streams_": self.streams,
            "_given_": self.given,
            **self.task.fitted,
            **self.features,
        }
        if self.temperature is not None:
            known["temperature_"] = self.temperature
        if self.n_iter is not None:
            known["n_iter_"] = self.n_iter
            known["alpha_"] = self.alpha
            known["interrupted_"] = self.interrupted
        if self.importance is not None:
            known["feature_importances_"] = self.importance
        return known

    @classmethod
    def of(cls, estimator: Any, task: Task) -> Fitted:
        """Return what a fitted estimator has learnt."""
        return cls(
            net=estimator.net_,
            source=estimator._source_,
            task=task,
            objective=estimator._objective_,
            streams=estimator._streams_,
            features=features_of(estimator),
            temperature=getattr(estimator, "temperature_", None),
            n_iter=estimator.n_iter_,
            alpha=getattr(estimator, "alpha_", None),
            given=vars(estimator).get("_given_"),
        )
