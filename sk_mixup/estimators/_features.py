"""Number and names of the features of a table, which scikit-learn checks by estimator.

Images, several arrays and data sets have none.
"""

from __future__ import annotations

import copy
from typing import Any

from sklearn.utils.validation import validate_data

#: Attributes of a fitted estimator that say what its features are.
FEATURES = ("n_features_in_", "feature_names_in_")

# How scikit-learn begins.
_NAMES_DIFFER = "The feature names should match those that were passed during fit."


def has_features(table: Any) -> bool:
    """Whether rows have columns that count."""
    return hasattr(table, "columns") or getattr(table, "ndim", 0) == 2


def read_features(owner: Any, table: Any) -> dict[str, Any]:
    """Return the attributes that describe the features of a table.

    Parameters
    ----------
    owner : estimator
        Named in messages, and left as it is.
    table : DataFrame, ndarray or other rows
    """
    return _checked(owner, table, {}, reset=True) if has_features(table) else {}


def check_features(owner: Any, table: Any, known: dict[str, Any]) -> None:
    """Hold the features of a table against those that are known.

    Raises
    ------
    ValueError
        If they differ.
    """
    if has_features(table):
        _checked(owner, table, known, reset=False)


def _checked(
    owner: Any, table: Any, known: dict[str, Any], *, reset: bool
) -> dict[str, Any]:
    # A copy: scikit-learn stores what it finds, and a fit may still fail.
    shadow = copy.copy(owner)
    for name in FEATURES:
        vars(shadow).pop(name, None)
    vars(shadow).update(known)
    check_table(shadow, table, reset=reset)
    return features_of(shadow)


def check_table(owner: Any, table: Any, *, reset: bool) -> None:
    """Let scikit-learn check, or store, the features of a table.

    Raises
    ------
    ValueError
        In scikit-learn's words, and with all names: it stops at five.
    """
    try:
        validate_data(owner, table, reset=reset, skip_check_array=True)
    except ValueError as error:
        if not str(error).startswith(_NAMES_DIFFER) or not hasattr(table, "columns"):
            raise
        given, fitted = list(table.columns), owner.feature_names_in_.tolist()
        unseen, missing = set(given) - set(fitted), set(fitted) - set(given)
        if not unseen and not missing:
            raise
        message = f"{_NAMES_DIFFER}\n"
        if unseen:
            message += f"Feature names unseen at fit time:\n{_listed(unseen)}"
        if missing:
            message += (
                f"Feature names seen at fit time, yet now missing:\n{_listed(missing)}"
                "Add these columns, also those that were constant in fit; where nothing"
                " is known of them, with missing values:"
                " X.reindex(columns=model.feature_names_in_)."
            )
        raise ValueError(message) from error


def _listed(names: set[str]) -> str:
    return "".join(f"- {name}\n" for name in sorted(names))


def features_of(estimator: Any) -> dict[str, Any]:
    """Return what an estimator knows of its features."""
    return {name: vars(estimator)[name] for name in FEATURES if name in vars(estimator)}
