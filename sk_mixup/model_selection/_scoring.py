"""Scorers that a search knows by name and scikit-learn does not."""

from __future__ import annotations

from typing import Any

#: Short names, and what they are called in `sk_mixup.metrics`.
OWN_SCORERS = {"refined_log_loss": "refined_log_loss_scorer"}


def with_own_scorers(scoring: Any) -> Any:
    """Return `scoring` with the names that only this package knows replaced.

    Parameters
    ----------
    scoring : str, callable, list, tuple, dict or None
        As a search takes it.

    Returns
    -------
    scoring : like `scoring`, or dict
        The very object where nothing is replaced.
    """
    if isinstance(scoring, str):
        return _scorer(scoring)
    if isinstance(scoring, (list, tuple)):
        names = [one for one in scoring if isinstance(one, str)]
        # What scikit-learn refuses, it shall refuse in its own words.
        if len({*names}) < len(scoring) or not OWN_SCORERS.keys() & {*names}:
            return scoring
        return {name: _scorer(name) for name in scoring}
    if isinstance(scoring, dict):
        own = [
            key
            for key, value in scoring.items()
            if isinstance(value, str) and value in OWN_SCORERS
        ]
        return scoring | {key: _scorer(scoring[key]) for key in own} if own else scoring
    return scoring


def _scorer(name: str) -> Any:
    if name not in OWN_SCORERS:
        return name
    from sk_mixup import metrics

    return getattr(metrics, OWN_SCORERS[name])
