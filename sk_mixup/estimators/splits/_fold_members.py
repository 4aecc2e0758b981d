"""When the members of a table's net leave out folds, and when they try alphas.

The net of a table is several nets in one. Where nothing else validates the training,
each of them can leave out other rows, see `sk_mixup.training.MemberRows`; and where
nobody says how strongly to mix, half of them mix, and what all rows say of either half
decides, see `sk_mixup.training.ChooseAlpha`.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from skorch.callbacks import BatchScoring, EpochScoring

from sk_mixup import nets
from sk_mixup.estimators._fitted import Fitted
from sk_mixup.estimators._settings import Settings
from sk_mixup.inputs import TableInput
from sk_mixup.mixing import Method, Mixup
from sk_mixup.training import ArrayData, Recipe, fold_counts


def member_counts(
    settings: Settings,
    source: Any,
    train: ArrayData,
    *,
    stratified: bool,
    n_classes: int | None,
    before: Fitted | None,
) -> tuple[int, int]:
    """Return the members of the net and their folds; (0, 0): no fold is left out.

    Parameters
    ----------
    settings : Settings
    source : input object
    train : ArrayData
        All rows.
    stratified : bool
    n_classes : int or None
        None: numbers to predict.
    before : Fitted or None
        What the training goes on with.
    """
    none = 0, 0
    mixes_as_members, scores, n_members, shares = fold_settings(settings)
    if settings.partial or settings.early_stopping != "auto":
        return none
    if settings.module is not None or not isinstance(source, TableInput):
        return none
    if train.groups is not None or settings.under("iterator_train"):
        return none
    if scores or not mixes_as_members:
        return none
    given = n_members
    preset = settings.preset
    n_members, n_folds = fold_counts(len(train), preset, n_classes=n_classes)
    if before is not None:
        module = before.net.module_
        if not isinstance(module, nets.TabularNet) or module.shares_weights:
            return none
        n_members = n_members and module.n_members
    elif n_members and given is not None:
        n_members = int(given)
    n_folds = min(n_folds, n_members)
    if shares or n_members < 2 or n_members % n_folds:
        return none
    if stratified and not _has_two_of_each(train):
        return none
    return n_members, n_folds


def fold_settings(settings: Settings) -> tuple[bool, bool, Any, Any]:
    """Return what it depends on, beside the rows, whether members leave out folds.

    Searches read rows once for all candidates that say the same.

    Returns
    -------
    mixes_as_members : bool
        Whether members can mix each for itself.
    scores : bool
        Whether a callback computes a score, of which members have no one.
    n_members, shares : object
        What the parameters of the module say; None and False where they do not.
    """
    method = settings.method
    plain = type(method) is Mixup and method.pairing == "shuffle"
    given = settings.under("module")
    return (
        plain or not settings.mixes,
        any(map(_scores_rows, settings.callbacks or [])),
        given.get("n_members"),
        given.get("shares_weights", False),
    )


def members_method(
    settings: Settings, recipe: Recipe, members: tuple[int, int], X: Any
) -> Method | None:
    """Return how members that leave out folds mix, each for itself."""
    if settings.finds_alpha(X):
        if not recipe.tried_alpha:
            return None
        gated = settings.under("module").get("gated", recipe.net.get("gated", False))
        n_gated = nets.n_gated_members(gated, members[0])
        mixing = mixing_members(*members, n_gated)
        return Mixup([recipe.tried_alpha * mixes for mixes in mixing], per="member")
    method = settings.method
    by_name = isinstance(settings.mix, str) and "per" not in settings.under("mix")
    if type(method) is not Mixup or not by_name or method.single_target:
        return method
    return copy.deepcopy(method).set_params(per="member")


def mixing_members(n_members: int, n_folds: int, n_gated: int) -> list[bool]:
    """Return which members of a net that finds out about mixing mix at first.

    Of a net of two kinds those with gates. In a net of one kind half of the members do,
    and of those that leave out the same fold too.

    Parameters
    ----------
    n_members, n_folds : int
    n_gated : int
        The last members have gates.
    """
    if 0 < n_gated < n_members:
        return [k >= n_members - n_gated for k in range(n_members)]
    return [(k + k // n_folds) % 2 == 1 for k in range(n_members)]


def found_alpha(method: Method | None, n_members: int) -> Any:
    """Return `alpha_`: a number, or an array with one for each member."""
    alpha = 0.0 if method is None else getattr(method, "alpha", None)
    if alpha is None or callable(alpha):
        return alpha
    if isinstance(alpha, (list, tuple)):
        if len(set(alpha)) > 1:
            return np.array(alpha, dtype=float)
        alpha = alpha[0]
    return float(alpha)


def _scores_rows(callback: Any) -> bool:
    """Whether a callback computes a score, of which members have no one."""
    one = callback[-1] if isinstance(callback, tuple) else callback
    return isinstance(one, (EpochScoring, BatchScoring))


def _has_two_of_each(train: ArrayData) -> bool:
    """Whether no fold takes all rows of a class."""
    y = train.y if train.y.ndim == 1 else train.y.argmax(1)
    counts = torch.bincount(y)
    return int(counts[counts > 0].min()) > 1
