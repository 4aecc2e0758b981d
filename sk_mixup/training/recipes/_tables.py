"""What `None` means for tables: net, optimizer and rates by the number of rows.

Chosen on validation rows inside the training parts of the tables that ``benchmarks
metatune`` runs, never on a test part. What moved the loss most, on average over them:
members that share nothing and leave out a fold each, so that no row is lost and the
length of a training is no matter of chance; bins of the numbers by the target and
evenly beside; first weights as wide as a ReLU wants them; dropout; members of two
kinds; a factor per column; twice the members where rows are few. How long a training
takes is no part of a recipe, see `Course`.

Very many rows do without folds: a tenth of them says all there is to say, and members
that share their matrices are the larger net.
"""

from __future__ import annotations

from typing import Any

import torch

from sk_mixup.training.recipes._muon import MuonAdamW
from sk_mixup.training.recipes._recipe import Recipe, fast_precision, fused

#: Settings of the recipe, by cost.
PRESETS = ("fast", "default", "best")
#: Rows between which the members of a net leave out folds.
LEAST_FOLD_ROWS, MOST_FOLD_ROWS = 40, 60_000
#: Members of a net whose members leave out folds, and the folds, by preset.
_FOLDS = {"fast": (4, 4), "default": (8, 8), "best": (16, 8)}
# How strongly members try to mix: few rows bear more of it.
_ALPHA, _ALPHA_OF_FEW = 0.2, 0.5
# Classes of few rows: twice as many members, half as wide, err less.
_FEW, _FEW_FOLDS = 1_000, _FOLDS | {"default": (16, 8), "best": (32, 8)}
# Rows up to which a batch is so large, and rows above all of these.
_BATCHES = ((500, 32), (1_200, 64), (8_000, 128), (20_000, 256), (200_000, 512))
_LARGEST_BATCH = 1024
# A hundred rows need more epochs to learn anything, a million only few.
_LEAST_STEPS, _MOST_STEPS, _MOST_EPOCHS = 100, 12_000, 300
# Epochs of a training that nothing validates.
_BLIND_EPOCHS = 20
# Epochs in which the loss must have fallen; of all rows it is no matter of chance.
_PATIENCE = {"fast": 2, "default": 5, "best": 8}
# Dropout of nets that predict numbers, by rows up to which it is so: many rows do what
# it is for, and what it blurs is seen. Classes bear the same at every size.
_DROPOUT_OF_NUMBERS = ((1_000, 0.2), (5_000, 0.1))
_LEAST_DROPOUT = 0.05
_SMALL = 2_000
# Rows from which the first epochs choose between two kinds of steps.
_CHOICE_FROM = 1_000
# Steps to one of a matrix, where these are orthogonal: of wide layers they are dear.
_INTERVAL = {"fast": 1, "default": 2, "best": 2}
_WIDE_FROM, _WIDE_UP_TO = 1_200, 6_000


def fold_counts(
    n_rows: int, preset: str = "default", *, n_classes: int | None = None
) -> tuple[int, int]:
    """Return the members and the folds of a table; (0, 0): no folds.

    Parameters
    ----------
    n_rows : int
        Training rows.
    preset : {"fast", "default", "best"}
    n_classes : int or None
        None: regression.
    """
    if not LEAST_FOLD_ROWS <= n_rows <= MOST_FOLD_ROWS:
        return 0, 0
    folds = _FEW_FOLDS if _has_few(n_rows, n_classes) else _FOLDS
    return folds[preset]


def _has_few(n_rows: int, n_classes: int | None) -> bool:
    """Whether there are classes, of few rows."""
    return n_classes is not None and n_rows < _FEW


def _tried_alpha(n_rows: int, n_classes: int | None) -> float:
    """Return how strongly members try to mix; many numbers are worse for any."""
    if n_rows < _FEW:
        return _ALPHA_OF_FEW
    return 0.0 if n_classes is None else _ALPHA


def table_recipe(
    n_rows: int,
    device: str,
    *,
    n_classes: int | None = None,
    preset: str = "default",
    folds: bool = False,
) -> Recipe:
    """Return the recipe of the bundled table nets.

    Parameters
    ----------
    n_rows : int
        Training rows.
    device : str
    n_classes : int or None
        None: regression.
    preset : {"fast", "default", "best"}
    folds : bool, default=False
        Whether members leave out folds.
    """
    batch_size = next((size for rows, size in _BATCHES if n_rows <= rows), None)
    batch_size = _LARGEST_BATCH if batch_size is None else batch_size
    net: dict[str, Any] = {"n_hidden": 2, "dropout": 0.2}
    if folds:
        lr, weight_decay, patience = 2e-3, 5e-2, _PATIENCE[preset]
        # Few rows say too little for wide layers; of many, each epoch takes long.
        width = 256 if _WIDE_FROM < n_rows <= _WIDE_UP_TO else 128
        if _has_few(n_rows, n_classes):
            width = 64
        if preset == "fast":
            # Half as many steps, twice as far each: of narrow nets, what a step costs
            # beside its rows counts.
            width, lr, batch_size = 64, 2 * lr, 2 * batch_size
        net |= {"d_hidden": width, "d_numeric": 8}
        net |= {"shares_weights": False, "scales_columns": True}
        net["n_members"] = fold_counts(n_rows, preset, n_classes=n_classes)[0]
        if n_classes is None:
            tiers = (rate for rows, rate in _DROPOUT_OF_NUMBERS if n_rows <= rows)
            net["dropout"] = next(tiers, _LEAST_DROPOUT)
        if preset != "fast":
            # Members of two kinds, see `PartlyGated`.
            net["gated"] = 0.5
    else:
        lr, weight_decay, patience = 3e-3, 1e-2, 5 if preset == "fast" else 8
        width, n_members = (64 if n_rows <= _SMALL else 256), 8
        if n_classes is None:
            net["dropout"] = 0.1
        if preset == "fast":
            width, n_members = width // 2, n_members // 2
        elif preset == "best":
            width = 2 * width
        net |= {"d_hidden": width, "n_members": n_members}
    optimizer: type = torch.optim.AdamW
    params: dict[str, Any] = {"weight_decay": weight_decay, "fused": fused(device)}
    chooses_steps = folds and n_classes is not None and n_rows >= _CHOICE_FROM
    if chooses_steps:
        optimizer = MuonAdamW
        params["interval"] = _INTERVAL[preset]
    n_steps = max(1, -(-n_rows // batch_size))
    most = max(4, _MOST_STEPS // n_steps)
    blind = min(max(_BLIND_EPOCHS, min(40, _LEAST_STEPS // n_steps)), most)
    return Recipe(
        max_epochs=blind,
        batch_size=batch_size,
        lr=lr,
        optimizer=optimizer,
        optimizer_params=params,
        n_iter_no_change=patience,
        anneal=True,
        longest=min(most, _MOST_EPOCHS // (3 if preset == "fast" else 1)),
        first_epoch=0.7,
        precision="float32" if n_rows <= _SMALL else fast_precision(device),
        net=net,
        chooses_steps=chooses_steps,
        tried_alpha=_tried_alpha(n_rows, n_classes) if folds else 0.0,
    )
