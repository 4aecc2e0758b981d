"""One training of the suites on tables, in the process that runs it.

``python -m benchmarks.suites.tabular_worker JSON`` prints one JSON object. A model that
cannot be imported gives ``{"skipped": reason}``.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import math
import os
import statistics
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness.machine import cpu_model, git_commit, package_version
from benchmarks.harness.memory import PeakIncrease, peak_memory
from benchmarks.suites.tabular_names import MODELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.tabular_data import TabularData

#: Texts of warnings that are kept, at most.
MAX_WARNINGS = 5


@dataclass(frozen=True)
class Job:
    """What one process does.

    Attributes
    ----------
    folder : str or None
        Of the data sets.
    data, model : str
    seed, threads : int
    max_rows : int or None
        Of each part, for quick runs.
    temperature_only : bool
        Train without the validation part and fit a temperature on it.
    inverse_temperature : float or None
        What such a run found.
    fraction, noise : float
        As in `degrade`.
    """

    folder: str | None
    data: str
    model: str
    seed: int
    threads: int
    max_rows: int | None = None
    temperature_only: bool = False
    inverse_temperature: float | None = None
    fraction: float = 1.0
    noise: float = 0.0

    def text(self) -> str:
        """Return the job as an argument of the command line."""
        return json.dumps(asdict(self))


def do(job: Job) -> dict[str, Any]:
    """Train, time and score one model."""
    from benchmarks.tabular_data import degrade, load

    folder = None if job.folder is None else Path(job.folder)
    data = load(folder, job.data, job.seed, job.max_rows)
    if job.fraction < 1.0 or job.noise > 0.0:
        data = degrade(data, job.fraction, job.noise, job.seed)
    if job.temperature_only:
        data = data.without_validation()
    name = MODELS[job.model]
    try:
        module, _, function = name.build.partition(":")
        build = getattr(importlib.import_module(module), function)
        model = build(data, job.seed, job.threads, **name.settings)
    except ImportError as error:
        return {"skipped": str(error)}
    _limit_torch(job.threads)

    load_before = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    with PeakIncrease() as rise, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start, start_cpu = time.perf_counter(), time.process_time()
        model.fit(data.x_train, data.y_train)
        seconds = time.perf_counter() - start
        cpu_seconds = time.process_time() - start_cpu
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predict = functools.partial(_predict, model, data)
        result = _scores(data, predict(), job)
        if job.temperature_only:
            return result
        speed = _speed(predict, len(data.x_test))
    return result | {
        "fit_seconds": seconds,
        "fit_cpu_seconds": cpu_seconds,
        "predict_rows_per_second": speed,
        "peak_bytes": peak_memory(),
        "fit_rise_bytes": rise.bytes,
        "n_train": len(data.x_train),
        "n_test": len(data.x_test),
        "n_columns": data.x_train.shape[1],
        "epochs": _epochs(model),
        "built_in_temperature": _number(model, "temperature_"),
        "warnings": _texts(caught),
        "version": _version(name.package),
        "commit": git_commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cpu": cpu_model(),
        "load_before": load_before,
    }


def _scores(data: TabularData, predicted: NDArray[Any], job: Job) -> dict[str, Any]:
    from benchmarks.suites.tabular_scores import (
        best_inverse_temperature,
        class_scores,
        number_scores,
    )

    if not data.is_classification:
        return dict(number_scores(data.y_test, predicted, data.y_train))
    if job.temperature_only:
        best = best_inverse_temperature(data.y_test, predicted)
        scores = class_scores(data.y_test, predicted, best)
        return {"inverse_temperature": best} | scores
    return dict(class_scores(data.y_test, predicted, job.inverse_temperature))


def _predict(model: Any, data: TabularData) -> NDArray[Any]:
    """Return probabilities with a column per class, or numbers."""
    import numpy as np

    from benchmarks.suites.tabular_scores import all_columns

    if not data.is_classification:
        return np.asarray(model.predict(data.x_test))
    proba = np.asarray(model.predict_proba(data.x_test), np.float64)
    classes = np.asarray(model.classes_).astype(int)
    return all_columns(proba, classes, data.n_classes)


def _speed(predict: Any, n_rows: int) -> float:
    """Return predicted rows per second: the median of three calls."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        predict()
        times.append(time.perf_counter() - start)
    return n_rows / statistics.median(times)


def _epochs(model: Any) -> int | None:
    last = getattr(model, "regressor_", model)
    last = last[-1] if hasattr(last, "steps") else last
    return _number(last, "n_iter_", int)


def _number(model: Any, attribute: str, kind: type = float) -> Any:
    value = getattr(model, attribute, None)
    with contextlib.suppress(TypeError, ValueError):
        if value is not None and math.isfinite(float(value)):
            return kind(value)
    return None


def _version(package: str) -> str:
    """Return the version of a distribution, or else of the module of that name."""
    version = package_version(package)
    if version == "not installed":
        version = getattr(sys.modules.get(package), "__version__", version)
    return version


def _texts(caught: list[warnings.WarningMessage]) -> list[str]:
    texts = [f"{found.category.__name__}: {found.message}" for found in caught]
    return [text[:300] for text in dict.fromkeys(texts)][:MAX_WARNINGS]


def _limit_torch(threads: int) -> None:
    """Set the threads of torch where the model has imported it."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads)


def main(arguments: list[str]) -> None:
    """Run from the command line."""
    job = Job(**json.loads(arguments[0]))
    # What peers print is no answer.
    with contextlib.redirect_stdout(sys.stderr):
        result = do(job)
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
