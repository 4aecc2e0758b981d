"""Suite ``gpu``: a card beside loops by hand, in under eight minutes.

Steps per second of the estimator and of a loop that an expert writes for data on the
card; CUDA graphs (``compile={"mode": "reduce-overhead"}``), bfloat16, packs of 45
members, and predictions. Without a card the same runs on the CPU with small sizes, as a
smoke test whose figures mean nothing, and says so.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.data import two_classes
from benchmarks.harness.interleave import interleave
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.statistics import median_interval, paired_ratio
from sk_mixup import MixupClassifier, MixupSearchCV, MixupWarning
from sk_mixup.nets import ResNet

ALPHAS = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0]
GRAPHS = {"mode": "reduce-overhead"}
Contestant = Callable[[int], float]


class Perceptron(nn.Module):
    """Three hidden layers."""

    def __init__(self, n_features: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, width),
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


def run(options: Options, progress: Progress) -> Report:
    """Measure on a card, or try everything on the CPU."""
    on_card = torch.cuda.is_available()
    small = options.quick or not on_card
    device = "cuda" if on_card else "cpu"
    if not on_card:
        progress.say("there is no CUDA device: a smoke test on the CPU")
    rounds = options.seeds or (2 if small else 5)
    measured: dict[str, Any] = {"device": _name(device), "is_smoke_test": small}
    tables = []
    for name, part in PARTS.items():
        progress.say(name)
        with warnings.catch_warnings():
            # That few epochs teach little with mixing is no news here.
            warnings.simplefilter("ignore", MixupWarning)
            measured[name] = part(device, small, rounds)
        tables.append(_table(name, measured[name], measured["device"], small))
    return Report("gpu", tables, measured)


# -- parts -----------------------------------------------------------------------------


def rows_of_numbers(device: str, small: bool, rounds: int) -> dict[str, list[float]]:
    """Return steps per second of a perceptron, of either loop."""
    n_rows, width, batch = (512, 32, 128) if small else (131_072, 256, 1024)
    epochs = 3 if small else 6
    x, y = two_classes(n_rows, 64)

    def ours(**params: Any) -> Contestant:
        return lambda seed: _steps_of_fit(
            Perceptron(64, width), x, y, batch, epochs, seed, device, **params
        )

    def hand(**params: Any) -> Contestant:
        return lambda seed: _steps_by_hand(
            Perceptron(64, width), x, y, batch, epochs, seed, device, **params
        )

    found = interleave(
        {
            "ours": ours(),
            "by hand": hand(),
            "ours, bfloat16": ours(precision="bfloat16"),
            "by hand, bfloat16": hand(half=True),
        },
        rounds,
        task="perceptron",
    )
    if device == "cpu":
        return found
    # Each of these compiles for most of a minute.
    graphs = {
        "ours, CUDA graphs": ours(compile=GRAPHS),
        "by hand, CUDA graphs": hand(graphs=True),
    }
    return found | interleave(graphs, min(rounds, 2), task="CUDA graphs")


def images(device: str, small: bool, rounds: int) -> dict[str, list[float]]:
    """Return steps per second of a residual net."""
    n_rows, batch = (32, 16) if small else (8192, 256)
    epochs = 2 if small else 3
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n_rows, 3, 32, 32)).astype(np.float32)
    y = rng.integers(0, 10, n_rows)

    def net() -> nn.Module:
        return ResNet(in_channels=3, n_outputs=10, size=(32, 32))

    half = {"precision": "bfloat16", "channels_last": True}
    return interleave(
        {
            "ours": lambda s: _steps_of_fit(net(), x, y, batch, epochs, s, device),
            "by hand": lambda s: _steps_by_hand(net(), x, y, batch, epochs, s, device),
            "ours, bfloat16": lambda s: _steps_of_fit(
                net(), x, y, batch, epochs, s, device, **half
            ),
            "by hand, bfloat16": lambda s: _steps_by_hand(
                net(), x, y, batch, epochs, s, device, half=True, channels_last=True
            ),
        },
        rounds,
        task="residual net",
    )


def packs(device: str, small: bool, rounds: int) -> dict[str, list[float]]:
    """Return fits per second: 45 in a pack, and one by one."""
    n_rows, batch, epochs = (256, 64, 2) if small else (16_384, 256, 10)
    x, y = two_classes(n_rows, 64)
    model = MixupClassifier(
        Perceptron,
        module__n_features=64,
        module__width=128,
        lr=0.002,
        batch_size=batch,
        max_epochs=epochs,
        early_stopping=False,
        device=device,
        random_state=0,
    )

    def pack(_: int) -> float:
        search = MixupSearchCV(model, {"alpha": ALPHAS}, cv=5, refit=False)
        start = time.perf_counter()
        search.fit(x, y)
        return 45 / (time.perf_counter() - start)

    def single(_: int) -> float:
        rows = len(x) * 4 // 5
        start = time.perf_counter()
        for alpha in (0, 0.2, 0.4):
            model.set_params(alpha=alpha).fit(x[:rows], y[:rows])
        return 3 / (time.perf_counter() - start)

    return interleave({"ours": pack, "by hand": single}, min(rounds, 3), task="packs")


def predictions(device: str, small: bool, rounds: int) -> dict[str, list[float]]:
    """Return rows per second of `predict_proba`, and of the module alone."""
    n_rows = 2048 if small else 1_000_000
    x, y = two_classes(n_rows, 64)
    model = MixupClassifier(
        Perceptron(64, 256), mix=None, max_epochs=1, device=device, random_state=0
    ).fit(x[:2048], y[:2048])
    module = model.module_.eval()

    def ours(_: int) -> float:
        start = time.perf_counter()
        model.predict_proba(x)
        return n_rows / (time.perf_counter() - start)

    @torch.inference_mode()
    def hand(_: int) -> float:
        start = time.perf_counter()
        parts = [
            module(torch.from_numpy(part).to(device)).softmax(1).cpu()
            for part in np.array_split(x, max(1, n_rows // 65_536))
        ]
        torch.cat(parts).numpy()
        return n_rows / (time.perf_counter() - start)

    ours(0)
    return interleave({"ours": ours, "by hand": hand}, rounds, task="predictions")


PARTS: dict[str, Callable[[str, bool, int], dict[str, list[float]]]] = {
    "Perceptron, steps per second": rows_of_numbers,
    "Residual net, steps per second": images,
    "Fits per second, 45 in a pack and one by one": packs,
    "Predictions, rows per second": predictions,
}


# -- the two ways to train -------------------------------------------------------------


def _steps_of_fit(
    module: nn.Module,
    x: NDArray[Any],
    y: NDArray[Any],
    batch: int,
    epochs: int,
    seed: int,
    device: str,
    **params: Any,
) -> float:
    model = MixupClassifier(
        module,
        mix="mixup",
        alpha=0.2,
        batch_size=batch,
        max_epochs=epochs,
        early_stopping=False,
        device=device,
        random_state=seed,
        **params,
    )
    model.fit(x, y)
    # An epoch ends with its losses read back. The first one, or two, warm up.
    seconds = [row["dur"] for row in model.history_[min(2, epochs - 1) :]]
    return -(-len(x) // batch) / statistics.median(seconds)


def _steps_by_hand(
    module: nn.Module,
    x: NDArray[Any],
    y: NDArray[Any],
    batch: int,
    epochs: int,
    seed: int,
    device: str,
    *,
    half: bool = False,
    graphs: bool = False,
    channels_last: bool = False,
) -> float:
    inputs, labels = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
    module = module.to(device).train()
    if channels_last:
        module = module.to(memory_format=torch.channels_last)
        inputs = inputs.to(memory_format=torch.channels_last)
    call: Any = torch.compile(module, **GRAPHS) if graphs else module
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.001, fused=True)
    criterion = nn.CrossEntropyLoss()
    generator = torch.Generator(device=device).manual_seed(seed)
    rng = np.random.default_rng(seed)
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        total = torch.zeros((), device=device)
        order = torch.randperm(len(inputs), generator=generator, device=device)
        for index in order.split(batch):
            xb, yb = inputs[index], labels[index]
            lam = rng.beta(0.2, 0.2)
            partner = torch.randperm(len(xb), generator=generator, device=device)
            mixed = lam * xb + (1 - lam) * xb[partner]
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device, torch.bfloat16, enabled=half):
                output = call(mixed)
            output = output.float()
            loss = lam * criterion(output, yb)
            loss = loss + (1 - lam) * criterion(output, yb[partner])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        total.item()
        seconds.append(time.perf_counter() - start)
    return -(-len(x) // batch) / statistics.median(seconds[min(2, epochs - 1) :])


def _table(
    title: str, found: dict[str, list[float]], device: str, small: bool
) -> Table:
    rows = []
    for name, values in found.items():
        if name.startswith("by hand"):
            continue
        other = found[name.replace("ours", "by hand")]
        rows.append(
            [
                name,
                median_interval(values).format(1),
                median_interval(other).format(1),
                paired_ratio(values, other).format(),
            ]
        )
    notes: Sequence[str] = (f"On {device}.",)
    if small:
        notes = (f"A smoke test on {device} with small sizes: no figures to quote.",)
    other_name = "one by one" if "pack" in title else "by hand"
    return Table(title, ["", "ours", other_name, "ours / other"], rows, notes)


def _name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "the CPU"
