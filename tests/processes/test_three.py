"""Three processes, of which some have no row of a small batch."""

import pytest

from tests.processes.launch import told
from tests.processes.test_together import assert_alike, assert_as_alone

AS_ALONE = [
    *("plain", "weighted_and_clipped", "one_row_batches", "given_plans", "validated"),
    *("loaders", "parts_of_one_batch", "weighted_parts"),
]
ALIKE = ["normalised", "global_partners", "table", "parts", "parts_of_tables"]
FAILING = ["other_rows", "fails_in_training"]


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """What each of three processes tells of some scenarios."""
    folder = tmp_path_factory.mktemp("three")
    return told(3, folder, only=[*AS_ALONE, *ALIKE, *FAILING])


@pytest.mark.slow
@pytest.mark.parametrize("scenario", AS_ALONE)
def test_three_learn_what_one_does_with_all_rows(three, scenario):
    for one in three:
        assert_as_alone(one[scenario])
    for one in three[1:]:
        assert_alike(three[0][scenario]["together"], one[scenario]["together"])


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ALIKE)
def test_three_end_with_one_net_and_one_history(three, scenario):
    for one in three[1:]:
        assert_alike(three[0][scenario], one[scenario])


@pytest.mark.slow
@pytest.mark.parametrize("scenario", FAILING)
def test_a_failure_of_one_is_that_of_three(three, scenario):
    assert all(one[scenario] is not None for one in three)
    assert all(one[scenario][2] < 5 for one in three)
