"""Whether fits that are killed at random moments end as if they had not been.

    python -m benchmarks.kills [--n 50] [--seed 0] [--kinds table module search]

Every kill is a process of its own, ended by SIGKILL or SIGTERM in the midst of `fit`.
One that had ended before is no kill, and another one is killed in its place. The same
`fit` is then called again, and must end bit for bit like a third, which nobody
disturbed and which stored nothing.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import shutil
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


def killed(
    kind: str, root: Path, draw: random.Random, part: tuple[int, int], seconds: float
) -> tuple[str, signal.Signals, float, int]:
    """Kill a fit in the midst of it.

    Parameters
    ----------
    kind : str
    root : Path
        An empty folder.
    draw : random.Random
    part : tuple of int
        The how many-eth kill of this kind, and how many there are: each falls into
        another part of the training.
    seconds : float
        What a whole fit takes.

    Returns
    -------
    folder, sent, moment, n_late
        Where its checkpoints are; the signal; when it came, as a share of a whole fit;
        how many fits had ended before theirs, each with a folder of its own.
    """
    sent = draw.choice([signal.SIGKILL, signal.SIGTERM])
    for n_late in itertools.count():
        folder = str(root / f"folder_{n_late}")
        number, n = part
        moment = seconds * (number + draw.random()) / n
        begun = time.perf_counter()
        process = started(kind, folder, root / "nothing.txt")
        process.join(moment)
        if process.is_alive() and process.pid is not None:
            os.kill(process.pid, sent)
        process.join()
        if process.exitcode == -sent:
            return folder, sent, moment / seconds, n_late
        # This machine was quicker now than it was before.
        seconds = min(seconds, time.perf_counter() - begun)
    raise AssertionError


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, resume and compare; return how many ended otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=50, help="kills in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parsed = parser.parse_args(arguments)
    draw, wrong, late = random.Random(parsed.seed), 0, 0
    undisturbed: dict[str, tuple[str, float]] = {}
    with tempfile.TemporaryDirectory() as root:
        for number in range(parsed.n):
            which = number % len(parsed.kinds)
            kind = parsed.kinds[which]
            here = Path(root, str(number))
            here.mkdir()
            output = here / "told.txt"
            if kind not in undisturbed:
                # Once with files, for the time; once without, for the result.
                begun = time.perf_counter()
                started(kind, str(here / "whole"), output).join()
                seconds = time.perf_counter() - begun
                started(kind, "", output).join()
                undisturbed[kind] = output.read_text(), seconds
                output.unlink()
            whole, seconds = undisturbed[kind]
            n_of_kind = len(range(which, parsed.n, len(parsed.kinds)))
            part = number // len(parsed.kinds), n_of_kind
            folder, sent, moment, n_late = killed(kind, here, draw, part, seconds)
            started(kind, folder, output).join()
            same = output.exists() and output.read_text() == whole
            wrong += not same
            late += n_late
            print(
                f"{number + 1:3} {kind:7} {sent.name} at {moment:4.0%},"
                f" {'the same' if same else 'OTHERWISE'}",
                flush=True,
            )
            shutil.rmtree(here)
    print(
        f"{parsed.n - wrong} of {parsed.n} that were killed ended the same; {late} more"
        " had ended before they could be killed"
    )
    return wrong


if __name__ == "__main__":
    sys.exit(main())
