"""What the suite ``processes`` runs in processes of its own; prints a line of JSON."""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import joblib
import torch
import torch.distributed as dist
from sklearn.model_selection import GridSearchCV
from torch import Tensor, nn

from benchmarks.data import census_like, two_classes
from benchmarks.harness.interleave import interleave
from sk_mixup import MixupClassifier, MixupSearchCV

ALPHAS = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0]


class Wide(nn.Module):
    """A net whose steps are products of matrices, and little else."""

    def __init__(self, width: int = 768) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(64, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.layers(x)
        return logits


class Small(nn.Module):
    """A net whose steps are calls, and little work."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU()
        )
        self.head = nn.Linear(64, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.head(self.layers(x))
        return logits


def training(rounds: int, quick: bool) -> dict[str, Any]:
    """Train by both processes, and by the first alone, in turns."""
    dist.init_process_group("gloo")
    n_rows, batch, epochs = (2048, 512, 2) if quick else (16_384, 2048, 3)
    x, y = two_classes(n_rows, 64)

    def seconds(distributed: str | None) -> float:
        model = MixupClassifier(
            Wide,
            mix="mixup",
            alpha=0.2,
            lr=0.001,
            batch_size=batch,
            max_epochs=1 + epochs,
            early_stopping=False,
            random_state=0,
            distributed=distributed,
        )
        dist.barrier()
        if distributed is not None or dist.get_rank() == 0:
            model.fit(x, y)
        dist.barrier()
        if not hasattr(model, "history_"):
            return 0.0
        # The first one warms up.
        return statistics.median(row["dur"] for row in model.history_[1:])

    found = interleave(
        {
            "alone": lambda _: seconds(None),
            "together": lambda _: seconds("auto"),
        },
        rounds,
        task="round",
    )
    dist.destroy_process_group()
    width = Wide().layers[0].out_features
    words = f"{n_rows:,} rows, batches of {batch}, three hidden layers of {width}"
    return {**found, "what": words}


def search(rounds: int, quick: bool, backend: str, net: str) -> dict[str, Any]:
    """Search by packs, and by single fits, in turns."""
    epochs, folds = (2, 2) if quick else (8, 5)
    if net == "table":
        x, y = census_like(200 if quick else 1000)
        model = MixupClassifier(random_state=0, **({"max_epochs": 2} if quick else {}))
    else:
        x, y = two_classes(300 if quick else 3000, 32)
        model = MixupClassifier(
            Small,
            lr=0.002,
            batch_size=128,
            max_epochs=epochs,
            early_stopping=False,
            random_state=0,
        )

    alphas = ALPHAS[:3] if quick else ALPHAS

    def seconds(kind: type, alphas: list[float] = alphas, folds: int = folds) -> float:
        one = kind(model, {"alpha": alphas}, cv=folds, refit=False)
        start = time.perf_counter()
        with joblib.parallel_config(backend=backend, n_jobs=2):
            one.fit(x, y)
        return time.perf_counter() - start

    with workers(backend):
        for kind in (GridSearchCV, MixupSearchCV):
            # Which starts the workers, and lets them import.
            seconds(kind, alphas[:2], folds=2)
        return interleave(
            {
                "grid": lambda _: seconds(GridSearchCV),
                "together": lambda _: seconds(MixupSearchCV),
            },
            rounds,
            task="round",
        )


@contextlib.contextmanager
def workers(backend: str) -> Iterator[None]:
    """Have two workers, as far as the backend does not start them itself."""
    if backend != "dask":
        yield
        return
    import distributed

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        yield


def main(part: str, rounds: str, quick: str, *rest: str) -> None:
    """Run a part, and print what it found."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    parts: dict[str, Any] = {"training": training, "search": search}
    found = parts[part](int(rounds), quick == "1", *rest)
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
