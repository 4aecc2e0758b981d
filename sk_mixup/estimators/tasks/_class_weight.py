"""From `class_weight` to the weight of every row."""

from __future__ import annotations

import math
import numbers
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from sk_mixup.encoding import ClassEncoder

if TYPE_CHECKING:
    from sk_mixup.encoding import TargetEncoder

# What else serves, by the kind of target that class weights do not.
_REMEDIES = {
    "labels": (
        "several labels per row",
        "weigh labels by criterion__pos_weight=torch.tensor([...])",
    ),
    "soft": (
        "soft labels, which belong to no one class",
        "weigh classes by criterion=nn.CrossEntropyLoss(weight=...)",
    ),
    "pixels": (
        "a class per pixel",
        "weigh classes by criterion__weight=[...], in the order of classes_",
    ),
}


def row_weights(
    class_weight: Any, target: TargetEncoder, codes: np.ndarray
) -> np.ndarray:
    """Return the weight that its classes give to every row.

    Parameters
    ----------
    class_weight : dict, list of dict or "balanced"
    target : TargetEncoder
        Fitted.
    codes : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Encoded targets.

    Returns
    -------
    weight : ndarray of shape (n_rows,), float64

    Raises
    ------
    ValueError
        For targets without classes, and weights that do not fit the classes.
    """
    if target.kind in _REMEDIES:
        what, remedy = _REMEDIES[target.kind]
        raise ValueError(
            f"class_weight={class_weight!r}: y holds {what}. Leave class_weight out and"
            f" {remedy}, or rows by sample_weight."
        )
    if isinstance(target, ClassEncoder):
        return _of_one_output(class_weight, target.classes_, codes)
    outputs = len(target.classes_)
    given = class_weight
    if isinstance(given, str) and given == "balanced":
        given = ["balanced"] * outputs
    if not isinstance(given, (list, tuple)) or len(given) != outputs:
        raise ValueError(
            "class_weight: for several outputs it must be 'balanced' or a list of"
            f" {outputs} dicts, one per output; got {class_weight!r}."
        )
    rows = np.ones(len(codes))
    for one, classes, column in zip(given, target.classes_, codes.T, strict=True):
        if one is not None:
            # The weights of the outputs are multiplied, as scikit-learn does.
            rows = rows * _of_one_output(one, classes, column)
    return rows


def multiplied(rows: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Return the product of the weights of classes and of rows.

    Raises
    ------
    ValueError
        If it is zero in every row.
    """
    if weight is None:
        return rows
    with np.errstate(over="ignore"):
        product: np.ndarray = rows * weight
    if not np.isfinite(product).all():
        # Ratios count alone.
        product = (rows / rows.max()) * (weight / weight.max())
    if not product.any():
        raise ValueError(
            "sample_weight and class_weight: their product is zero in every row. Give"
            " some row of a class that counts a weight above 0."
        )
    return product


def _of_one_output(given: Any, classes: Any, codes: np.ndarray) -> np.ndarray:
    """Return the weight of the class of every row."""
    known = classes.tolist()
    is_balanced = isinstance(given, str) and given == "balanced"
    if not isinstance(given, dict) and not is_balanced:
        example = dict.fromkeys(known[:2], 1.0)
        raise ValueError(
            f"class_weight must be a dict, 'balanced' or None; got {_shown(given)} of"
            f" type {type(given).__name__}. Give a weight by label, such as"
            f" {example}."
        )
    if isinstance(given, dict):
        _check_keys(given, known)
        weights = [_checked(label, given.get(label, 1.0)) for label in known]
        per_class = np.array(weights)
    else:
        present = np.unique(codes)
        per_class = np.ones(len(known))
        per_class[present] = compute_class_weight("balanced", classes=present, y=codes)
    rows = per_class[codes]
    if not rows.any():
        raise ValueError(
            f"class_weight={given!r}: no row of y belongs to a class with a weight"
            " above 0. Give at least two classes one."
        )
    return rows


def _check_keys(given: dict[Any, Any], known: list[Any]) -> None:
    """Refuse weights of classes that y lacks, unless all of y's have theirs.

    The classes of a whole table are known to a fold that lacks one.
    """
    unknown = [key for key in given if key not in set(known)]
    if not unknown or all(label in given for label in known):
        return
    by_text = {str(label): label for label in known}
    meant = by_text.get(str(unknown[0]))
    hint = "" if meant is None else f" Did you mean {meant!r}?"
    raise ValueError(
        f"class_weight: the classes, {unknown}, are not in y; it has {known}. Use the"
        f" labels of y as keys.{hint}"
    )


def _checked(label: Any, weight: Any) -> float:
    """Return the weight of a class as a float."""
    is_number = isinstance(weight, (numbers.Real, Decimal, np.bool_))
    value = float(weight) if is_number else math.nan
    if not is_number or not 0.0 <= value < math.inf:
        raise ValueError(
            f"class_weight: the weight of class {label!r} is {weight!r}; it must be a"
            " finite number of at least 0."
        )
    return value


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
