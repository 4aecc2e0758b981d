"""Which cells there are, and in which order they run.

The first seeds of everything come before any later seed, and what takes seconds before
what takes minutes: whenever a run is cut off, every claim has something to show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.claims import digits, image_methods, images, numbers, tables
from benchmarks.claims.cell import Cell, Place
from benchmarks.claims.scales import Scale

#: What computes the cells of a kind.
KINDS: dict[str, Callable[[Cell, Place], dict[str, Any]]] = {
    "smoothing": numbers.smoothing,
    "digits wrong": digits.digit_wrong,
    "digits few": digits.digit_few,
    "mistake": digits.mistake,
    "ids": tables.ids,
    "table few": tables.table_few,
    "table wrong": tables.table_wrong,
    "imbalance": tables.imbalance,
    "shift": tables.shift,
    "text": tables.text,
    "sound": tables.sound,
    "cost": numbers.cost,
    "images few": images.few,
    "images": images.trained,
    "images held out": images.held_out,
    "images wrong": images.wrong,
    # Of the suite ``methods``.
    "method trial": image_methods.trial,
    "method": image_methods.trained,
}
#: Which letters of the claims a kind answers.
LETTERS = {
    "smoothing": "g",
    "digits wrong": "c",
    "digits few": "e",
    "mistake": "gh",
    "ids": "h",
    "table few": "j",
    "table wrong": "j",
    "imbalance": "j",
    "shift": "j",
    "text": "j",
    "sound": "j",
    "cost": "i",
    "images few": "e",
    "images": "abdfghk",
    "images held out": "f",
    "images wrong": "c",
}

IMAGE_WAYS = ("none", "mixup 0.2", "mixup 1", "cutmix 1", "switch", "manifold 2")
#: At a third of the epochs alone: strong mixing, and one late layer.
SHORT_WAYS = (*IMAGE_WAYS, "mixup 8", "late layer")
HELD_OUT_WAYS = ("none", "mixup 0.2", "mixup 1", "cutmix 1")
FEW_WAYS = ("none", "mixup 1", "cutmix 1")
DIGIT_FEW_WAYS = ("none", "mixup 0.2", "mixup 1")
DIGIT_SIZES = (10, 25, 70)
DIGIT_SHARES = (0.2, 0.4, 0.8)
MISTAKE_ALPHAS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 8.0, 32.0)
TABLES = ("churn", "adult", "letter")
TABLE_ROWS, WRONG_ROWS = 300, 1_000
TEXT_ROWS, SOUND_ROWS = 200, 150


def cells_of(scale: Scale) -> list[Cell]:
    """Return all cells in the order in which they run."""
    order = list(KINDS)
    cells = list(_all(scale))
    # A small net's seeds are cheap: two of them go with each seed of images.
    per_round = {"image": 1, "small": 2, "table": 2}
    return sorted(
        cells,
        key=lambda cell: (
            cell.seed // per_round[_size(cell.kind)],
            order.index(cell.kind),
            _epochs(cell),
            cell.seed,
        ),
    )


def _size(kind: str) -> str:
    if kind.startswith("images") or kind == "cost":
        return "image"
    tables_ = ("table few", "table wrong", "imbalance", "shift", "text", "sound")
    return "table" if kind in tables_ else "small"


def _epochs(cell: Cell) -> int:
    return int(dict(cell.of).get("epochs", 0)) if cell.kind == "images" else 0


def _all(scale: Scale) -> Iterator[Cell]:
    small, wide = range(scale.small_seeds), range(scale.table_seeds)
    for seed in small:
        for alpha in numbers.SMOOTHING_ALPHAS:
            yield Cell("smoothing", f"{alpha:g}", seed)
        for share in DIGIT_SHARES:
            for setting in ("none", *_mixups(scale.noise_alphas)):
                yield Cell("digits wrong", setting, seed, (("share", share),))
        for size in DIGIT_SIZES:
            for setting in DIGIT_FEW_WAYS:
                yield Cell("digits few", setting, seed, (("per_class", size),))
        for setting in ("none", *_mixups(MISTAKE_ALPHAS), *digits.MISTAKES):
            yield Cell("mistake", setting, seed)
        for setting in ("none", "vectors", "ids rounded"):
            yield Cell("ids", setting, seed)
    for seed in wide:
        for name in TABLES:
            for setting in ("none", "mixup 0.2", "mixup 1"):
                of = (("data", name), ("rows", TABLE_ROWS))
                yield Cell("table few", setting, seed, of)
        for name in TABLES[:2]:
            for setting in ("none", "mixup 0.2", "mixup 1"):
                of = (("data", name), ("rows", WRONG_ROWS), ("share", 0.4))
                yield Cell("table wrong", setting, seed, of)
        for setting in ("none", "mixup 0.2", "remix 1", "balanced mixup 0.2"):
            yield Cell("imbalance", setting, seed)
        for setting in ("none", "mixup 0.2", "c-mixup 2"):
            yield Cell("shift", setting, seed)
        for setting in ("none", "words 0.2", "reg mixup 10"):
            yield Cell("text", setting, seed, (("rows", TEXT_ROWS),))
        for setting in ("none", "mixup 0.2", "mixup 1"):
            yield Cell("sound", setting, seed, (("rows", SOUND_ROWS),))
    for seed in range(scale.image_seeds):
        yield Cell("cost", "all methods", seed)
        for setting in IMAGE_WAYS:
            yield Cell("images", setting, seed, (("epochs", scale.long),))
        for setting in SHORT_WAYS:
            yield Cell("images", setting, seed, (("epochs", scale.short),))
        for setting in HELD_OUT_WAYS:
            yield Cell("images held out", setting, seed, (("epochs", scale.short),))
        for share in scale.noise_shares:
            for setting in ("none", *_mixups(scale.noise_alphas)):
                yield Cell("images wrong", setting, seed, (("share", share),))
        for per_class, epochs in scale.few:
            for setting in FEW_WAYS:
                of = (("per_class", per_class), ("epochs", epochs))
                yield Cell("images few", setting, seed, of)


def _mixups(alphas: tuple[float, ...]) -> list[str]:
    return [f"mixup {alpha:g}" for alpha in alphas]


def wanted(cells: list[Cell], only: tuple[str, ...]) -> list[Cell]:
    """Return the cells that some claims need; no names: all."""
    if not only:
        return cells
    return [cell for cell in cells if set(LETTERS[cell.kind]) & set(only)]
