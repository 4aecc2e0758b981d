"""One training of each contestant of the suite ``speed``, with its clock.

Every clock runs from the start of one epoch to the start of the next, so that
shuffling, loss read-back and callbacks between two epochs count. The first epoch pays
for allocation and is left out.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn

from benchmarks.peers.nets import MLP
from benchmarks.peers.torch_loops import train_loop
from sk_mixup import MixupClassifier

LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Task:
    """Data and settings that all contestants share.

    Attributes
    ----------
    x, y : ndarray of shape (rows, features) and (rows,)
        Inputs (float32) and class indices.
    batch_size, epochs : int
        As usual.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    batch_size: int
    epochs: int


@dataclass(frozen=True)
class Timing:
    """What one training took and reached.

    Attributes
    ----------
    epoch : float
        Seconds per epoch, the first left out.
    fit : float
        Seconds of everything, from arrays to a trained model.
    accuracy : float
        On the training rows: shows that it trained at all.
    """

    epoch: float
    fit: float
    accuracy: float


class EpochMarks(Callback):
    """Note the clock at each start of an epoch and at the end.

    Parameters
    ----------
    clock : callable, default=time.perf_counter
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock

    def initialize(self) -> EpochMarks:
        """Forget an earlier fit."""
        self.marks_: list[float] = []
        return self

    def on_epoch_begin(self, net: Any, *args: Any, **kwargs: Any) -> None:
        """Note the start of an epoch."""
        self.marks_.append(self.clock())

    def on_train_end(self, net: Any, *args: Any, **kwargs: Any) -> None:
        """Note the end of the last epoch."""
        self.marks_.append(self.clock())


def train_ours(task: Task, seed: int, alpha: float) -> Timing:
    """Train `MixupClassifier`."""
    estimator = MixupClassifier(
        module=MLP,
        module__n_features=task.x.shape[1],
        alpha=alpha,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        lr=LEARNING_RATE,
        max_epochs=task.epochs,
        batch_size=task.batch_size,
        early_stopping=False,
        callbacks=[("marks", EpochMarks())],
        device="cpu",
        random_state=seed,
    )
    with warnings.catch_warnings():
        # A few epochs are enough for a clock, and the library rightly warns of them.
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        estimator.fit(task.x, task.y)
        seconds = time.perf_counter() - start
    marks = dict(estimator.net_.callbacks_)["marks"].marks_
    accuracy = float(np.mean(estimator.predict(task.x) == task.y))
    return Timing(per_epoch(marks, task), seconds, accuracy)


def train_by_hand(task: Task, seed: int, alpha: float) -> Timing:
    """Train with the hand-written loop."""
    start = time.perf_counter()
    torch.manual_seed(seed)
    result = train_loop(
        MLP(task.x.shape[1]),
        task.x,
        task.y,
        alpha=alpha,
        lr=LEARNING_RATE,
        batch_size=task.batch_size,
        epochs=task.epochs,
        seed=seed,
    )
    seconds = time.perf_counter() - start
    with torch.inference_mode():
        predicted = result.module(torch.from_numpy(task.x)).argmax(1).numpy()
    accuracy = float(np.mean(predicted == task.y))
    return Timing(per_epoch(result.marks, task), seconds, accuracy)


def train_skorch(task: Task, seed: int, shuffle: bool) -> Timing:
    """Train skorch's classifier with its default callbacks, without a split.

    Parameters
    ----------
    task : Task
        What to train.
    seed : int
        Of weights and batch order.
    shuffle : bool
        False is skorch's default, and less work than what the others do.
    """
    net = NeuralNetClassifier(
        MLP,
        module__n_features=task.x.shape[1],
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        lr=LEARNING_RATE,
        max_epochs=task.epochs,
        batch_size=task.batch_size,
        iterator_train__shuffle=shuffle,
        train_split=None,
        callbacks=[("marks", EpochMarks())],
        verbose=0,
    )
    torch.manual_seed(seed)
    start = time.perf_counter()
    net.fit(task.x, task.y)
    seconds = time.perf_counter() - start
    marks = dict(net.callbacks_)["marks"].marks_
    accuracy = float(np.mean(net.predict(task.x) == task.y))
    return Timing(per_epoch(marks, task), seconds, accuracy)


def train_sklearn(task: Task, seed: int) -> Timing:
    """Train scikit-learn's MLP; its iteration is an epoch of Adam.

    It has no hook between iterations: the whole fit, with its short set-up, is divided
    by their number.
    """
    model = MLPClassifier(
        (128, 128),
        batch_size=task.batch_size,
        learning_rate_init=LEARNING_RATE,
        max_iter=task.epochs,
        n_iter_no_change=task.epochs + 1,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(task.x, task.y)
        seconds = time.perf_counter() - start
    accuracy = float(np.mean(model.predict(task.x) == task.y))
    return Timing(seconds / task.epochs, seconds, accuracy)


def per_epoch(marks: list[float], task: Task) -> float:
    """Return seconds per epoch from the marks, the first epoch left out.

    Raises
    ------
    RuntimeError
        If a contestant ran another number of epochs than it was told to.
    """
    if len(marks) != task.epochs + 1:
        raise RuntimeError(
            f"{task.epochs} epochs leave {task.epochs + 1} marks; got {len(marks)}: the"
            " contestant did not train as it was told."
        )
    return (marks[-1] - marks[1]) / (task.epochs - 1)
