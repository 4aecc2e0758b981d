"""`MixupWrapper` names what is wrong before anything is trained."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sk_mixup.resampling import MixupWrapper
from tests.builders import blobs


@pytest.mark.parametrize(
    ("estimator", "error", "message"),
    [
        (KNeighborsClassifier(), TypeError, "KNeighborsClassifier does not. Use Mixup"),
        (LogisticRegression, TypeError, r"Pass an instance: MixupWrapper\(Logistic"),
        ("logistic", TypeError, "got 'logistic' of type str"),
        (None, TypeError, "got None of type NoneType"),
        (StandardScaler(), TypeError, "StandardScaler is"),
        (KMeans(), TypeError, "KMeans is clusterer"),
        (SVC(kernel="precomputed"), ValueError, "SVC takes similarities"),
        (
            GridSearchCV(LogisticRegression(), {"C": [1, 2]}),
            TypeError,
            r"Put MixupWrapper inside: GridSearchCV\(MixupWrapper",
        ),
    ],
)
def test_estimators_that_cannot_be_wrapped(estimator, error, message):
    with pytest.raises(error, match=message):
        MixupWrapper(estimator).fit(*blobs())


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"alpha": -0.1}, ValueError, "alpha must be a number of at least 0; got -0.1"),
        ({"alpha": [0.1]}, TypeError, "alpha must be a number"),
        ({"ratio": np.inf}, ValueError, "ratio must be a number"),
        ({"ratio": True}, TypeError, "ratio must be a number.*bool"),
        ({"random_state": -1}, ValueError, "random_state must be"),
    ],
)
def test_parameters(params, error, message):
    with pytest.raises(error, match=message):
        MixupWrapper(LogisticRegression(), **params).fit(*blobs())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(60), "(?i)sample.weights? must"),
        (-np.ones(60), "sample_weight"),
        (np.full(60, np.nan), "sample_weight contains NaN"),
        (np.ones(59), "sample_weight.shape"),
    ],
)
def test_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        MixupWrapper(LogisticRegression()).fit(*blobs(), sample_weight=weights)


def test_a_failed_fit_leaves_no_model():
    X, y = blobs()
    X[3, 2] = np.nan
    wrapper = MixupWrapper(LogisticRegression())
    with pytest.raises(ValueError, match="Input X contains NaN"):
        wrapper.fit(X, y)
    assert not hasattr(wrapper, "estimator_")
