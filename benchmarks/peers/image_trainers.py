"""One training of each contestant of the suite ``image_loop``, with its clocks.

Same net, optimizer, batch size and shuffling for all. Clocks run from the start of the
second epoch to the end of the last: the first one pays for allocation.
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
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from benchmarks.peers.resnet import SmallResNet
from benchmarks.peers.torch_loops import mixed_step_loss
from sk_mixup import MixupClassifier
from sk_mixup.mixing import Mixup

LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class ImageTask:
    """Data and settings that all contestants share.

    Attributes
    ----------
    x : ndarray of shape (rows, 3, height, width), float32 or uint8
    y : ndarray of shape (rows,)
        Class indices.
    batch_size, epochs : int
        As usual.
    net : type
        Its instances are trained.
    """

    x: NDArray[Any]
    y: NDArray[np.int64]
    batch_size: int
    epochs: int
    net: type[nn.Module] = SmallResNet


@dataclass(frozen=True)
class ImageTiming:
    """What one training took and reached.

    Attributes
    ----------
    wall, cpu : float
        Seconds per epoch by the clock on the wall, and of this process's own work: the
        second does not count what other programs take, nor the work of loaders.
    loss : float
        Training loss of the last epoch: shows that it trained at all.
    """

    wall: float
    cpu: float
    loss: float


class OneLayer(nn.Module):
    """Next to nothing, so that loading and the loop are what is timed."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3 * 8 * 8, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of images of 3 x 32 x 32."""
        logits: Tensor = self.head(functional.avg_pool2d(x, 4).flatten(1) / 100.0)
        return logits


class Clocks:
    """Both clocks, at the start of every epoch and at the end of the last."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, float]] = []

    def mark(self) -> None:
        """Note the time."""
        self.marks.append((time.perf_counter(), time.process_time()))

    def timing(self, task: ImageTask, loss: float) -> ImageTiming:
        """Return seconds per epoch.

        Raises
        ------
        RuntimeError
            If a contestant ran another number of epochs than it was told to.
        """
        if len(self.marks) != task.epochs + 1:
            raise RuntimeError(
                f"{task.epochs} epochs leave {task.epochs + 1} marks; got"
                f" {len(self.marks)}: the contestant did not train as it was told."
            )
        first, last = self.marks[1], self.marks[-1]
        n_epochs = task.epochs - 1
        wall, cpu = ((b - a) / n_epochs for a, b in zip(first, last, strict=True))
        return ImageTiming(wall, cpu, loss)


class EpochClocks(Callback):
    """Marks the clocks while a skorch net trains."""

    def initialize(self) -> EpochClocks:
        """Forget an earlier fit."""
        self.clocks_ = Clocks()
        return self

    def on_epoch_begin(self, net: Any, *args: Any, **kwargs: Any) -> None:
        """Note the start of an epoch."""
        self.clocks_.mark()

    def on_train_end(self, net: Any, *args: Any, **kwargs: Any) -> None:
        """Note the end of the last epoch."""
        self.clocks_.mark()


class ImageItems(Dataset[tuple[Tensor, int]]):
    """Images as a map-style data set, each with some work of its own to load.

    Parameters
    ----------
    task : ImageTask
    """

    def __init__(self, task: ImageTask) -> None:
        self.x = torch.from_numpy(task.x)
        self.targets = task.y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        """Return an image, shifted by up to two pixels, and its class."""
        shift = int(torch.randint(-2, 3, ()))
        return self.x[i].roll(shift, 2).float(), int(self.targets[i])


def train_by_hand(task: ImageTask, seed: int, alpha: float) -> ImageTiming:
    """Train with the loop that an expert writes for images in memory."""
    torch.manual_seed(seed)
    module = task.net()
    inputs, labels = torch.from_numpy(task.x), torch.from_numpy(task.y)
    optimizer = torch.optim.AdamW(module.parameters(), lr=LEARNING_RATE, fused=True)
    criterion = nn.CrossEntropyLoss()
    generator = torch.Generator().manual_seed(seed)
    rng = np.random.default_rng(seed)
    clocks, total = Clocks(), torch.zeros(())
    module.train()
    for _ in range(task.epochs):
        clocks.mark()
        total = torch.zeros(())
        order = torch.randperm(len(inputs), generator=generator)
        for index in order.split(task.batch_size):
            # Of float32 images this is a name and no copy.
            xb, yb = inputs[index].float(), labels[index]
            optimizer.zero_grad(set_to_none=True)
            if alpha > 0:
                loss = mixed_step_loss(module, criterion, xb, yb, alpha, rng)
            else:
                loss = criterion(module(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(index)
    clocks.mark()
    return clocks.timing(task, total.item() / len(inputs))


def train_ours(task: ImageTask, seed: int, alpha: float) -> ImageTiming:
    """Train `MixupClassifier` on arrays."""
    mix = Mixup(alpha) if alpha > 0 else None
    return _fit_ours(task, seed, mix, lambda net: net.fit(task.x, task.y))


def train_ours_on_items(
    task: ImageTask, seed: int, alpha: float, workers: int
) -> ImageTiming:
    """Train `MixupClassifier` on a data set."""
    mix = Mixup(alpha) if alpha > 0 else None
    items = ImageItems(task)
    settings = {"iterator_train__num_workers": workers} if workers else {}
    return _fit_ours(task, seed, mix, lambda net: net.fit(items), **settings)


def train_skorch_on_items(task: ImageTask, seed: int, workers: int) -> ImageTiming:
    """Train skorch's classifier on a data set: its own `DataLoader` path."""
    torch.manual_seed(seed)
    net = NeuralNetClassifier(
        task.net,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        lr=LEARNING_RATE,
        max_epochs=task.epochs,
        batch_size=task.batch_size,
        iterator_train__shuffle=True,
        iterator_train__num_workers=workers,
        train_split=None,
        classes=np.unique(task.y),
        callbacks=[("clocks", EpochClocks())],
        verbose=0,
    )
    net.fit(ImageItems(task), y=None)
    clocks = dict(net.callbacks_)["clocks"].clocks_
    return clocks.timing(task, net.history[-1, "train_loss"])


def _fit_ours(
    task: ImageTask, seed: int, mix: Any, fit: Callable[[Any], Any], **settings: Any
) -> ImageTiming:
    estimator = MixupClassifier(
        module=task.net,
        mix=mix,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        lr=LEARNING_RATE,
        max_epochs=task.epochs,
        batch_size=task.batch_size,
        early_stopping=False,
        callbacks=[("clocks", EpochClocks())],
        device="cpu",
        random_state=seed,
        **settings,
    )
    with warnings.catch_warnings():
        # A few epochs are enough for a clock, and the library rightly warns of them.
        warnings.simplefilter("ignore")
        fit(estimator)
    clocks = dict(estimator.net_.callbacks_)["clocks"].clocks_
    return clocks.timing(task, estimator.history_[-1]["train_loss"])
