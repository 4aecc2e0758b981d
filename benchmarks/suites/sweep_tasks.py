"""The sweeps of the suite ``sweep``, and the ways to run one.

All train the same nets on the same folds with the same batches' sizes, epochs and
optimizer; only the way there differs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from torch import nn

from benchmarks.data import two_classes
from benchmarks.parts import TABLES
from benchmarks.peers.nets import MLP
from benchmarks.peers.torch_loops import train_loop

ALPHAS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
LEARNING_RATE = 1e-3
#: Probabilities below this count as this, as in scikit-learn's log-loss for float32.
_SMALLEST = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Sweep:
    """A sweep, small enough to be passed to another process as text.

    Attributes
    ----------
    data : str
        A table of `benchmarks.parts.TABLES`, or "made up".
    n_rows : int or None
        None: all.
    batch_size, epochs : int
        Of the MLP; the default net has its own.
    n_alphas, n_folds : int
        Their product is the number of members.
    net : {"mlp", "default"}
    device : str
    """

    data: str
    n_rows: int | None
    batch_size: int
    epochs: int
    n_alphas: int = len(ALPHAS)
    n_folds: int = 5
    net: str = "mlp"
    device: str = "cpu"

    @property
    def n_members(self) -> int:
        """Trainings."""
        return self.n_alphas * self.n_folds

    @property
    def alphas(self) -> list[float]:
        """The first alphas; beyond those that are named, further ones up to 1."""
        more = np.linspace(0.01, 1.0, max(0, self.n_alphas - len(ALPHAS)))
        return [*ALPHAS, *map(float, more)][: self.n_alphas]


@dataclass(frozen=True)
class Data:
    """A table ready to train on.

    Attributes
    ----------
    x : ndarray or DataFrame
    y : ndarray
    is_classification : bool
    """

    x: Any
    y: NDArray[Any]
    is_classification: bool

    @property
    def n_outputs(self) -> int:
        """Width of the net's output."""
        return len(np.unique(self.y)) if self.is_classification else 1


def load(sweep: Sweep, folder: Path | None) -> Data:
    """Return the rows of a sweep: raw for the default net, as numbers for the MLP."""
    if sweep.data == "made up":
        assert sweep.n_rows is not None
        x, y = two_classes(sweep.n_rows, 20)
        return Data(x, y, True)
    assert folder is not None
    spec = TABLES[sweep.data]
    table = pd.read_csv(folder / spec.file).drop(columns=list(spec.drop))
    if spec.official is not None:
        table = table.drop(columns=spec.official)
    if sweep.n_rows is not None:
        table = table.sample(min(sweep.n_rows, len(table)), random_state=0)
    x, y = table.drop(columns=spec.target), table[spec.target]
    if spec.is_classification:
        labels = pd.factorize(y, sort=True)[0]
    else:
        labels = ((y - y.mean()) / y.std()).to_numpy(np.float32)
    if sweep.net == "default":
        return Data(x.reset_index(drop=True), labels, spec.is_classification)
    return Data(as_numbers(x), labels, spec.is_classification)


def as_numbers(table: pd.DataFrame) -> NDArray[np.float32]:
    """Return standardised numbers and one column per category."""
    numbers = table.select_dtypes("number")
    numbers = numbers.fillna(numbers.median())
    scaled = (numbers - numbers.mean()) / numbers.std().replace(0, 1)
    words = table.drop(columns=list(numbers)).astype(str)
    parts = [scaled] if words.empty else [scaled, pd.get_dummies(words)]
    return pd.concat(parts, axis=1).to_numpy(np.float32)


def folds(sweep: Sweep, data: Data) -> list[tuple[Any, Any]]:
    """Return the folds that all contestants train on."""
    kind = StratifiedKFold if data.is_classification else KFold
    splitter = kind(sweep.n_folds, shuffle=True, random_state=0)
    return list(splitter.split(data.x, data.y))


def searched(sweep: Sweep, data: Data, search: Any, **settings: Any) -> list[float]:
    """Run a search over our estimator, and return the mean scores."""
    grid = {"alpha": sweep.alphas}
    return _scores(search(_estimator(sweep, data), grid, **settings), sweep, data)


def _estimator(sweep: Sweep, data: Data) -> Any:
    from sk_mixup import MixupClassifier, MixupRegressor

    kind = MixupClassifier if data.is_classification else MixupRegressor
    estimator = kind(random_state=0, device=sweep.device)
    if sweep.net == "mlp":
        estimator.set_params(
            module=MLP,
            module__n_features=data.x.shape[1],
            module__n_classes=data.n_outputs,
            optimizer=torch.optim.AdamW,
            lr=LEARNING_RATE,
            batch_size=sweep.batch_size,
            max_epochs=sweep.epochs,
            early_stopping=False,
        )
    return estimator


