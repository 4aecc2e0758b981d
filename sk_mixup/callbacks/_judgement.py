"""What looks wrong about a mixed training, and what to do about it.

Whatever judges returns a message, or None where there is nothing to say.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sk_mixup.metrics import fit_temperature

# Fewer epochs than this times the share of the labels that goes to partners are few: 10
# for alpha=0.2, 25 for alpha=1. A rule of thumb, on the careful side.
_EPOCHS_PER_SHARE = 100
# A lambda below it mixes.
_NEARLY_ONE = 0.98
# So many rows must have been mixed with a row of another class, if partners were drawn
# at random, before it is strange that none was.
_ENOUGH_PAIRS = 20
# Batches, and different lambdas in them, that tell how strong mixing is.
_ENOUGH_BATCHES, _ENOUGH_DRAWS = 8, 64
_BINS = 10
# A bin is under-confident beyond chance, and so much that it matters; and these are a
# fifth of all rows.
_MOST_GAP, _MOST_ERRORS, _MOST_SHARE = 0.1, 3.0, 0.2
_ENOUGH_ROWS = 100


@dataclass
class MixedLabels:
    """What is known so far of how a training mixes labels.

    Lambda may be one number for a whole batch, so that a few batches say little: they
    are counted until they say enough.
    """

    n_rows: int = 0
    n_pairs: float = 0.0
    n_soft: int = 0
    n_draws: int = 0
    shares: list[float] = field(default_factory=list)

    def add(self, targets: Tensor, lam: Tensor, y: Tensor) -> None:
        """Look at batches of one size, all at once: a call costs more than its rows.

        Parameters
        ----------
        targets : Tensor of shape (b, n, n_classes)
            Mixed, of b batches.
        lam : Tensor of shape (b, m)
            What their inputs were mixed with.
        y : Tensor of shape (k,)
            Labels of some batches.
        """
        given = 1.0 - targets.amax(-1)
        mixed = float((lam < _NEARLY_ONE).float().mean())
        classes = torch.bincount(y) / y.numel()
        n_rows = given.numel()
        self.n_rows += n_rows
        # Rows that partners drawn at random would have given a second class.
        self.n_pairs += n_rows * mixed * float(1.0 - classes.square().sum())
        self.n_soft += int((given > 1e-3).sum())
        new = lam.sort(-1).values.diff(dim=-1) != 0
        self.n_draws += len(lam) + int(new.sum())
        self.shares += given.mean(-1).tolist()

    @property
    def is_known(self) -> bool:
        """Whether further batches would tell nothing new."""
        enough = self.n_pairs >= _ENOUGH_PAIRS
        return enough and self._tells_strength

    @property
    def _tells_strength(self) -> bool:
        n_batches = len(self.shares)
        return n_batches >= _ENOUGH_BATCHES and self.n_draws >= _ENOUGH_DRAWS

    def is_one_hot(self) -> str | None:
        """Say if inputs are mixed, and targets are not."""
        if self.n_pairs < _ENOUGH_PAIRS or self.n_soft > 0.01 * self.n_pairs:
            return None
        return (
            f"Mixed targets are one-hot: of the first {self.n_rows} rows looked at,"
            f" about {self.n_pairs:.0f} should have a label of two classes, and"
            f" {self.n_soft} have. Either partners are all of the same class (rows"
            " sorted by class, groups that are classes), or the method does not mix"
            " labels. Shuffle the rows, leave groups out, or use another method."
        )

    def is_strong(self, n_epochs: int, *, must_tell: bool) -> str | None:
        """Say if labels are mixed more than so short a training makes up for.

        Parameters
        ----------
        n_epochs : int
            Planned.
        must_tell : bool
            Whether to judge by whatever there is.
        """
        n_batches = len(self.shares)
        if n_batches < 2 or not (self._tells_strength or must_tell):
            return None
        share = float(np.mean(self.shares))
        careful = share - 2.0 * float(np.std(self.shares, ddof=1)) / n_batches**0.5
        if n_epochs >= _EPOCHS_PER_SHARE * careful:
            return None
        return (
            f"alpha is strong for max_epochs={n_epochs}: {share:.0%} of the labels go"
            f" to partners, for which about {round(_EPOCHS_PER_SHARE * share)} epochs"
            " are usual. Use a smaller alpha, or raise max_epochs."
        )


def of_baseline(loss: float, baseline: float, epoch: int, n_epochs: int) -> str | None:
    """Say if the best validation loss so far is worse than one without mixing."""
    if loss <= baseline:
        return None
    return (
        f"After {epoch} of {n_epochs} planned epochs the best validation loss is"
        f" {loss:.4g}, worse than baseline_loss={baseline:.4g}. Mixing may not"
        " pay here: try a smaller alpha, more epochs, or mix=None. (Mixed training is"
        " often timid: compare after temperature, with"
        " sk_mixup.metrics.refined_log_loss, before you decide.)"
    )


def of_confidence(proba: NDArray[np.float64], y: NDArray[np.int64]) -> str | None:
    """Say if a net is less sure than it is right, also after the best temperature.

    Parameters
    ----------
    proba : ndarray of shape (n, n_classes)
        Of validation rows.
    y : ndarray of shape (n,)
    """
    right = proba.argmax(axis=1) == y
    sure = proba.max(axis=1)
    if len(y) < _ENOUGH_ROWS or right.mean() <= sure.mean():
        return None
    logits = np.log(np.clip(proba, np.finfo(np.float32).tiny, 1.0))
    temperature = fit_temperature(logits, y)
    scaled = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    sure = (scaled / scaled.sum(axis=1, keepdims=True)).max(axis=1)
    timid, gaps = 0, 0.0
    for rows in np.array_split(np.argsort(sure, kind="stable"), _BINS):
        mean = sure[rows].mean()
        gap = right[rows].mean() - mean
        error = np.sqrt(mean * (1.0 - mean) / len(rows))
        if gap > max(_MOST_GAP, _MOST_ERRORS * error):
            timid, gaps = timid + len(rows), gaps + gap * len(rows)
    if timid < _MOST_SHARE * len(y):
        return None
    return (
        "The net is under-confident beyond what a temperature repairs: at the best"
        f" one, {temperature:.2f}, {timid / len(y):.0%} of the validation rows are"
        f" right {gaps / timid:.0%} more often than predicted. Use a smaller alpha or"
        " more epochs; calibration='temperature' alone will not do."
    )
