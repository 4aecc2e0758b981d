"""Everything but the training is `GridSearchCV`'s: results, scoring, failures."""

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from scipy.stats import loguniform
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RandomizedSearchCV,
    ShuffleSplit,
    cross_val_score,
)

from sk_mixup import MixupRandomizedSearchCV, MixupSearchCV
from tests.builders import blobs, people
from tests.model_selection.nets import classifier, regressor

GRID = {"alpha": [0, 0.2, 1.0]}

pytestmark = pytest.mark.usefixtures("one_by_one")


def assert_same_results(ours, theirs):
    """Check keys, order, types and values of two tables; times differ."""
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        if key == "params":
            assert ours[key] == value
            continue
        assert type(ours[key]) is type(value), key
        assert ours[key].dtype == value.dtype, key
        if not key.endswith("_time"):
            np.testing.assert_array_equal(ours[key], value, err_msg=key)


def both(estimator, grid, X, y, fit_params=(), **settings):
    fit_params = dict(fit_params)
    return [
        search(clone(estimator), grid, **settings).fit(X, y, **fit_params)
        for search in (MixupSearchCV, GridSearchCV)
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"return_train_score": True, "scoring": "neg_log_loss"},
        {"scoring": ["accuracy", "neg_log_loss"], "refit": "neg_log_loss"},
        {
            "scoring": lambda e, X, y: {"hits": (e.predict(X) == y).mean()},
            "refit": False,
        },
        {"cv": ShuffleSplit(3, test_size=0.3, random_state=0)},
        {"refit": lambda results: 1},
    ],
    ids=["default", "train scores", "several", "callable", "splitter", "refit"],
)
def test_the_table_and_the_choice_are_those_of_a_grid_search(settings):
    X, y = blobs(60, n_classes=3)
    ours, theirs = both(classifier(), GRID, X, y, **({"cv": 3} | settings))
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert ours.multimetric_ == theirs.multimetric_
    assert ours.n_splits_ == theirs.n_splits_
    for name in ("best_index_", "best_params_", "best_score_", "classes_"):
        assert hasattr(ours, name) == hasattr(theirs, name), name
        if hasattr(theirs, name):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    if settings.get("refit", True):
        np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))
        assert ours.score(X, y) == theirs.score(X, y)


def test_a_grid_of_several_parts_has_masked_columns():
    X, y = blobs(40)
    grid = [{"alpha": [0, 0.2]}, {"mix": ["reg_mixup"], "lr": [0.01]}]
    ours, theirs = both(classifier(), grid, X, y, cv=2)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert ours.cv_results_["param_alpha"].mask.tolist() == [False, False, True]


def test_regression_and_raw_tables():
    X, _, income = people(60)
    ours, theirs = both(regressor(), GRID, X, income, cv=3)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.feature_names_in_.tolist() == list(X)


