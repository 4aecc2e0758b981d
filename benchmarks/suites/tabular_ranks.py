"""Who is ahead of whom: ranks, distances, and what is claimed of the default."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from scipy.stats import rankdata

from benchmarks.harness.report import Table
from benchmarks.suites.tabular_found import Found, loss_of
from benchmarks.suites.tabular_names import (
    MAIN_SETS,
    MODELS,
    OURS,
    REGRESSION_SETS,
    SETS_FOR_SLOW,
)

DEFAULT = "unmixed-default"
REFERENCE = "catboost"
#: Whom the default is to be ahead of by mean rank, and by how much faster than whom.
TO_BEAT = ("lightgbm", "xgboost", "hgb", "mlp", "mlp-early")
SLOW_NETS = ("tabm-d", "realmlp-td")
SHARE_OF_TIME = 0.1


def mean_ranks(found: Found, sets: Sequence[str] = MAIN_SETS) -> dict[str, float]:
    """Return the mean rank of every model that was trained on all these sets.

    Each of ours is ranked alone among the peers, so that variants of one net do not
    push each other down; the peers are ranked beside our default.
    """
    complete = found.complete_models(sets)
    peers = [model for model in complete if MODELS[model].group != OURS]
    ranks: dict[str, float] = {}
    for model in complete:
        if model in peers:
            pool = [*peers, *([DEFAULT] if DEFAULT in complete else [])]
        else:
            pool = [*peers, model]
        per_set = []
        for data in sets:
            losses = [found.loss(data, other) for other in pool]
            per_set.append(rankdata(losses)[pool.index(model)])
        ranks[model] = float(statistics.fmean(per_set))
    return ranks


def rank_table(found: Found, sets: Sequence[str] = MAIN_SETS) -> Table | None:
    """Return the models in the order of their mean rank, with distances to CatBoost."""
    ranks = mean_ranks(found, sets)
    if not ranks:
        return None
    rows = []
    for model in sorted(ranks, key=lambda name: ranks[name]):
        cells = [distance_text(found, data, model) for data in sets]
        rows.append([MODELS[model].title, f"{ranks[model]:.2f}", *cells])
    notes = [
        "Mean rank over the sets by log-loss or RMSE, seed means; each of ours is"
        " ranked alone among the peers, the peers beside our default. Other columns:"
        f" loss against {MODELS[REFERENCE].title}'s, in per cent; negative is better."
    ]
    return Table("Ranks", ["", "mean rank", *sets], rows, notes)


def distance_text(found: Found, data: str, model: str) -> str:
    """Return by how many per cent the loss is above the reference's."""
    own, other = found.loss(data, model), found.loss(data, REFERENCE)
    if own is None or other is None:
        return ""
    return f"{100.0 * (own / other - 1.0):+.1f} %"


def time_table(found: Found) -> Table | None:
    """Return fit times as shares of those of the slow nets."""
    sets = [data for data in (*MAIN_SETS, "adult10k") if data in SETS_FOR_SLOW]
    columns = [
        (data, slow)
        for data in sets
        for slow in SLOW_NETS
        if found.values(data, slow, "fit_cpu_seconds")
    ]
    models = [model for model in found.models(sets) if MODELS[model].group == OURS]
    if not columns or not models:
        return None
    rows = []
    for model in models:
        shares = []
        for data, slow in columns:
            own = found.mean(data, model, "fit_cpu_seconds")
            other = found.mean(data, slow, "fit_cpu_seconds")
            shares.append("" if own is None or not other else f"{own / other:.3f}")
        rows.append([MODELS[model].title, *shares])
    names = [f"{data}: {MODELS[slow].title}" for data, slow in columns]
    notes = ["CPU seconds of a fit, divided by those of the net above."]
    return Table("Fit time as a share of the slow nets'", ["", *names], rows, notes)


def claim_table(found: Found) -> Table | None:
    """Return what is claimed of the default call, beside what was found."""
    if not found.models(MAIN_SETS) or DEFAULT not in found.models(MAIN_SETS):
        return None
    rows = [*_rank_claims(found), *_net_claims(found), *_calibration_claims(found)]
    if not rows:
        return None
    title = f"Claims of {MODELS[DEFAULT].title}"
    return Table(title, ["", "value", "target", ""], rows)


def _rank_claims(found: Found) -> list[list[str]]:
    ranks = mean_ranks(found)
    if DEFAULT not in ranks:
        return []
    return [
        [
            f"mean rank, ahead of {MODELS[other].title}",
            f"{ranks[DEFAULT]:.2f}",
            f"below {ranks[other]:.2f}",
            _met(ranks[DEFAULT] < ranks[other]),
        ]
        for other in TO_BEAT
        if other in ranks
    ]


def _net_claims(found: Found) -> list[list[str]]:
    rows = []
    for data in sorted(SETS_FOR_SLOW):
        own, seconds = found.loss(data, DEFAULT), "fit_cpu_seconds"
        for net in (*SLOW_NETS, "realmlp-td-s"):
            other = found.loss(data, net)
            if own is None or other is None:
                continue
            what = f"{loss_of(data).replace('_', '-')} on {data}"
            rows.append(
                [
                    f"{what}, ahead of {MODELS[net].title}",
                    f"{own:.4f}",
                    f"below {other:.4f}",
                    _met(own < other),
                ]
            )
            if net not in SLOW_NETS:
                continue
            mine, theirs = (found.mean(data, m, seconds) for m in (DEFAULT, net))
            if mine is None or not theirs:
                continue
            share = mine / theirs
            rows.append(
                [
                    f"fit time on {data}, share of {MODELS[net].title}'s",
                    f"{share:.3f}",
                    f"at most {SHARE_OF_TIME}",
                    _met(share <= SHARE_OF_TIME),
                ]
            )
    return rows


def _calibration_claims(found: Found) -> list[list[str]]:
    pairs = []
    for data in MAIN_SETS:
        own, other = (found.mean(data, m, "ece") for m in (DEFAULT, REFERENCE))
        if data not in REGRESSION_SETS and own is not None and other is not None:
            pairs.append((data, own, other))
    if not pairs:
        return []
    better = sum(own <= other for _, own, other in pairs)
    rows = [
        [
            f"sets with ECE at most {MODELS[REFERENCE].title}'s",
            f"{better} of {len(pairs)}",
            "the majority",
            _met(2 * better > len(pairs)),
        ]
    ]
    for data, own, other in pairs:
        limit = max(2 * other, other + 0.01)
        rows.append(
            [
                f"ECE on {data}",
                f"{own:.4f}",
                f"at most {limit:.4f}",
                _met(own <= limit),
            ]
        )
    return rows


def _met(is_met: bool) -> str:
    return "met" if is_met else "missed"
