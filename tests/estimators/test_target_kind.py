"""What y is: said by target_kind, the same in every fold."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mixup import MixupSearchCV
from tests.builders import assert_same_weights, blobs, classifier

X, Y = blobs(48)
LABELS = np.stack([Y, 1 - Y, X[:, 0] > 0], axis=1).astype(int)
# The last third lacks class 2, and looks like several labels.
OUTPUTS = np.stack([np.where(np.arange(48) < 32, Y + (X[:, 0] > 0), Y), Y], axis=1)
# The last third agrees, and looks like several labels as well.
SOFT = np.where(np.arange(48)[:, None] < 32, [[0.2, 0.8]], np.eye(2)[Y])
KINDS = {"labels": LABELS, "outputs": OUTPUTS, "soft": SOFT.astype(np.float32)}
IN_ENCODERS = {"labels": "labels", "outputs": "columns", "soft": "soft"}


def net(**params):
    return classifier(module="mlp", **params)


@pytest.mark.parametrize("kind", KINDS)
def test_every_fold_has_the_kind_that_was_said(kind):
    found = cross_validate(
        net(target_kind=kind), X, KINDS[kind], cv=KFold(3), return_estimator=True
    )
    kinds = {model._target_.kind for model in found["estimator"]}
    assert kinds == {IN_ENCODERS[kind]}
    assert np.isfinite(found["test_score"]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_search_says_to_its_folds_what_all_rows_are(kind):
    grid = {"alpha": [0.0]}
    # Without dropout, whose masks a search draws in its own way.
    model = net(module__dropout=0.0)
    search = MixupSearchCV(model, grid, cv=KFold(3), error_score="raise", refit=False)
    score = search.fit(X, KINDS[kind]).cv_results_["mean_test_score"]
    said = net(target_kind=kind, alpha=0.0, module__dropout=0.0)
    alone = cross_val_score(said, X, KINDS[kind], cv=KFold(3))
    assert score == pytest.approx(alone.mean())


def test_a_search_says_it_to_the_net_of_a_pipeline():
    model = make_pipeline(StandardScaler(), net())
    grid = {"mixupclassifier__alpha": [0.0]}
    search = MixupSearchCV(model, grid, cv=KFold(3), error_score="raise")
    search.fit(X, OUTPUTS)
    assert search.estimator is model
    assert search.best_estimator_[-1].target_kind == "auto"
    assert search.best_estimator_[-1].n_outputs_ == 2


@pytest.mark.parametrize("kind", KINDS)
def test_parts_of_a_stream_have_the_kind_that_was_said(kind):
    y, classes = KINDS[kind], [[0, 1, 2], [0, 1]] if kind == "outputs" else None
    model = net(target_kind=kind)
    model.partial_fit(X[32:], y[32:], classes=classes).partial_fit(X[:32], y[:32])
    assert model._target_.kind == IN_ENCODERS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_columns_of_a_frame_are_known_by_name(kind):
    names = ["z", "a", "m"][: KINDS[kind].shape[1]]
    frame = pd.DataFrame(KINDS[kind], columns=names)
    moved = frame[sorted(names)]
    model = net(target_kind=kind).fit(X, frame, X_val=X, y_val=frame)
    other = net(target_kind=kind).fit(X, frame, X_val=X, y_val=moved)
    assert_same_weights(model, other)
    assert model.history_[:, "valid_loss"] == other.history_[:, "valid_loss"]
    assert model.score(X, frame) == model.score(X, moved)


@pytest.mark.parametrize("kind", KINDS)
def test_polars_and_pandas_say_the_same(kind):
    polars = pytest.importorskip("polars")
    names = ["z", "a", "m"][: KINDS[kind].shape[1]]
    one = net().fit(X, pd.DataFrame(KINDS[kind], columns=names))
    frame = polars.DataFrame(KINDS[kind], schema=names, orient="row")
    assert_same_weights(one, net().fit(X, frame))


@pytest.mark.parametrize("kind", ["labels", "outputs"])
def test_a_kind_of_several_columns_needs_a_matrix(kind):
    with pytest.raises(ValueError, match=rf"target_kind='{kind}' means a matrix"):
        net(target_kind=kind).fit(X, Y)


def test_one_class_per_row_is_no_matrix():
    with pytest.raises(ValueError, match=r"target_kind='classes'.*3 columns"):
        net(target_kind="classes").fit(X, LABELS)


@pytest.mark.parametrize("value", ["pixel", None, 3, ["soft"]])
def test_other_words_are_refused(value):
    with pytest.raises(ValueError, match=r"target_kind must be one of .*; got"):
        net(target_kind=value).fit(X, Y)


@pytest.mark.parametrize("method", ["partial_fit", "fit"])
def test_a_training_that_goes_on_keeps_its_kind(method):
    model = getattr(net(warm_start=True, target_kind="labels"), method)(X, LABELS)
    model.set_params(target_kind="outputs")
    with pytest.raises(ValueError, match=r"target_kind='outputs'.*began with 'labels'"):
        getattr(model, method)(X, LABELS)


@pytest.mark.parametrize("kind", ["auto", "labels"])
def test_labels_that_are_not_known_are_an_error(kind):
    unknown = LABELS.copy()
    unknown[3, 1] = -1
    with pytest.raises(ValueError, match=r"-1.*target_kind='outputs'"):
        net(target_kind=kind).fit(X, unknown)
    missing = unknown.astype(float)
    missing[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"column 1 of y.*row 3"):
        net(target_kind=kind).fit(X, missing)
    with pytest.raises(ValueError, match=r"^y_val: .*row 3"):
        net(target_kind=kind).fit(X, LABELS, X_val=X, y_val=missing)


def test_a_label_of_its_own_for_what_is_not_known():
    unknown = LABELS.copy()
    unknown[3, 1] = -1
    model = net(target_kind="outputs").fit(X, unknown)
    assert [len(classes) for classes in model.classes_] == [2, 3, 2]


@pytest.mark.parametrize(
    "scoring", ["accuracy", "neg_log_loss", "roc_auc", "f1_macro", "refined_log_loss"]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_a_column_vector_is_scored_as_a_vector(scoring):
    from sk_mixup.metrics import refined_log_loss_scorer

    scorer = refined_log_loss_scorer if scoring == "refined_log_loss" else scoring
    column, vector = (
        MixupSearchCV(net(), {"alpha": [0.0]}, cv=2, scoring=scorer).fit(X, y)
        for y in (Y[:, None], Y)
    )
    assert column.best_score_ == vector.best_score_
    assert column.score(X, Y[:, None]) == vector.score(X, Y)


def test_a_column_vector_warns_as_in_scikit_learn():
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        net().fit(X, Y[:, None])
