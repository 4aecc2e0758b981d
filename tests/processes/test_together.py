"""Two processes train one net, on the same rows or on a part each."""

import re

import numpy as np
import pytest

from tests.processes.launch import told


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What either of two processes tells of every scenario."""
    return told(2, tmp_path_factory.mktemp("two"))


def assert_alike(one, other):
    """Check that two processes have ended with the same net and history."""
    for a, b in zip(one["weights"], other["weights"], strict=True):
        np.testing.assert_array_equal(a, b)
    assert one["history"] == other["history"]
    assert one["temperature"] == other["temperature"]


def assert_as_alone(found, atol=1e-6):
    """Check that processes have learnt what one does, and recorded it."""
    together, alone = found["together"], found["alone"]
    for a, b in zip(together["weights"], alone["weights"], strict=True):
        np.testing.assert_allclose(a, b, atol=atol)
    assert together["n_iter"] == alone["n_iter"]
    for a, b in zip(together["history"], alone["history"], strict=True):
        for key in a.keys() & {"train_loss", "valid_loss", "valid_acc"}:
            assert a[key] == pytest.approx(b[key], abs=atol), key
        sizes = [[r.get("train_batch_size") for r in x["batches"]] for x in (a, b)]
        assert sizes[0][:3] == sizes[1][:3]
    if alone["temperature"] is not None:
        assert together["temperature"] == pytest.approx(alone["temperature"], abs=1e-4)


@pytest.mark.parametrize(
    "scenario",
    [
        *("plain", "weighted_and_clipped", "one_row_batches"),
        *("given_plans", "validated", "numbers", "data_sets", "loaders", "streams"),
        *("parts_of_one_batch", "weighted_parts"),
    ],
)
def test_processes_learn_what_one_does_with_all_rows(two, scenario):
    for one in two:
        assert_as_alone(one[scenario])
    assert_alike(*(one[scenario]["together"] for one in two))


def test_an_optimizer_that_asks_again_is_answered_for_all_rows(two):
    for one in two:
        # It divides by differences of gradients, which makes much of rounding.
        assert_as_alone(one["asked_again"], atol=1e-4)
    assert_alike(*(one["asked_again"]["together"] for one in two))


@pytest.mark.parametrize(
    "scenario",
    [
        *("own_streams", "normalised", "global_partners", "global_partners_of_tables"),
        *("table", "seedless", "goes_on", "parts", "parts_of_tables"),
        "validated_parts",
    ],
)
def test_processes_end_with_one_net_and_one_history(two, scenario):
    assert_alike(*(one[scenario] for one in two))


def test_each_process_mixes_its_rows_by_its_own_stream(two):
    lams = [one["own_streams"]["lams"] for one in two]
    assert not set(lams[0]) & set(lams[1])


def test_each_process_takes_other_rows_and_together_all(two):
    rows = [one["own_streams"]["rows"] for one in two]
    # The last two of fifty rows are a batch of the first process alone.
    first, second = np.concatenate(rows[0][:4]), np.concatenate(rows[1][:3])
    assert not set(first) & set(second)
    assert len(set(first) | set(second)) == 50


def test_global_partners_are_rows_of_any_process(two):
    for one in two:
        far = one["global_partners"]["far"]
        # Half of the rows are those of the other process.
        assert 0.3 < np.mean(far[:3]) < 0.7
    rows = [one["global_partners"]["rows"][0] for one in two]
    assert set(rows[0]) == set(rows[1])
    assert list(rows[0][:8]) == list(rows[1][8:])


def test_a_validation_part_stops_all_at_the_same_epoch(two):
    for one in two:
        assert one["validated"]["together"]["n_iter"] < 30
        assert one["validated_parts"]["n_iter"] < 30


def test_where_a_callback_stops_one_process_all_stop(two):
    assert [one["stops_together"] for one in two] == [2, 2]


def test_a_weight_that_nobody_uses_stays_as_it_is(two):
    assert all(one["unused"] for one in two)


def test_classes_and_categories_of_one_process_are_known_to_all(two):
    one, other = (t["parts_of_tables"] for t in two)
    assert one["classes"] == ["high", "low", "other"]
    np.testing.assert_array_equal(one["proba"], other["proba"])


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("other_rows", "same X; process 0 of 2 has 50 rows .* process 1 has 40 rows"),
        ("other_targets", "the same y; .*distributed='parts'"),
        ("other_epochs", "the same max_epochs; process 0 of 2 has 3, and process 1"),
        ("no_rows_of_weight", "sample_weight.*zero"),
        ("bad_rows", "NaN"),
        ("checkpointed", "checkpoint='here'.*processes"),
        ("accelerated", "without AccelerateMixin"),
        ("partners_of_one_of_several", "partners='global' is for Mixup itself"),
    ],
)
def test_what_is_wrong_in_one_process_is_said_in_all(two, scenario, words):
    for one in two:
        kind, message, seconds = one[scenario]
        assert kind == "ValueError"
        assert seconds < 5
        assert re.search(words, message)


def test_a_process_without_rows_is_named_by_all(two):
    messages = [one["no_rows"][1] for one in two]
    assert "process 1 of 2" in messages[0]
    assert all("0 sample" in message for message in messages)


def test_a_failure_in_training_ends_all_within_seconds(two):
    first, second = (t["fails_in_training"] for t in two)
    assert second[:2] == ("OSError", "the disk is full")
    assert first[0] == "RuntimeError"
    assert "process 1 of 2 failed in this training" in first[1]
    assert "OSError: the disk is full" in first[1]
    assert max(first[2], second[2]) < 5
