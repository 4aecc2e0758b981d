"""When the members of a table's net leave out folds, and when they try alphas.

The net of a table is several nets in one. Where nothing else validates the training,
each of them can leave out other rows, see `sk_mixup.training.MemberRows`; and where
nobody says how strongly to mix, half of them mix, and what all rows say of either half
decides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from skorch.callbacks import BatchScoring, EpochScoring

from sk_mixup.inputs import TableInput
from sk_mixup.mixing import Method, Mixup
from sk_mixup.nets import TabularNet
from sk_mixup.training import ArrayData, fold_counts

#: What the members of a net that finds out about mixing try.
TRIED_ALPHAS = (0.0, 0.5)


def takes_auto_alpha(model: Any, is_table: bool) -> bool:
    """Whether the training is to find out how strongly to mix.

    Raises
    ------
    ValueError
        If it is to, and cannot.
    """
    by_name = isinstance(model.mix, str) and model.mix in ("auto", "mixup")
    fits = is_table and model.module is None and by_name
    if isinstance(model.alpha, str):
        if model.alpha != "auto":
            raise ValueError(
                f"alpha must be a number, None or 'auto'; got {model.alpha!r}."
            )
        if model.mix is not None and not fits:
            raise ValueError(
                "alpha='auto' is for mix='mixup' and the net that module=None builds"
                " for tables, whose members try several. For others give a number, or"
                " let MixupSearchCV choose: MixupSearchCV(model, {'alpha': [0, 0.1,"
                " 0.2, 0.4]})."
            )
        return bool(fits)
    return fits and model.alpha is None and not model._prefixed("mix")


def member_counts(
    model: Any,
    source: Any,
    train: Any,
    method: Method | None,
    *,
    stratified: bool,
    going_on: bool,
) -> tuple[int, int]:
    """Return the members of the net and their folds; (0, 0): no fold is left out.

    Parameters
    ----------
    model : estimator
    source : encoder of the input
    train : ArrayData or StreamData
        All rows.
    method : Method or None
    stratified : bool
    going_on : bool
        Whether the training goes on with an earlier net.
    """
    none = 0, 0
    if model.module is not None or model.early_stopping != "auto":
        return none
    if not isinstance(source, TableInput) or not isinstance(train, ArrayData):
        return none
    if train.groups is not None or model._prefixed("iterator_train"):
        return none
    if any(map(_scores_rows, model.callbacks or [])):
        return none
    if method is not None and not (
        type(method) is Mixup and method.pairing == "shuffle"
    ):
        return none
    n_members, n_folds = fold_counts(len(train), model.preset)
    if going_on:
        module = getattr(model, "module_", None)
        if not isinstance(module, TabularNet) or module.shares_weights:
            return none
        n_members = module.n_members
    given = model._prefixed("module")
    if given.get("shares_weights", False):
        return none
    n_members = n_members and int(given.get("n_members", n_members))
    n_folds = min(n_folds, n_members)
    if n_members < 2 or n_members % n_folds:
        return none
    if stratified and not _has_two_of_each(train):
        return none
    return n_members, n_folds


def members_method(
    model: Any, method: Method | None, members: tuple[int, int], *, is_auto: bool
) -> Method | None:
    """Return how members that leave out folds mix, each for itself."""
    n_members, n_folds = members
    if is_auto:
        return Mixup(tried_alphas(n_members, n_folds), per="member")
    if method is None or isinstance(model.mix, Method) or model._prefixed("mix"):
        return method
    return Mixup(method.alpha, per="member")


def tried_alphas(n_members: int, n_folds: int) -> list[float]:
    """Return alpha of every member: in turns, or all folds with one, then the next."""
    n_tried = len(TRIED_ALPHAS)
    times = n_folds if n_members >= n_tried * n_folds else 1
    return [TRIED_ALPHAS[k // times % n_tried] for k in range(n_members)]


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
