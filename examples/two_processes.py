"""Two processes train one net on handwritten digits, each on its share of every batch.

    python -m torch.distributed.run --nproc-per-node 2 examples/two_processes.py

Nothing in this file speaks of processes, but for what is printed: `fit` finds them by
itself. Started alone, the same file trains by one process, and ends with the same kind
of net. ``--parts`` gives every process a part of the rows instead of all of them.
"""

from __future__ import annotations

import argparse
import os
import time

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

from sk_mixup import MixupClassifier


class Net(nn.Module):
    """Two hidden layers."""

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.head(self.layers(x))
        return logits


def main() -> None:
    """Train, and let the first process say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--parts", action="store_true", help="a part of the rows each")
    options = parser.parse_args()

    # As `torchrun` says it; 0 of 1 without it.
    rank = int(os.environ.get("RANK", 0))
    size = int(os.environ.get("WORLD_SIZE", 1))
    X, y = load_digits(return_X_y=True)
    rows = train_test_split(X / 16, y, test_size=0.25, random_state=0)
    X_train, X_test, y_train, y_test = rows
    if options.parts:
        # Here of a table that all have read; else a file for each process.
        X_train, y_train = X_train[rank::size], y_train[rank::size]
    model = MixupClassifier(
        Net,
        mix="mixup",
        alpha=0.2,
        max_epochs=options.epochs,
        distributed="parts" if options.parts else "auto",
        random_state=0,
    )
    start = time.perf_counter()
    model.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    total = sum(float(w.detach().double().sum()) for w in model.module_.parameters())
    print(
        f"process {rank} of {size}: {model.n_iter_} epochs in {seconds:.1f} s,"
        f" weights sum to {total:.6f}"
    )
    if rank == 0:
        print(f"accuracy {model.score(X_test, y_test):.3f} on {len(y_test)} test rows")
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
