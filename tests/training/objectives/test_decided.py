"""Which class is said to be the most probable one, on any device."""

import numpy as np
import torch

from sk_mixup.training.objectives._objective import first_largest


def test_the_first_of_equal_and_of_missing_values_as_numpy_says_it():
    random = np.random.default_rng(0)
    proba = random.integers(0, 3, (500, 4)) / 2.0
    proba[random.random(proba.shape) < 0.1] = np.nan
    found = first_largest(torch.from_numpy(proba))
    np.testing.assert_array_equal(found.numpy(), proba.argmax(axis=1))
