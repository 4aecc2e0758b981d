"""Candidates that are dropped on the way."""

import numpy as np
import pandas as pd
import pytest

from sk_mixup import MixupClassifier, MixupSearchCV
from sk_mixup.model_selection._halving import Halving, HalvingRule, check_halving
from tests.builders import blobs, classifier
from tests.model_selection.nets import Small


def net(**settings):
    defaults = {"module": Small, "early_stopping": True, "n_iter_no_change": 50}
    return classifier(**(defaults | settings))


def test_rungs_grow_by_the_factor():
    assert HalvingRule(3, 2).rungs(30, 9) == [2, 6, 18]
    # One candidate is left at the end.
    assert HalvingRule(3).rungs(27, 9) == [3, 9]
    assert HalvingRule(2).rungs(3, 64) == [1, 2]


def test_the_worst_candidates_are_dropped_with_all_their_folds():
    halving = Halving(HalvingRule(2, 1), [0, 0, 1, 1, 2, 2], 10)
    assert halving(0, [1.0, 1.0, 5.0, 0.1, 2.0, 2.0], range(6)) == [2, 3]
    assert halving.dropped == {1: 1}
    assert halving(1, [1.0, 1.0, None, None, 0.5, 0.5], [0, 1, 4, 5]) == [0, 1]
    assert halving.dropped == {1: 1, 0: 2}


def test_a_candidate_that_has_finished_is_compared_by_its_last_loss():
    halving = Halving(HalvingRule(2, 2), [0, 1], 10)
    assert halving(0, [0.1, 0.5], [0, 1]) == []
    assert halving(1, [None, 0.4], [1]) == [1]


def test_parts_of_a_pack_are_compared_among_themselves():
    halving = Halving(HalvingRule(2, 1), [0, 1, 2, 3], 10)
    assert halving(0, [0.1, 0.2, None, None], [0, 1]) == [1]
    assert halving(0, [None, None, 0.9, 0.8], [2, 3]) == [2]


def test_a_later_pack_follows_what_an_earlier_one_decided():
    rule = HalvingRule(2, 1)
    halving = Halving(rule, [0, 1, 2, 3], 3, dropped={0: 1, 1: 1, 2: 2})
    assert halving(0, [0.1, 0.2, 0.3, 0.4], range(4)) == [0, 1]
    assert halving(1, [None, None, 0.3, 0.4], [2, 3]) == [2]
    assert halving.dropped == {0: 1, 1: 1, 2: 2}


def test_folds_that_are_encoded_differently_leave_somebody():
    X, y = blobs(150, n_classes=2)
    table = pd.DataFrame(X, columns=list("abcd")).assign(
        row=[f"level {i % 40}" for i in range(150)]
    )
    estimator = net(module="mlp", max_epochs=4, module__d_hidden=8)
    search = MixupSearchCV(estimator, {"random_state": range(6)}, cv=5)
    search.set_params(halving=2, refit=False).fit(table, y)
    # Six candidates, three after one epoch, two after two.
    assert sorted(search.dropped_at_) == [0, 0, 1, 1, 1, 2]
    assert search.dropped_at_[search.best_index_] == 0


def test_dropped_candidates_are_marked_scored_and_not_chosen():
    X, y = blobs(120)
    grid = {"lr": [1e-6, 1e-5, 0.05], "alpha": [0, 0.2]}
    halving = {"factor": 3, "first": 2}
    estimator = net(max_epochs=5)
    search = MixupSearchCV(estimator, grid, cv=2, halving=halving, ensemble="mean")
    search.fit(X, y)
    kept = [params["lr"] == 0.05 for params in search.cv_results_["params"]]
    np.testing.assert_array_equal(search.dropped_at_ == 0, kept)
    assert set(search.dropped_at_) == {0, 2}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_["lr"] == 0.05
    assert {e.n_iter_ for e in search.best_estimator_.estimators} == {5}


def test_a_callable_refit_may_choose_a_dropped_one():
    X, y = blobs(120)
    grid = {"lr": [1e-6, 0.05]}
    search = MixupSearchCV(
        net(), grid, cv=2, halving={"factor": 2, "first": 1}, refit=lambda results: 0
    ).fit(X, y)
    assert search.dropped_at_.tolist() == [1, 0]
    assert search.best_index_ == 0


def test_halving_needs_a_validation_loss():
    X, y = blobs(60)
    with pytest.raises(ValueError, match=r"halving compares .* early_stopping=True"):
        MixupSearchCV(net(early_stopping=False), {"lr": [0.1]}, halving=3).fit(X, y)


@pytest.mark.parametrize(
    ("halving", "message"),
    [
        (1, "factor must be at least 2; got 1"),
        (2.5, "factor must be an int"),
        (True, "factor must be an int"),
        ({"factor": 3, "first": 0}, "first must be at least 1"),
        ({"factors": 3}, "no entry 'factors'"),
    ],
)
def test_bad_rules_are_refused(halving, message):
    with pytest.raises((ValueError, TypeError), match=message):
        check_halving(halving)


def test_memory_does_not_change_who_is_dropped():
    X, y = blobs(150, n_classes=3)
    net = MixupClassifier(
        Small,
        module__n_outputs=3,
        module__dropout=0.3,
        max_epochs=9,
        early_stopping=True,
        random_state=0,
    )
    grid = {"lr": [1e-4, 1e-3, 1e-2, 1e-1], "alpha": [0.1, 0.4]}
    found = [
        MixupSearchCV(net, grid, cv=2, halving=2, memory_limit=limit, refit=False)
        .fit(X, y)
        .dropped_at_.tolist()
        for limit in (None, 1)
    ]
    assert found[0] == found[1]
    assert sum(at == 0 for at in found[0]) == 1
