"""From `class_weight` to the weight of every row."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from sk_mixup.encoding import ClassEncoder, TargetEncoder

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
    if given == "balanced":
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


def _of_one_output(given: Any, classes: Any, codes: np.ndarray) -> np.ndarray:
    """Return the weight of the class of every row."""
    if not isinstance(given, dict) and given != "balanced":
        raise ValueError(
            f"class_weight must be a dict, 'balanced' or None; got {given!r}."
        )
    known = classes.tolist()
    if isinstance(given, dict):
        unknown = [key for key in given if key not in set(known)]
        if unknown:
            raise ValueError(
                f"class_weight: the classes, {unknown}, are not in y; it has {known}."
            )
        per_class = np.array([given.get(c, 1.0) for c in known])
    else:
        present = np.unique(codes)
        per_class = np.ones(len(known))
        per_class[present] = compute_class_weight("balanced", classes=present, y=codes)
    return per_class[codes]
