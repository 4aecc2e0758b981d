"""Whether fits that are killed at random moments end as if they had not been.

    python -m benchmarks.kills [--n 50] [--seed 0] [--kinds table module search]

Every kill is a process of its own, ended by SIGKILL or SIGTERM in the midst of `fit`;
another one calls the same `fit` again and must end bit for bit like a third, which
nobody disturbed and which stored nothing.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from sk_mixup import MixupClassifier, MixupSearchCV

KINDS = ("table", "module", "search")
_N = 400


class Net(nn.Module):
    """A small net with what keeps a state: running means, dropout of torch."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(6, 64),
            nn.BatchNorm1d(64),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(64, 2),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        return self.layers(x)


def made(kind: str, folder: str | None) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return what is fitted, and its data."""
    draw = np.random.default_rng(0)
    X = draw.standard_normal((_N, 6)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] + 0.5 * draw.standard_normal(_N) > 0).astype(int)
    own = {"random_state": 0, "device": "cpu"}
    if kind == "table":
        model = MixupClassifier(preset="fast", max_epochs=30, **own)
        return model.set_params(checkpoint=folder), X, y
    net = MixupClassifier(
        Net, max_epochs=40, batch_size=32, early_stopping=True, schedule="cosine", **own
    )
    if kind == "module":
        return net.set_params(checkpoint=folder, ema=0.9), X, y
    grid = {"alpha": [0.1, 1.0], "batch_size": [16, 32, 64]}
    return MixupSearchCV(net, grid, cv=3, checkpoint=folder), X, y


def child(kind: str, folder: str, output: Path) -> None:
    """Fit, and write what came out: one line that differs if a single bit does."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    model, X, y = made(kind, folder or None)
    model.fit(X, y)
    output.write_text(_told(model, X))


def _told(model: Any, X: np.ndarray) -> str:
    """Return weights, history and predictions as text."""
    net = getattr(model, "best_estimator_", model)
    weights = [value.numpy().tobytes().hex() for value in _weights(net)]
    rows = [{k: v for k, v in row.items() if k != "dur"} for row in net.history_]
    scores = getattr(model, "cv_results_", {}).get("mean_test_score", np.zeros(0))
    values = (*model.predict_proba(X).ravel(), *np.asarray(scores))
    return repr((weights, rows, [float(value).hex() for value in values]))


def _weights(net: Any) -> list[torch.Tensor]:
    return list(net.module_.state_dict().values())


def started(kind: str, folder: str, output: Path) -> BaseProcess:
    """Return a process that fits; a copy of this one, which has imported everything."""
    process = get_context("fork").Process(target=child, args=(kind, folder, output))
    process.start()
    return process


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, resume and compare; return how many ended otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=50, help="kills in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parsed = parser.parse_args(arguments)
    draw, wrong, in_time = random.Random(parsed.seed), 0, 0
    undisturbed: dict[str, tuple[str, float]] = {}
    with tempfile.TemporaryDirectory() as root:
        for number in range(parsed.n):
            kind = parsed.kinds[number % len(parsed.kinds)]
            output, folder = Path(root, f"{number}.txt"), str(Path(root, str(number)))
            if kind not in undisturbed:
                # Once with files, for the time; once without, for the result.
                process = started(kind, str(Path(root, kind)), output)
                begun = time.perf_counter()
                process.join()
                seconds = time.perf_counter() - begun
                started(kind, "", output).join()
                undisturbed[kind] = output.read_text(), seconds
                output.unlink()
            whole, seconds = undisturbed[kind]
            sent = draw.choice([signal.SIGKILL, signal.SIGTERM])
            process = started(kind, folder, output)
            time.sleep(draw.uniform(0.0, seconds))
            if process.pid is not None:
                os.kill(process.pid, sent)
            process.join()
            killed = process.exitcode == -sent
            in_time += killed
            started(kind, folder, output).join()
            same = output.exists() and output.read_text() == whole
            wrong += not same
            print(
                f"{number + 1:3} {kind:7}"
                f" {sent.name if killed else 'too late':9}"
                f" {'the same' if same else 'OTHERWISE'}",
                flush=True,
            )
    print(
        f"{parsed.n - wrong} of {parsed.n} ended the same; {in_time} were killed in"
        " time"
    )
    return wrong


if __name__ == "__main__":
    sys.exit(main())
