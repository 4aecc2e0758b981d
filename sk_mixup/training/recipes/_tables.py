"""What `None` means for tables: net, optimizer and epochs by size and target.

Chosen on validation parts of the training rows of adult, churn, telco, letter,
california and diamonds, never on a test part. What moved the log-loss most: vectors for
repeated values, members that share matrices, and a short training with a large learning
rate that falls to zero. Such a training is over before it can overfit, so it runs to
its end, and the epoch kept is one of the last: the best of all epochs is the luckiest
of them where the validation part is small. Tables whose labels follow from their
columns want three times as many epochs, and `Horizon` finds out which these are:
hastie, a checkerboard, letter, house and diamond prices cut into classes, and small
tables of most kinds, beside adult, churn and telco, which want the short training.
"""

from __future__ import annotations

import torch

from sk_mixup.training.recipes._recipe import Recipe, fast_precision, fused

#: Settings of the recipe, by cost.
PRESETS = ("fast", "default", "best")
#: With more classes a table is taken for clean: letters, and not the chance of a sale.
FEW_CLASSES = 5
# Rows up to which a table is small.
_SMALL = 2_000
# A hundred rows need more epochs to learn anything, a million only few.
_LEAST_STEPS, _MOST_STEPS = 100, 6_000


def table_recipe(
    n_rows: int, device: str, *, n_classes: int | None = None, preset: str = "default"
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
    """
    few = n_classes is not None and n_classes <= FEW_CLASSES
    batch_size = 32
    limits = (
        (500, 64),
        (_SMALL, 256),
        (20_000 if few else 50_000, 512),
        (200_000, 1024),
    )
    for limit, size in limits:
        if n_rows > limit:
            batch_size = size
    if n_classes is None:
        lr, dropout, n_members = 4e-3, 0.0, 4
        n_epochs = 20 if n_rows <= 20_000 else 12
    elif few:
        lr, dropout, n_epochs, n_members = 3e-3, 0.2, 12, 8
    else:
        lr, dropout, n_epochs, n_members = 3e-3, 0.1, 20, 4
    width = 256
    if n_rows <= _SMALL:
        # Small tables overfit within few epochs; numbers without dropout most of all.
        width = 64
        n_epochs = n_epochs if n_classes and not few else 8 if few else 12
        dropout = max(dropout, 0.2) if n_classes is None else dropout
    if preset == "fast":
        width, n_members, n_epochs = width // 2, n_members // 2, -(-2 * n_epochs // 3)
    elif preset == "best":
        width, dropout = 2 * width, dropout + 0.05
    steps_per_epoch = max(1, -(-n_rows // batch_size))
    n_epochs = max(n_epochs, min(40, _LEAST_STEPS // steps_per_epoch))
    most = max(4, _MOST_STEPS // steps_per_epoch)
    n_epochs, longest = min(n_epochs, most), min(3 * n_epochs, most)
    if n_classes is None and n_rows > _SMALL:
        # Numbers of many rows were predicted no better, on average over three tables.
        longest = 0
    return Recipe(
        max_epochs=n_epochs,
        batch_size=batch_size,
        lr=lr,
        optimizer=torch.optim.AdamW,
        optimizer_params={"weight_decay": 1e-2, "fused": fused(device)},
        n_iter_no_change=n_epochs,
        anneal=True,
        longest=longest,
        first_epoch=0.7,
        precision="float32" if n_rows <= _SMALL else fast_precision(device),
        net={
            "d_hidden": width,
            "n_hidden": 2,
            "dropout": dropout,
            "n_members": n_members,
        },
    )
