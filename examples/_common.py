"""What the examples share: arguments, progress, the comparison, its table and picture.

Each example trains the same net with several ways of mixing, `compare` judges them on
the same held-out rows, and everything else of an example is its data and its net.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from skorch.callbacks import Callback

HELD_OUT = 0.25
STYLE = "sk_mixup.inspection.pictures"


class UsageError(Exception):
    """Something about the arguments or the data that the user can put right."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line; the usage is a `--help` away."""

    def error(self, message: str) -> NoReturn:
        """Print the message and leave with code 2."""
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")


class Progress:
    """One line, rewritten in a terminal; in a log, one line per finished setting."""

    width = 24

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.start = time.perf_counter()
        self.live = sys.stderr.isatty()

    def show(self, label: str, part: float = 0.0) -> None:
        """Draw the bar with the time that is left; `part` is of the running fit."""
        if not self.live:
            return
        done = self.done + part
        filled = int(self.width * done / self.total)
        bar = "#" * filled + "." * (self.width - filled)
        passed = time.perf_counter() - self.start
        hint = f", about {passed / done * (self.total - done):.0f} s left"
        # \x1b[K clears what a longer line left behind.
        line = f"\r[{bar}] {self.done}/{self.total} fits, {label}{hint * bool(done)}"
        print(f"{line}\x1b[K", end="", file=sys.stderr, flush=True)

    def finish(self, label: str, seconds: float) -> None:
        """Note that all fits of one setting are done."""
        if not self.live:
            count = f"{self.done}/{self.total} fits"
            print(f"{label} {seconds:6.1f} s   {count} done", file=sys.stderr)
        elif self.done == self.total:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class EpochProgress(Callback):
    """Moves the bar after each epoch of a fit."""

    def __init__(self, progress: Progress, label: str) -> None:
        self.progress = progress
        self.label = label

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Skorch calls this."""
        epoch = len(net.history)
        label = f"{self.label}, epoch {epoch} of {net.max_epochs}"
        self.progress.show(label, min(1.0, epoch / net.max_epochs))


@dataclass
class Split:
    """Rows to train on, and rows to judge on."""

    X_train: Any
    X_test: Any
    y_train: np.ndarray
    y_test: np.ndarray


@dataclass
class Result:
    """What one way of mixing gave, per seed."""

    name: str
    accuracy: list[float] = field(default_factory=list)
    log_loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    curves: list[list[float]] = field(default_factory=list)


def split_rows(X: Any, y: Any, args: argparse.Namespace) -> Split:
    """Hold out a quarter of the rows, after `--sample` has picked some."""
    y = np.asarray(y)
    X, y = sampled(X, y, args.sample, args.random_state)
    names, counts = np.unique(y, return_counts=True)
    if len(names) < 2 or counts.min() < 2:
        raise UsageError(
            "two classes or more are needed, with two rows or more each; the data have"
            f" {len(names)} class(es), the smallest with {counts.min()} row(s)"
        )
    if len(y) * HELD_OUT < len(names):
        raise UsageError(
            f"{len(y)} rows are too few to hold out a quarter of each of {len(names)}"
            " classes"
        )
    parts = train_test_split(
        X, y, test_size=HELD_OUT, stratify=y, random_state=args.random_state
    )
    return Split(*parts)


def sampled(X: Any, y: np.ndarray, n_rows: int | None, seed: int) -> tuple[Any, Any]:
    """Return `n_rows` random rows (None: all), as many of each class as there were."""
    if n_rows is None or n_rows >= len(y):
        return X, y
    n_classes = len(np.unique(y))
    if n_rows < n_classes or len(y) - n_rows < n_classes:
        raise UsageError(
            f"--sample {n_rows} of {len(y)} rows: must leave a row or more of each of"
            f" the {n_classes} classes on both sides"
        )
    X, _, y, _ = train_test_split(
        X, y, train_size=n_rows, stratify=y, random_state=seed
    )
    return X, y


def compare(
    make: Callable[..., Any],
    mixes: Mapping[str, Any],
    split: Split,
    args: argparse.Namespace,
) -> list[Result]:
    """Train every way of mixing once per seed and judge it on the held-out rows.

    Parameters
    ----------
    make : callable
        Gets ``mix=``, ``max_epochs=``, ``random_state=`` and ``callbacks=`` for a
        `MixupClassifier`; returns it, or a Pipeline that ends with it.
    mixes : mapping of str to method or None
    split : Split
    args : Namespace
        With `seeds`, `max_epochs` and `random_state`.
    """
    progress = Progress(len(mixes) * args.seeds)
    wide = max(map(len, mixes))
    results = []
    for name, mix in mixes.items():
        result = Result(name)
        for seed in range(args.random_state, args.random_state + args.seeds):
            progress.show(name)
            model = make(
                mix=mix,
                max_epochs=args.max_epochs,
                random_state=seed,
                callbacks=[EpochProgress(progress, name)],
            )
            judge(model, split, result)
            progress.done += 1
        progress.finish(name.ljust(wide), sum(result.seconds))
        results.append(result)
    return results


def judge(model: Any, split: Split, result: Result) -> None:
    """Fit on one part, predict the other, and note how good that is."""
    start = time.perf_counter()
    model.fit(split.X_train, split.y_train)
    result.seconds.append(time.perf_counter() - start)
    predicted = model.predict_proba(split.X_test)
    labels = model.classes_[predicted.argmax(axis=1)]
    result.accuracy.append(accuracy_score(split.y_test, labels))
    result.log_loss.append(log_loss(split.y_test, predicted, labels=model.classes_))
    history = model[-1].history_ if hasattr(model, "steps") else model.history_
    if "valid_loss" in history[0]:
        result.curves.append(list(history[:, "valid_loss"]))


def format_results(results: list[Result]) -> str:
    """Return the comparison as text, one line per way of mixing."""
    rows = [["mixing", "accuracy", "log-loss", "seconds"]]
    for result in results:
        scores = [with_error(result.accuracy), with_error(result.log_loss)]
        rows.append([result.name, *scores, f"{np.mean(result.seconds):.1f}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *cells in rows:
        right = (c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))
        lines.append("   ".join([name.ljust(widths[0]), *right]))
    n = len(results[0].seconds)
    lines.append(
        f"Mean ± standard error over {n} seeds; seconds of one fit."
        if n > 1
        else "One seed only: differences may be chance (--seeds takes more)."
    )
    return "\n".join(lines)


def with_error(values: list[float]) -> str:
    """Return the mean, and its standard error where there are several values."""
    text = f"{np.mean(values):.4f}"
    if len(values) > 1:
        text += f" ± {np.std(values, ddof=1) / np.sqrt(len(values)):.4f}"
    return text


def draw_results(results: list[Result], title: str, path: Path) -> Path:
    """Save a dot per seed and score, and the learning curves; return the path."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.style.use(STYLE)
    curves = any(result.curves for result in results)
    height = max(3.4, 1.2 + 0.55 * len(results))
    figure, axes = plt.subplots(
        1, 2 + curves, figsize=(4 + 3.4 * (1 + curves), height), layout="constrained"
    )
    for ax, score in zip(axes, ("accuracy", "log_loss"), strict=False):
        for row, result in enumerate(results):
            values = getattr(result, score)
            ax.plot(values, [row] * len(values), "o", color=f"C{row}", alpha=0.45)
            ax.plot(np.mean(values), row, "|", color=f"C{row}", ms=22, mew=2.5)
        names = [result.name for result in results] if ax is axes[0] else []
        ax.set_yticks(range(len(results)), names or [""] * len(results))
        ax.set_ylim(len(results) - 0.4, -0.6)
        ax.locator_params(axis="x", nbins=5)
        ax.set_title(score.replace("_", "-"))
        ax.set_xlabel("held-out rows; a line at the mean")
    if curves:
        for row, result in enumerate(results):
            for i, curve in enumerate(result.curves):
                label = None if i else result.name
                epochs = range(1, len(curve) + 1)
                axes[2].plot(epochs, curve, color=f"C{row}", alpha=0.7, label=label)
        axes[2].set_title("learning curves")
        axes[2].set(xlabel="epoch", ylabel="validation log-loss")
        figure.legend(*axes[2].get_legend_handles_labels(), loc="outside right upper")
    figure.suptitle(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def report(results: list[Result], title: str, path: Path) -> None:
    """Print the table, save the picture and say where."""
    print(format_results(results))
    print(f"\nPicture: {draw_results(results, title, path)}")


def describe(name: str, what: str, split: Split) -> None:
    """Print what is trained on."""
    n_classes = len(np.unique(split.y_train))
    sizes = f"{len(split.y_train)} to train on, {len(split.y_test)} held out"
    print(f"{name}: {what}, {n_classes} classes; {sizes}.\n")


def make_parser(doc: str | None, *, seeds: int = 3) -> Parser:
    """Return a parser with the arguments that all examples have."""
    parser = Parser(description=doc, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--sample", type=int, metavar="N", help="use N random rows")
    add("--seeds", type=int, default=seeds, help=f"fits per mixing; default {seeds}")
    add("--max-epochs", type=int, help="default: chosen for the data")
    add("--output", type=Path, metavar="DIR", default=Path("demo_output"))
    add("--random-state", type=int, default=0)
    return parser


def start(parser: Parser, run: Callable[[argparse.Namespace], None]) -> None:
    """Read the command line and run; what the user can put right is one line."""
    args = parser.parse_args()
    for name in ("sample", "seeds", "max_epochs"):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')} must be >= 1; got {value}")
    # Or a log that holds both streams would show them out of order.
    sys.stdout.reconfigure(line_buffering=True)
    try:
        run(args)
    except UsageError as error:
        parser.error(str(error))


def require(library: str, extra: str) -> Any:
    """Return an optional library, before time is spent on anything else."""
    try:
        return importlib.import_module(library)
    except (ImportError, RuntimeError) as error:
        raise UsageError(
            f"this example needs the library {library} ({error}): pip install"
            f" 'sk-mixup[{extra}]'"
        ) from error
