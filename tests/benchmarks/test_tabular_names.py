"""The suites on tables: names of models and data sets."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import main
from benchmarks.suites.tabular_names import (
    DATA_SETS,
    MODEL_GROUPS,
    MODELS,
    OURS,
    SET_GROUPS,
    expand,
    is_wanted,
)
from benchmarks.suites.tabular_published import PUBLISHED, PUBLISHED_SETS


def test_groups_become_their_members_and_nothing_becomes_all():
    assert expand([], DATA_SETS, SET_GROUPS) == DATA_SETS
    assert expand(["hgb", "boosting"], tuple(MODELS), MODEL_GROUPS) == (
        "hgb",
        "lightgbm",
        "xgboost",
        "catboost",
    )
    assert expand(["none"], tuple(MODELS), MODEL_GROUPS) == ()


def test_unknown_names_are_refused_with_the_nearest(capsys):
    with pytest.raises(ValueError, match=r"unknown name 'lightgmb'.*mean 'lightgbm'"):
        expand(["lightgmb"], tuple(MODELS), MODEL_GROUPS)
    with pytest.raises(SystemExit):
        main(["tabular", "--data", ".", "--only", "adlut"])
    assert "Did you mean 'adult'?" in capsys.readouterr().err


def test_slow_nets_run_elsewhere_only_where_both_names_are_given():
    assert is_wanted("tabm-d", "churn", (), ())
    assert not is_wanted("tabm-d", "adult", ("tabm-d",), ("main",))
    assert not is_wanted("tabm-d", "adult", ("peers",), ("adult",))
    assert is_wanted("tabm-d", "adult", ("tabm-d",), ("adult",))
    assert is_wanted("lightgbm", "adult", (), ())


def test_figures_that_were_published_are_of_known_sets():
    assert set(PUBLISHED_SETS) <= set(DATA_SETS)
    assert all(set(figure.losses) == set(PUBLISHED_SETS) for figure in PUBLISHED)


def test_every_model_of_ours_is_in_one_group():
    assert MODEL_GROUPS[OURS] == tuple(
        f"{side}-{preset}"
        for side in ("mixup", "unmixed")
        for preset in ("fast", "default", "best")
    )


def test_no_group_hides_a_model_or_a_data_set():
    assert not set(MODEL_GROUPS) & set(MODELS)
    assert not set(SET_GROUPS) & set(DATA_SETS)