def by_one_fit(sweep: Sweep, data: Data, pool: Executor) -> list[float]:
    """Run one of the fits alone; what the memory of a sweep is compared with."""
    train, _ = folds(sweep, data)[0]
    _estimator(sweep, data).set_params(alpha=0.2).fit(data.x[train], data.y[train])
    return []


def pack_bytes(sweep: Sweep) -> int:
    """Return what the members of the MLP's sweep take beside the rows, in theory.

    Weights, their gradients and Adam's two states; the inputs of the layers and their
    gradients for a batch. The MLP keeps no best weights.
    """
    widths = (20, 128, 128, 2)
    pairs = itertools.pairwise(widths)
    weights = sum(n_in * n_out + n_out for n_in, n_out in pairs)
    values = 4 * weights + 2 * sweep.batch_size * sum(widths)
    return 4 * values * sweep.n_members


def matrix_operations(sweep: Sweep) -> float:
    """Return the operations of the MLP's matrix products, forward and backward."""
    weights = 20 * 128 + 128 * 128 + 128 * 2
    rows = (sweep.n_rows or 0) * (1 - 1 / sweep.n_folds) * sweep.epochs
    return 6.0 * weights * rows * sweep.n_members


def by_grid_search(sweep: Sweep, data: Data, pool: Executor) -> list[float]:
    """Run (a): separate fits, over two processes; over one on a GPU."""
    n_jobs = 2 if sweep.device == "cpu" else 1
    return searched(sweep, data, GridSearchCV, n_jobs=n_jobs)


def by_mixup_search(sweep: Sweep, data: Data, pool: Executor) -> list[float]:
    """Run (c): one training."""
    from sk_mixup import MixupSearchCV

    return searched(sweep, data, MixupSearchCV)


def by_skorch(sweep: Sweep, data: Data, pool: Executor) -> list[float]:
    """Run (b): as many of skorch's nets, which do not mix, over two processes."""
    from skorch import NeuralNetClassifier, NeuralNetRegressor

    kind = NeuralNetClassifier if data.is_classification else NeuralNetRegressor
    net = kind(
        MLP,
        module__n_features=data.x.shape[1],
        module__n_classes=data.n_outputs,
        criterion=nn.CrossEntropyLoss if data.is_classification else nn.MSELoss,
        optimizer=torch.optim.AdamW,
        batch_size=sweep.batch_size,
        max_epochs=sweep.epochs,
        iterator_train__shuffle=True,
        train_split=None,
        device=sweep.device,
        verbose=0,
    )
    y = data.y if data.is_classification else data.y.reshape(-1, 1)
    grid = {"lr": [LEARNING_RATE] * sweep.n_alphas}
    n_jobs = 2 if sweep.device == "cpu" else 1
    search = GridSearchCV(net, grid, n_jobs=n_jobs)
    return _scores(search, sweep, Data(data.x, y, data.is_classification))


def by_loops(sweep: Sweep, data: Data, pool: Executor) -> list[float]:
    """Bare loops, one after another in each of two processes; classes alone."""
    jobs = list(itertools.product(sweep.alphas, folds(sweep, data)))
    tasks = [
        (data.x, data.y, train, test, alpha, sweep.batch_size, sweep.epochs)
        for alpha, (train, test) in jobs
    ]
    scores = list(pool.map(loop_score, tasks))
    return np.reshape(scores, (sweep.n_alphas, -1)).mean(axis=1).tolist()


def loop_score(task: tuple[Any, ...]) -> float:
    """Train by hand and return minus the log-loss of the test rows."""
    x, y, train, test, alpha, batch_size, epochs = task
    torch.manual_seed(0)
    module = train_loop(
        MLP(x.shape[1], len(np.unique(y))),
        x[train],
        y[train],
        alpha=alpha,
        lr=LEARNING_RATE,
        batch_size=batch_size,
        epochs=epochs,
        seed=0,
    ).module
    with torch.inference_mode():
        proba = module(torch.from_numpy(x[test])).softmax(1).numpy()
    own = proba[np.arange(len(test)), y[test]]
    return float(np.log(np.clip(own, _SMALLEST, 1.0)).mean())


def _scores(search: Any, sweep: Sweep, data: Data) -> list[float]:
    scoring = (
        "neg_log_loss" if data.is_classification else "neg_root_mean_squared_error"
    )
    search.set_params(scoring=scoring, cv=folds(sweep, data), refit=False)
    search.fit(data.x, data.y)
    return [float(score) for score in search.cv_results_["mean_test_score"]]


#: The ways to run a sweep, by what the tables call them.
CONTESTANTS: dict[str, Callable[[Sweep, Data, Executor], list[float]]] = {
    "bare loops": by_loops,
    "GridSearchCV(MixupClassifier)": by_grid_search,
    "GridSearchCV(skorch)": by_skorch,
    "MixupSearchCV": by_mixup_search,
    "one of the fits": by_one_fit,
}
