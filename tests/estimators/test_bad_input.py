"""Bad input: an error before training, with parameter or column, value and remedy.

A failed call leaves a fitted estimator as it was, which every test here checks.
"""

import copy

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from skorch.callbacks import Callback
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.mixing import CutMix, ManifoldMixup, Mixup
from tests.builders import blobs, classifier, people, regressor

TABLE, LABELS, INCOME = people()
NAN = float("nan")


class NoTraining(Callback):
    """Tells when an error comes too late."""

    def on_train_begin(self, net, **kwargs):
        raise AssertionError("the training has begun")


@pytest.fixture(scope="module")
def fitted():
    return {
        "classifier": classifier().fit(TABLE, LABELS),
        "regressor": regressor().fit(TABLE, INCOME),
    }


@pytest.fixture(params=["classifier", "regressor"])
def model(request, fitted):
    return copy.deepcopy(fitted[request.param])


@pytest.fixture
def one_classifier(fitted):
    return copy.deepcopy(fitted["classifier"])


@pytest.fixture
def one_regressor(fitted):
    return copy.deepcopy(fitted["regressor"])


def target_of(model):
    return LABELS if isinstance(model, MixupClassifier) else INCOME


def check_refused(model, error, *words, X=TABLE, y=None, fit=None, **params):
    """Check error and words, and that `model` still predicts what it did."""
    y = target_of(model) if y is None else y
    before, n_iter = model.predict(TABLE), model.n_iter_
    model.set_params(callbacks=[NoTraining()], **params)
    with pytest.raises(error) as caught:
        model.fit(X, y, **(fit or {}))
    for word in words:
        assert word in str(caught.value)
    np.testing.assert_array_equal(model.predict(TABLE), before)
    assert model.n_iter_ == n_iter


# -- X and y --------------------------------------------------------------------------


def test_no_rows(model):
    words = "0 sample(s)", type(model).__name__
    check_refused(model, ValueError, *words, X=TABLE[:0], y=[])


def test_no_columns(model):
    check_refused(model, ValueError, "0 feature(s)", X=TABLE[[]])


def test_x_and_y_of_different_lengths(model):
    words = "inconsistent numbers of samples", "60", "59"
    check_refused(model, ValueError, *words, y=target_of(model)[:59])


def test_missing_labels(one_classifier):
    y = pd.Series(LABELS, dtype=object)
    y[3] = None
    check_refused(one_classifier, ValueError, "y contains NaN", "drop these rows", y=y)


def test_missing_targets(one_regressor):
    y = INCOME.copy()
    y[3] = NAN
    check_refused(one_regressor, ValueError, "y contains NaN", y=y)


def test_no_y(model):
    before = model.predict(TABLE)
    with pytest.raises(ValueError, match="requires y to be passed"):
        model.fit(TABLE, None)
    np.testing.assert_array_equal(model.predict(TABLE), before)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_values(model, value):
    X = TABLE.assign(hours=TABLE["hours"].astype(float).replace(0, 1))
    X.loc[4, "hours"] = value
    check_refused(model, ValueError, "hours", "inf", X=X)


def test_infinite_values_in_an_array_for_a_module(one_classifier):
    X, y = blobs()
    X[4, 1] = np.inf
    check_refused(
        one_classifier, ValueError, "infinity", X=X, y=y, module=nn.Linear(4, 2)
    )


def test_sparse_x(model):
    X = scipy.sparse.csr_matrix(np.eye(60))
    check_refused(model, TypeError, "Sparse", "X.toarray()", X=X, module="tabm")


def test_dates(model):
    X = TABLE.assign(born=pd.Timestamp("2000-01-01"))
    check_refused(model, (TypeError, ValueError), "born", "datetime", X=X)


def test_duplicate_column_names(model):
    X = TABLE.set_axis(["age", "age", "job", "region", "member"], axis=1)
    check_refused(model, ValueError, "duplicate", "'age'", X=X)


def test_text_columns_for_a_module_of_the_users_own(one_classifier):
    words = "'job'", "Encode them", "module=None"
    check_refused(one_classifier, ValueError, *words, module=nn.Linear(5, 2))


def test_one_class(one_classifier):
    words = "one class", "'high'"
    check_refused(one_classifier, ValueError, *words, y=["high"] * 60)


def test_one_class_with_positive_weight(one_classifier):
    weight = (LABELS == "low").astype(float)
    words = "one class", "positive weight", "'low'"
    fit = {"sample_weight": weight}
    check_refused(one_classifier, ValueError, *words, fit=fit)


def test_one_class_with_positive_weight_in_a_first_fit():
    with pytest.raises(ValueError, match="one class with positive weight, 'low'"):
        classifier().fit(TABLE, LABELS, sample_weight=LABELS == "low")


def test_continuous_target_for_the_classifier(one_classifier):
    check_refused(one_classifier, ValueError, "Unknown label type", y=INCOME)


