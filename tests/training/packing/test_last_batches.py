"""No member of a pack has a batch of one row."""

from __future__ import annotations

import numpy as np
import pytest

from sk_mixup import MixupClassifier
from sk_mixup.training.packing._steps import spans_at, stretches
from tests.training.packing.packs import NO_STOP, DoubleNet, check_equal, rows

# With batches of 16: one row over, none, two over, and fewer than a batch and one.
FOLDS = [np.arange(129), np.arange(128), np.arange(20, 150), np.arange(17)]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 16])
def test_batches_of_every_member_hold_all_of_its_rows(batch_size):
    lengths = [40, 35, 34, 33, 33, 32, 17, 2, 1]
    found = [[] for _ in lengths]
    for _, n_steps, spans in stretches(lengths, batch_size, 5):
        for span in spans:
            for k in range(span.low, span.high):
                found[k] += [span.size] * n_steps
    for length, sizes in zip(lengths, found, strict=True):
        assert sum(sizes) == length
        assert set(sizes[:-1]) <= {batch_size}
        assert sizes[-1] <= batch_size + 1
        assert batch_size == 1 or length == 1 or min(sizes) > 1


def test_spans_are_those_of_members_that_have_equally_many_rows():
    assert spans_at(0, [40, 33, 32], 16) == ((0, 3, 16),)
    assert spans_at(1, [40, 33, 32], 16) == ((0, 1, 16), (1, 2, 17), (2, 3, 16))
    assert spans_at(2, [40, 33, 32], 16) == ((0, 1, 8),)


def test_members_with_a_row_over_equal_lone_fits():
    def make(**one):
        return MixupClassifier(DoubleNet, module__norm=True, **NO_STOP, **one)

    check_equal(make, [{"alpha": 0.4}, {"mix": None}], rows(), 1e-9, folds=FOLDS)
