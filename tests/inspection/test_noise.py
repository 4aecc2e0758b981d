"""Studies with wrong labels."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import KNeighborsClassifier

from sk_mixup.inspection import NoiseDisplay, noise_study, wrong_labels
from tests.builders import blobs, classifier

X, Y = blobs(120, n_classes=3)
NAMES = np.array(["a", "b", "c"])[Y]
ONE = KNeighborsClassifier(n_neighbors=1)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_exactly_the_share_is_wrong(share):
    labels = wrong_labels(NAMES, share)
    assert (labels != NAMES).mean() == share
    assert set(labels) == set(NAMES)


def test_rows_of_a_small_share_are_among_those_of_a_large_one():
    few, many = (wrong_labels(NAMES, share, random_state=3) for share in (0.2, 0.5))
    wrong = few != NAMES
    assert_array_equal(few[wrong], many[wrong])
    assert (wrong_labels(NAMES, 0.2, random_state=4) != few).any()


def test_one_neighbour_learns_everything_by_heart():
    study = noise_study(ONE, X, NAMES, X, NAMES, shares=[0, 0.3], n_repeats=2)
    assert_allclose(study.accuracy, [[1, 1], [0.7, 0.7]])
    assert_array_equal(study.memorized, [[np.nan, np.nan], [1, 1]])


def test_the_estimator_stays_unfitted_and_equal_seeds_agree():
    model = classifier(max_epochs=2, module="mlp")
    one, other = (
        noise_study(model, X, NAMES, X, NAMES, shares=[0.4]) for _ in range(2)
    )
    assert not hasattr(model, "net_")
    assert_array_equal(one.accuracy, other.accuracy)


def test_wrong_shares_cost_no_training():
    with pytest.raises(ValueError, match=r"share .* got 20"):
        noise_study(ONE, X, NAMES, X, NAMES, shares=[0.1, 20])
    with pytest.raises(ValueError, match="two labels or more"):
        wrong_labels(["a", "a"], 0.5)
    with pytest.raises(ValueError, match="one dimension"):
        wrong_labels(np.eye(3), 0.5)
    with pytest.raises(ValueError, match="n_repeats"):
        noise_study(ONE, X, NAMES, X, NAMES, n_repeats=0)


def test_two_models_in_one_picture():
    five = KNeighborsClassifier(n_neighbors=5)
    data = X, NAMES, X, NAMES
    first = NoiseDisplay.from_estimator(ONE, *data, shares=[0, 0.3], name="one")
    second = NoiseDisplay.from_estimator(
        five, *data, shares=[0, 0.3], n_repeats=2, name="five", ax=first.ax_
    )
    assert second.ax_ is first.ax_
    assert second.figure_ is first.ax_.figure
    labels = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert sum(label.startswith("five: ") for label in labels) == 2