def test_text_target_for_the_regressor(one_regressor):
    check_refused(one_regressor, ValueError, "y", "'low'", y=np.array(["low"] * 60))


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (np.zeros(60), ["at least one non-zero", "all 60 are zero"]),
        (np.r_[np.ones(59), -2.0], ["Negative values", "row 59 is -2.0"]),
        (np.r_[np.ones(59), NAN], ["finite", "row 59 is nan"]),
        (np.ones(59), ["59", "60", "one weight per row"]),
        (np.ones((60, 2)), ["1D array", "(60, 2)"]),
        (["heavy"] * 60, ["must hold numbers"]),
    ],
    ids=["zero", "negative", "nan", "short", "2-D", "text"],
)
def test_sample_weights(model, weight, words):
    fit = {"sample_weight": weight}
    check_refused(model, ValueError, "sample_weight", *words, fit=fit)


# -- parameters -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"alpha": -0.1}, ValueError, ["alpha", "-0.1"]),
        ({"alpha": NAN}, ValueError, ["alpha", "nan"]),
        ({"alpha": "big"}, TypeError, ["alpha", "'big'", "str"]),
        ({"mix": "mixupp"}, ValueError, ["'mixupp'", "Did you mean 'mixup'"]),
        ({"mix": "cutmiks"}, ValueError, ["'cutmiks'", "Did you mean 'cutmix'"]),
        ({"mix": 3}, TypeError, ["mix must be", "3", "int"]),
        ({"mix": Mixup}, TypeError, ["mix must be", "Mixup"]),
        ({"mix": []}, ValueError, ["methods", "non-empty"]),
        ({"mix": Mixup(), "alpha": 0.3}, ValueError, ["alpha=0.3", "mix__alpha"]),
        ({"mix": None, "mix__alpha": 1}, ValueError, ["mix=None", "mix__alpha"]),
        ({"mix__p": 1.5}, ValueError, ["p must be", "between 0 and 1", "1.5"]),
        ({"mix__p": -0.5}, ValueError, ["p must be", "-0.5"]),
        ({"mix__alhpa": 0.3}, ValueError, ["mix__alhpa", "'alpha'"]),
        ({"mix": "cutmix"}, ValueError, ["CutMix", "tables", "FeatureSwap"]),
        ({"mix": CutMix()}, ValueError, ["CutMix", "table"]),
        ({"mix": ManifoldMixup(layers="nope")}, ValueError, ["'nope'", "hidden.0"]),
        ({"batch_size": 0}, ValueError, ["batch_size", "at least 1", "0"]),
        ({"batch_size": -4}, ValueError, ["batch_size", "-4"]),
        ({"batch_size": 32.0}, TypeError, ["batch_size", "32.0", "float"]),
        ({"max_epochs": 0}, ValueError, ["max_epochs", "at least 1", "0"]),
        ({"n_iter_no_change": 0}, ValueError, ["n_iter_no_change", "0"]),
        ({"lr": -1.0}, ValueError, ["lr", "-1.0"]),
        ({"lr": "fast"}, TypeError, ["lr", "'fast'"]),
        ({"validation_fraction": 1.0}, ValueError, ["validation_fraction", "1.0"]),
        ({"early_stopping": "yes"}, ValueError, ["early_stopping", "'yes'"]),
        ({"device": "gpu"}, ValueError, ["device", "'gpu'", "'cuda'"]),
        ({"module": "mpl"}, ValueError, ["'mpl'", "Did you mean 'mlp'"]),
        ({"module": 3}, TypeError, ["module must be", "3"]),
        ({"categorical_features": ["jbo"]}, ValueError, ["jbo"]),
        ({"module__d_hiden": 9}, TypeError, ["d_hiden", "Did you mean module__d_hidd"]),
        ({"optimizer__weight_deca": 0}, TypeError, ["optimizer__weight_decay"]),
        ({"iterator_train__num_worker": 0}, TypeError, ["iterator_train__num_workers"]),
    ],
    ids=str,
)
def test_parameters(model, params, error, words):
    check_refused(model, error, *words, **params)


@pytest.mark.parametrize(
    ("class_weight", "word"),
    [("balance", "'balance'"), ({"rich": 2.0}, "'rich'"), ([1.0, 2.0], "[1.0, 2.0]")],
    ids=str,
)
def test_class_weights(one_classifier, class_weight, word):
    words = "class_weight", word
    check_refused(one_classifier, ValueError, *words, class_weight=class_weight)


@pytest.mark.parametrize("cls", [MixupClassifier, MixupRegressor])
@pytest.mark.parametrize(
    ("keyword", "meant"),
    [
        ("alhpa", "alpha"),
        ("max_epoch", "max_epochs"),
        ("learning_rat", None),
        ("modul__width", "module__width"),
        ("module_width", "module__width"),
    ],
)
def test_unknown_keywords(cls, keyword, meant):
    words = f"no parameter '{keyword}'" + (f".*Did you mean '{meant}'" if meant else "")
    with pytest.raises(TypeError, match=words):
        cls(**{keyword: 1})


def test_unknown_names_in_set_params(model):
    before = model.get_params()
    with pytest.raises(ValueError, match=r"'alhpa'.*Did you mean 'alpha'"):
        model.set_params(lr=5.0, alhpa=0.3)
    assert model.get_params() == before