def test_candidates_are_drawn_as_a_randomized_search_draws_them():
    X, y = blobs(40)
    distributions = {"alpha": loguniform(0.1, 1), "lr": [0.001, 0.01]}
    settings = {"n_iter": 3, "cv": 2, "random_state": 0}
    ours, theirs = (
        search(classifier(), distributions, **settings).fit(X, y)
        for search in (MixupRandomizedSearchCV, RandomizedSearchCV)
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


@pytest.mark.parametrize("verbose", [0, 1, 2, 3, 10])
def test_messages_are_those_of_a_grid_search(verbose, capsys):
    X, y = blobs(30)
    said = []
    for search in (MixupSearchCV, GridSearchCV):
        search(classifier(), {"alpha": [0, 0.2]}, cv=2, verbose=verbose).fit(X, y)
        lines = capsys.readouterr().out.splitlines()
        said.append([line.partition(" total time=")[0].rstrip(".") for line in lines])
    ours, theirs = said
    # The dots fill a line up to its time.
    squeeze = [[line.replace(".", "") for line in lines] for lines in (ours, theirs)]
    assert squeeze[0] == squeeze[1]


# --- failures ------------------------------------------------------------------------


def test_a_bad_candidate_gets_error_score_and_harms_no_other():
    X, y = blobs(40)
    grid = {"alpha": [0.2, -1.0]}
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4"):
        ours = MixupSearchCV(classifier(), grid, cv=2, error_score=-7).fit(X, y)
    assert ours.cv_results_["mean_test_score"][1] == -7
    assert ours.best_params_ == {"alpha": 0.2}
    with pytest.raises(ValueError, match="alpha"):
        MixupSearchCV(classifier(), grid, cv=2, error_score="raise").fit(X, y)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_training_that_diverges_gets_error_score():
    X, y = blobs(40)
    grid = {"lr": [0.01, 1e30]}
    with pytest.warns(FitFailedWarning, match="FloatingPointError"):
        search = MixupSearchCV(classifier(), grid, cv=2).fit(X, y)
    alone = GridSearchCV(classifier(), {"lr": [0.01]}, cv=2).fit(X, y)
    assert np.isnan(search.cv_results_["mean_test_score"][1])
    assert search.best_score_ == alone.best_score_


def test_when_all_fits_fail_the_error_is_that_of_a_grid_search():
    X, y = blobs(40)
    with pytest.raises(ValueError, match="All the 4 fits failed"):
        MixupSearchCV(classifier(batch_size=-1), GRID | {"alpha": [0, 1]}, cv=2).fit(
            X, y
        )


def test_unknown_parameters_are_errors_whatever_error_score_says():
    X, y = blobs(40)
    with pytest.raises(ValueError, match="has no parameter 'alfa'"):
        MixupSearchCV(classifier(), {"alfa": [0.2]}, cv=2).fit(X, y)


def test_a_splitter_that_miscounts_is_reported_by_scikit_learn():
    class Miscounting(GroupKFold):
        def split(self, X, y=None, groups=None):
            return iter([(np.arange(20), np.arange(20, 40))])

    X, y = blobs(40)
    with pytest.raises(ValueError, match="inconsistent results"):
        MixupSearchCV(classifier(), GRID, cv=Miscounting(2)).fit(X, y)


def test_the_search_is_as_it_was_after_an_error():
    X, y = blobs(40)
    net = classifier(alpha=-1)
    search = MixupSearchCV(net, {"lr": [0.01]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="alpha"):
        search.fit(X, y)
    assert search.estimator is net
    assert not [name for name in vars(search) if name.startswith("_sweep")]


# --- what is given to fit ------------------------------------------------------------


def test_sample_weights_reach_fit_and_scorer():
    X, y = blobs(60)
    weight = np.linspace(0.1, 2, 60)
    ours, theirs = both(
        classifier(), GRID, X, y, {"sample_weight": weight}, cv=3, scoring="accuracy"
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    plain = MixupSearchCV(classifier(), GRID, cv=3, scoring="neg_log_loss").fit(X, y)
    assert plain.cv_results_["mean_test_score"].tolist() != (
        theirs.cv_results_["mean_test_score"].tolist()
    )


def test_groups_reach_the_splitter():
    X, y = blobs(60)
    groups = np.arange(60) // 10
    ours, theirs = both(classifier(), GRID, X, y, {"groups": groups}, cv=GroupKFold(3))
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_metadata_routing():
    X, y = blobs(60)
    weight, groups = np.linspace(0.1, 2, 60), np.arange(60) // 10
    with config_context(enable_metadata_routing=True):
        net = classifier().set_fit_request(sample_weight=True, groups=True)
        net.set_score_request(sample_weight=True)
        ours, theirs = both(
            net,
            GRID,
            X,
            y,
            {"sample_weight": weight, "groups": groups},
            cv=GroupKFold(3),
        )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_an_iterable_of_folds_is_read_once():
    X, y = blobs(40)
    folds = [(np.arange(20), np.arange(20, 40)), (np.arange(5, 40), np.arange(5))]
    search = MixupSearchCV(classifier(), GRID, cv=iter(folds)).fit(X, y)
    assert search.n_splits_ == 2


def test_a_splitter_that_draws_is_asked_once():
    X, y = blobs(60)
    search = MixupSearchCV(
        classifier(), {"alpha": [0.0, 0]}, cv=ShuffleSplit(2, test_size=0.5)
    ).fit(X, y)
    first, second = search.cv_results_["mean_test_score"]
    assert first == second


# --- as a part of scikit-learn -------------------------------------------------------


def test_it_is_what_its_estimator_is():
    assert is_classifier(MixupSearchCV(classifier(), GRID))
    assert is_regressor(MixupRandomizedSearchCV(regressor(), GRID))


def test_clone_keeps_parameters_and_repr_works():
    search = MixupSearchCV(classifier(), GRID, ensemble="mean", halving=3)
    assert clone(search).get_params()["halving"] == 3
    assert "MixupSearchCV" in repr(search)


def test_it_is_nested_in_cross_validation():
    X, y = blobs(40)
    search = MixupSearchCV(classifier(), {"alpha": [0, 0.2]}, cv=2)
    assert cross_val_score(search, X, y, cv=2).shape == (2,)


def test_workers_score_what_was_trained_here():
    X, y = blobs(40)
    one = MixupSearchCV(classifier(), GRID, cv=2).fit(X, y)
    with parallel_config(backend="threading"):
        two = MixupSearchCV(classifier(), GRID, cv=2, n_jobs=2).fit(X, y)
    assert_same_results(two.cv_results_, one.cv_results_)


def test_times_add_up_to_what_the_search_took():
    X, y = blobs(40)
    search = MixupSearchCV(classifier(), GRID, cv=2).fit(X, y)
    times = search.cv_results_["mean_fit_time"]
    assert times.min() > 0
    np.testing.assert_allclose(times, times[0])


def test_refined_log_loss_is_a_scoring_by_name():
    X, y = blobs(60)
    search = MixupSearchCV(classifier(), GRID, cv=2, scoring="refined_log_loss")
    search.fit(X, y)
    assert search.best_score_ == search.cv_results_["mean_test_score"].max() < 0
    several = MixupSearchCV(
        classifier(),
        GRID,
        cv=2,
        scoring=["accuracy", "refined_log_loss"],
        refit="refined_log_loss",
    ).fit(X, y)
    assert several.best_score_ == search.best_score_
    assert list(several.scorer_) == ["accuracy", "refined_log_loss"]


def test_bad_scorings_are_refused_in_the_words_of_scikit_learn():
    X, y = blobs(40)
    for scoring in ("acuracy", ["accuracy", "accuracy"], ["refined_log_loss", 3]):
        with pytest.raises((ValueError, TypeError), match="scor"):
            MixupSearchCV(classifier(), GRID, cv=2, scoring=scoring).fit(X, y)


# --- one seed for the whole search ---------------------------------------------------


def test_without_a_random_state_candidates_share_their_luck():
    X, y = blobs(60)
    search = MixupSearchCV(
        classifier(random_state=None),
        {"lr": [0.001, 0.001]},
        cv=2,
        scoring="neg_log_loss",
    ).fit(X, y)
    first, second = search.cv_results_["mean_test_score"]
    assert first == second
    seeded = GridSearchCV(
        classifier(random_state=search.seed_),
        {"lr": [0.001]},
        cv=2,
        scoring="neg_log_loss",
    ).fit(X, y)
    assert seeded.best_score_ == first
    assert search.best_estimator_.random_state is None


def test_seeds_are_a_parameter_like_others():
    X, y = blobs(60)
    ours, theirs = both(
        classifier(), {"random_state": [0, 1]}, X, y, cv=2, scoring="neg_log_loss"
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert len(set(ours.cv_results_["mean_test_score"])) == 2


# --- differences ---------------------------------------------------------------------


def test_paired_differences_are_those_to_the_best():
    X, y = blobs(60)
    search = MixupSearchCV(classifier(), GRID, cv=3, scoring="neg_log_loss").fit(X, y)
    table = pd.DataFrame(search.paired_differences_)
    scores = np.stack(
        [search.cv_results_[f"split{i}_test_score"] for i in range(3)], axis=1
    )
    gaps = scores - scores[search.best_index_]
    np.testing.assert_allclose(table["mean_difference_score"], gaps.mean(axis=1))
    np.testing.assert_allclose(
        table["se_difference_score"], gaps.std(axis=1, ddof=1) / np.sqrt(3)
    )
    assert (table["mean_difference_score"] <= 0).all()
    assert table["se_difference_score"][search.best_index_] == 0
