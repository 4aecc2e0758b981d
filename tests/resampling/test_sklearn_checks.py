"""scikit-learn's own checks: the wrapper passes what the estimator inside passes."""

import pytest
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from sk_mixup.resampling import MixupResampler, MixupWrapper

_REASON = (
    "repeated rows have partners of their own, a row of twice the weight has one: what"
    " is drawn differs"
)
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": _REASON,
    "check_sample_weight_equivalence_on_sparse_data": _REASON,
}


def expected(estimator):
    return EXPECTED if isinstance(estimator, MixupWrapper) else {}


@parametrize_with_checks(
    [
        MixupWrapper(LogisticRegression()),
        MixupWrapper(HistGradientBoostingClassifier(max_iter=10)),
        MixupWrapper(Ridge()),
        MixupWrapper(HistGradientBoostingRegressor(max_iter=10)),
        MixupResampler(),
    ],
    expected_failed_checks=expected,
)
# Checks fit what cannot be fitted, and the estimators inside say so.
@pytest.mark.filterwarnings("ignore")
def test_the_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)
