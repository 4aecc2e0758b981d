"""What the suites on tables found, and its summary over seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.suites.tabular_names import MODELS, REGRESSION_SETS


@dataclass
class Found:
    """Finished trainings.

    Attributes
    ----------
    cells : list of dict
        Key and result of everything, to be kept in the report.
    trainings : dict
        Per data set and model, the results by seed.
    """

    cells: list[dict[str, Any]] = field(default_factory=list)
    trainings: dict[tuple[str, str], dict[int, dict[str, Any]]] = field(
        default_factory=dict
    )

    def add(self, key: dict[str, Any], result: dict[str, Any]) -> None:
        """Take the result of a training, or of a temperature."""
        self.cells.append({"key": key, "result": result})
        if "part" not in key:
            by_seed = self.trainings.setdefault((key["data"], key["model"]), {})
            by_seed[key["seed"]] = result

    def values(self, data: str, model: str, metric: str) -> list[float]:
        """Return a metric of every seed that has it."""
        results = self.trainings.get((data, model), {})
        found = [results[seed].get(metric) for seed in sorted(results)]
        return [value for value in found if value is not None]

    def mean(self, data: str, model: str, metric: str) -> float | None:
        """Return the mean of a metric over seeds, None where there is none."""
        values = self.values(data, model, metric)
        return statistics.fmean(values) if values else None

    def loss(self, data: str, model: str) -> float | None:
        """Return the mean log-loss or RMSE."""
        return self.mean(data, model, loss_of(data))

    def models(self, sets: Sequence[str]) -> list[str]:
        """Return the models with a training on at least one of these sets."""
        return [
            model
            for model in MODELS
            if any((data, model) in self.trainings for data in sets)
        ]

    def complete_models(self, sets: Sequence[str]) -> list[str]:
        """Return the models with a training on each of these sets."""
        return [
            model
            for model in MODELS
            if all((data, model) in self.trainings for data in sets)
        ]

    def results(self, model: str) -> Iterator[dict[str, Any]]:
        """Yield every training of a model."""
        for (_, name), by_seed in self.trainings.items():
            if name == model:
                yield from by_seed.values()


def loss_of(data: str) -> str:
    """Return the name of the metric that ranks models on a data set."""
    return "rmse" if data in REGRESSION_SETS else "log_loss"


def standard_error(values: Sequence[float]) -> float | None:
    """Return the standard error of a mean; None for a single value."""
    if len(values) < 2:
        return None
    return statistics.stdev(values) / math.sqrt(len(values))


def mean_text(values: Sequence[float], digits: int = 4, scale: float = 1.0) -> str:
    """Return the mean and its standard error as text; empty where there is none.

    Examples
    --------
    >>> mean_text([1.0, 2.0, 3.0], digits=2)
    '2.00 ± 0.58'
    """
    if not values:
        return ""
    scaled = [scale * value for value in values]
    text = f"{statistics.fmean(scaled):.{digits}f}"
    error = standard_error(scaled)
    return text if error is None else f"{text} ± {error:.{digits}f}"
