"""Names of the suites ``tabular`` and ``label_noise``: data sets, models, groups.

Nothing large is imported here, so that the command line can check names and set the
number of threads first.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: The sets that ranks are taken over.
MAIN_SETS = ("adult", "churn", "telco", "letter", "california", "diamonds")
#: Parts and versions of the main sets, for slow peers and for published figures.
VARIANT_SETS = ("adult10k", "california8")
#: Sets that scikit-learn ships, and made-up ones: redrawn with every seed.
SMALL_SETS = ("breast_cancer", "digits", "wine", "diabetes")
SYNTHETIC_SETS = ("friedman1", "hastie_10_2", "checkerboard", "imbalanced")
DATA_SETS = (*MAIN_SETS, *VARIANT_SETS, *SMALL_SETS, *SYNTHETIC_SETS)
#: Where the slow nets run unless model and data set are both named one by one.
SETS_FOR_SLOW = frozenset({"churn", "telco", "adult10k"})
REGRESSION_SETS = frozenset({"california", "california8", "diamonds", "diabetes"}) | {
    "friedman1"
}

OURS = "ours"


@dataclass(frozen=True)
class ModelName:
    """A contestant, as far as it is known without importing it.

    Attributes
    ----------
    title : str
        In the tables.
    group : str
        Names several contestants on the command line.
    build : str
        Function that builds it, as ``module:function``.
    package : str
        Distribution whose version counts.
    settings : mapping
        Keyword arguments of that function.
    slow : bool
        Minutes to hours on a CPU: only on `SETS_FOR_SLOW`.
    """

    title: str
    group: str
    build: str
    package: str
    settings: Mapping[str, object]
    slow: bool = False


def _ours(preset: str, mixing: bool) -> ModelName:
    title = f"sk-mixup, {preset}" + (", mixup 0.2" if mixing else "")
    return ModelName(
        title,
        OURS,
        "benchmarks.suites.tabular_ours:build",
        "sk-mixup",
        {"preset": preset, "mixing": mixing},
    )


_BOOSTING = "benchmarks.peers.tabular_boosting"
_NETS = "benchmarks.peers.tabular_nets"

MODELS: dict[str, ModelName] = {
    **{f"mixup-{preset}": _ours(preset, True) for preset in ("fast", "default")},
    "mixup-best": _ours("best", True),
    **{f"unmixed-{preset}": _ours(preset, False) for preset in ("fast", "default")},
    "unmixed-best": _ours("best", False),
    "lightgbm": ModelName(
        "LightGBM", "boosting", f"{_BOOSTING}:build_lightgbm", "lightgbm", {}
    ),
    "hgb": ModelName(
        "HistGradientBoosting",
        "boosting",
        f"{_BOOSTING}:build_histogram",
        "scikit-learn",
        {},
    ),
    "xgboost": ModelName(
        "XGBoost", "boosting", f"{_BOOSTING}:build_xgboost", "xgboost", {}
    ),
    "catboost": ModelName(
        "CatBoost", "boosting", f"{_BOOSTING}:build_catboost", "catboost", {}
    ),
    "mlp": ModelName(
        "MLP of scikit-learn", "mlps", f"{_NETS}:build_mlp", "scikit-learn", {}
    ),
    "mlp-early": ModelName(
        "MLP, 128-128, early stopping",
        "mlps",
        f"{_NETS}:build_mlp",
        "scikit-learn",
        {"early": True},
    ),
    "realmlp-td-s": ModelName(
        "RealMLP-TD-S",
        "nets",
        f"{_NETS}:build_pytabkit",
        "pytabkit",
        {"kind": "RealMLP_TD_S"},
        slow=True,
    ),
    "realmlp-td": ModelName(
        "RealMLP-TD",
        "nets",
        f"{_NETS}:build_pytabkit",
        "pytabkit",
        {"kind": "RealMLP_TD"},
        slow=True,
    ),
    "tabm-d": ModelName(
        "TabM-D",
        "nets",
        f"{_NETS}:build_pytabkit",
        "pytabkit",
        {"kind": "TabM_D"},
        slow=True,
    ),
    "realmlp-td-s-ll": ModelName(
        "RealMLP-TD-S for log-loss",
        "nets-ll",
        f"{_NETS}:build_pytabkit",
        "pytabkit",
        {"kind": "RealMLP_TD_S", "for_log_loss": True},
        slow=True,
    ),
    "realmlp-td-ll": ModelName(
        "RealMLP-TD for log-loss",
        "nets-ll",
        f"{_NETS}:build_pytabkit",
        "pytabkit",
        {"kind": "RealMLP_TD", "for_log_loss": True},
        slow=True,
    ),
    "tabm-d-ll": ModelName(
        "TabM-D for log-loss",
        "nets-ll",
        f"{_NETS}:build_pytabkit",
        "pytabkit",
        {"kind": "TabM_D", "for_log_loss": True},
        slow=True,
    ),
}

SET_GROUPS: dict[str, Sequence[str]] = {
    "main": MAIN_SETS,
    "variants": VARIANT_SETS,
    "small": SMALL_SETS,
    "synthetic": SYNTHETIC_SETS,
}
MODEL_GROUPS: dict[str, Sequence[str]] = {
    **{
        group: tuple(name for name, model in MODELS.items() if model.group == group)
        for group in dict.fromkeys(model.group for model in MODELS.values())
    },
    "peers": tuple(name for name, model in MODELS.items() if model.group != OURS),
    # Nothing is run: the report is written anew from the finished cells.
    "none": (),
}


def expand(
    names: Sequence[str], known: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """Return the names with every group replaced by its members, each once.

    Nothing given means everything known.

    Raises
    ------
    ValueError
        For a name that is neither known nor a group.

    Examples
    --------
    >>> expand(["small", "churn"], DATA_SETS, SET_GROUPS)
    ('breast_cancer', 'digits', 'wine', 'diabetes', 'churn')
    """
    if not names:
        return tuple(known)
    found: dict[str, None] = {}
    for name in names:
        if name not in known and name not in groups:
            choices = [*known, *groups]
            near = difflib.get_close_matches(name, choices, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"unknown name {name!r}; known are {', '.join(choices)}.{hint}"
            )
        found |= dict.fromkeys(groups.get(name, [name]))
    return tuple(found)


def is_wanted(
    model: str, data: str, models: Sequence[str], data_sets: Sequence[str]
) -> bool:
    """Whether a pair is run, given the names on the command line.

    A slow model runs on `SETS_FOR_SLOW`; elsewhere only if both it and the data set
    are named one by one.
    """
    if not MODELS[model].slow or data in SETS_FOR_SLOW:
        return True
    return model in models and data in data_sets
