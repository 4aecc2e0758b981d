"""scikit-learn's own checks: what `GridSearchCV` passes, `MixupSearchCV` passes."""

import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from sk_mixup import MixupClassifier, MixupSearchCV

# A failing fit becomes a failing search, whose message says more than the check asks.
EXPECTED = {
    "check_estimators_nan_inf": "GridSearchCV fails too: the nets take missing values",
    "check_classifiers_one_label_sample_weights": (
        "GridSearchCV fails too: the message is that of a search"
    ),
}
GRID = {"alpha": [0, 0.2]}

pytestmark = [
    # Three epochs are too few for mixing, and checks fit what cannot be fitted.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.usefixtures("one_by_one"),
]


@parametrize_with_checks(
    [MixupSearchCV(MixupClassifier(max_epochs=3, random_state=0), GRID, cv=2)],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_the_search_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_grid_search_fails_where_this_one_does(name):
    net = MixupClassifier(max_epochs=1, random_state=0)
    with pytest.raises(AssertionError):
        getattr(estimator_checks, name)("GridSearchCV", GridSearchCV(net, GRID, cv=2))