# -- modules --------------------------------------------------------------------------


@pytest.mark.parametrize("width", [3, 5])
def test_a_module_whose_width_does_not_fit_the_classes(one_classifier, width):
    X, y = blobs(n_classes=4)
    words = "Linear", f"(2, {width})", "4 classes", "4 values per row"
    module = nn.Linear(4, width)
    check_refused(one_classifier, ValueError, *words, X=X, y=y, module=module)


def test_a_module_whose_width_does_not_fit_the_target(one_regressor):
    X, y = blobs()
    words = "Linear", "3 values per row", "y has 1"
    module = nn.Linear(4, 3)
    check_refused(one_regressor, ValueError, *words, X=X, y=1.0 * y, module=module)


def test_a_module_that_does_not_take_the_rows(one_classifier):
    X, y = blobs()
    words = "module", "Linear", "failed on 2 rows", "(2, 4)"
    module = nn.Linear(7, 2)
    check_refused(one_classifier, ValueError, *words, X=X, y=y, module=module)


def test_integers_cannot_be_blended(one_classifier):
    X = np.arange(240).reshape(60, 4) % 9
    net = nn.Sequential(nn.Embedding(9, 3), nn.Flatten(), nn.Linear(12, 2))
    words = "int64", "embedding"
    kwargs = {"X": X, "y": LABELS, "module": net}
    check_refused(one_classifier, (TypeError, ValueError), *words, **kwargs)


def test_criterion_of_one_number_per_batch(one_regressor):
    def squared(output, y):
        return ((output - y) ** 2).mean()

    X, y = blobs()
    words = "criterion", "one number per batch", "reduction='none'", "mix=None"
    settings = {"module": nn.Linear(4, 1), "criterion": squared}
    check_refused(one_regressor, ValueError, *words, X=X, y=1.0 * y, **settings)


# -- validation data ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        ({"X_val": TABLE}, ["X_val", "without y_val"]),
        ({"y_val": LABELS}, ["y_val", "without X_val"]),
        ({"sample_weight_val": [1]}, ["sample_weight_val", "without X_val"]),
        ({"X_val": TABLE, "y_val": LABELS[:9]}, ["inconsistent", "9"]),
        ({"X_val": TABLE[["age"]], "y_val": LABELS}, ["feature names"]),
        ({"X_val": TABLE, "y_val": ["rich"] * 60}, ["'rich'", "'high', 'low'"]),
        (
            {"X_val": TABLE, "y_val": LABELS, "sample_weight_val": np.zeros(60)},
            ["sample_weight_val", "zero"],
        ),
    ],
    ids=["no y", "no X", "weights alone", "length", "columns", "labels", "weights"],
)
def test_validation_data(one_classifier, fit, words):
    check_refused(one_classifier, ValueError, *words, fit=fit)


def test_validation_data_that_would_not_be_used(one_classifier):
    fit = {"X_val": TABLE, "y_val": LABELS}
    words = "X_val", "early_stopping=False"
    check_refused(one_classifier, ValueError, *words, fit=fit, early_stopping=False)


# -- predict --------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [MixupClassifier(), MixupRegressor()], ids=repr)
def test_unfitted_predict(estimator):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError, match="is not fitted yet"):
        estimator.predict(TABLE)


@pytest.mark.parametrize(
    ("X", "word"),
    [
        (TABLE.drop(columns="job"), "job"),
        (TABLE.rename(columns={"job": "work"}), "work"),
        (TABLE[TABLE.columns[::-1]], "order"),
        (np.zeros((3, 4)), "4 features"),
        (TABLE[:0], "0 sample"),
        (TABLE.assign(age=np.inf), "age"),
        (TABLE.assign(age="old"), "age"),
    ],
    ids=["missing", "renamed", "reordered", "width", "empty", "infinite", "text"],
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_predict(model, X, word):
    before = model.predict(TABLE)
    with pytest.raises(ValueError, match=word):
        model.predict(X)
    np.testing.assert_array_equal(model.predict(TABLE), before)


def test_rows_of_another_shape_for_a_module():
    X, y = blobs(48)
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    model = classifier(module=net).fit(X.reshape(48, 2, 2), y)
    with pytest.raises(ValueError, match=r"features|shape"):
        model.predict(torch.zeros(3, 2, 3))


# -- partial_fit ----------------------------------------------------------------------


def test_partial_fit_holds_out_nothing(model):
    before = model.predict(TABLE)
    model.set_params(early_stopping=True)
    with pytest.raises(ValueError, match="partial_fit cannot hold out data"):
        model.partial_fit(TABLE, target_of(model))
    np.testing.assert_array_equal(model.predict(TABLE), before)


def test_partial_fit_keeps_its_classes(one_classifier):
    before = one_classifier.predict(TABLE)
    with pytest.raises(ValueError, match="'rich'"):
        one_classifier.partial_fit(TABLE, LABELS, classes=["rich", "low"])
    with pytest.raises(ValueError, match="'rich'"):
        one_classifier.partial_fit(TABLE, ["rich"] * 60)
    np.testing.assert_array_equal(one_classifier.predict(TABLE), before)
