"""scikit-learn's own checks, with default parameters."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from sk_mixup import MixupClassifier, MixupRegressor

# All else must pass. `check_array_api_input` skips itself: neither claims support.
_REASON = (
    "training is stochastic: batches of a table with repeated rows differ from those of"
    " weighted rows"
)
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": _REASON,
    "check_sample_weight_equivalence_on_sparse_data": _REASON,
}


@parametrize_with_checks(
    [MixupClassifier(), MixupRegressor()],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_estimators_pass_the_checks_of_scikit_learn(estimator, check):
    check(estimator)
