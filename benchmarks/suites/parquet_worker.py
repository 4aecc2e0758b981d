"""One fit from files or from memory, in the process that runs it.

``python -m benchmarks.suites.parquet_worker JSON`` prints one JSON object: seconds of
the fastest epoch and of the fit, and the largest memory of the process.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from benchmarks.harness.memory import peak_memory


def ask(contestant: str, folder: Path, epochs: int, threads: int) -> list[str]:
    """Return the arguments of the worker."""
    task = {
        "contestant": contestant,
        "folder": str(folder),
        "epochs": epochs,
        "threads": threads,
    }
    return ["-m", "benchmarks.suites.parquet_worker", json.dumps(task)]


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Fit, and return what was measured."""
    import torch

    from sk_mixup import MixupClassifier
    from sk_mixup.inputs import ParquetRows

    torch.set_num_threads(task["threads"])
    warnings.simplefilter("ignore")
    model = MixupClassifier(
        "mlp",
        mix="mixup",
        max_epochs=task["epochs"],
        early_stopping=False,
        random_state=0,
    )
    X: Any
    if task["contestant"] == "ParquetRows":
        X, y = ParquetRows(task["folder"], target="y"), None
        if X.fits_window:  # Of a quick run, which is to read as a long one does.
            X = ParquetRows(task["folder"], target="y", window=len(X) // 4)
    else:
        import pandas as pd

        X = pd.read_parquet(task["folder"])
        y = X.pop("y")
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    return {
        "epoch_seconds": min(row["dur"] for row in model.history_),
        "fit_seconds": seconds,
        "train_loss": model.history_[-1]["train_loss"],
        "peak_bytes": peak_memory(),
    }


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))))
