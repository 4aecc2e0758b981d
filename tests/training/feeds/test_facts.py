"""What methods learn of the training data."""

import numpy as np
import pytest
import torch
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from sk_mixup.mixing import FeatMix, Mixup, OneOf, Repeat
from sk_mixup.training import ArrayData, mix_facts

COLUMNS = {
    # Two numbers, a missing indicator of the second, and two categories.
    "numeric": torch.tensor([0, 1, 1]),
    "categorical": torch.tensor([2, 3]),
}


def table(n_rows=300, seed=0):
    """A number and a category tell of the label, the others do not."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, n_rows)
    numeric = random.standard_normal((n_rows, 3)).astype(np.float32)
    numeric[:, 0] += 2 * y
    numeric[:, 2] = y  # of an indicator nothing is asked
    codes = random.integers(0, 3, (n_rows, 2))
    codes[:, 1] = y
    x = {"numeric": numeric, "categorical": codes}
    return {key: torch.from_numpy(value) for key, value in x.items()}, y


def facts(x, y, method=None, *, n_classes=2, columns=COLUMNS, seed=0):
    train = ArrayData(x, torch.as_tensor(y))
    method = FeatMix() if method is None else method
    return mix_facts(train, method, n_classes=n_classes, columns=columns, seed=seed)


def test_information_is_that_of_columns_with_the_class():
    x, y = table()
    information = facts(x, y)["information"]
    values = np.c_[x["numeric"][:, :2].numpy(), x["categorical"].numpy()]
    expected = mutual_info_classif(values, y, discrete_features=[2, 3], random_state=0)
    assert information.dtype == torch.float32
    np.testing.assert_allclose(information.numpy(), expected, rtol=1e-5)
    assert information.argmax() == 3
    assert information[0] > information[1] + 0.2
    assert information[3] > information[2] + 0.2


def test_information_for_several_outputs_is_the_mean():
    x, y = table()
    outputs = np.c_[y + 0.1 * np.arange(300), x["numeric"][:, 1].numpy()]
    information = facts(x, outputs, n_classes=None)["information"]
    values = np.c_[x["numeric"][:, :2].numpy(), x["categorical"].numpy()]
    expected = np.mean(
        [
            mutual_info_regression(
                values, output, discrete_features=[2, 3], random_state=0
            )
            for output in outputs.T
        ],
        axis=0,
    )
    np.testing.assert_allclose(information.numpy(), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
def test_the_entries_of_an_array_are_columns(dtype):
    x, y = table()
    array = x["categorical"].to(dtype)
    information = facts(array, y, columns=None)["information"]
    assert information.shape == (2,)
    assert information[1] > information[0] + 0.2


def test_of_rows_that_are_no_table_nothing_is_said():
    images = torch.rand(20, 3, 4, 4)
    assert facts(images, np.arange(20) % 2, columns=None)["information"] is None


@pytest.mark.parametrize(
    ("method", "is_wanted"),
    [
        (FeatMix(), True),
        (OneOf([Mixup(), FeatMix()]), True),
        (Repeat(FeatMix(), 2), True),
        (FeatMix(0), False),
        (FeatMix(information=[1.0] * 4), False),
        (Mixup(), False),
    ],
    ids=repr,
)
def test_information_is_found_for_those_who_use_it(method, is_wanted):
    assert ("information" in facts(*table(), method)) == is_wanted


@pytest.mark.usefixtures("unchanged_random_state")
def test_of_many_rows_some_are_chosen_by_the_seed():
    x, y = table(12_000)
    one, same, other = (facts(x, y, seed=seed)["information"] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    torch.testing.assert_close(one, other, atol=0.05, rtol=0)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 5])
@pytest.mark.parametrize("n_classes", [None, 5])
def test_few_rows_and_rare_labels_are_no_error(n_rows, n_classes):
    x, _ = table(n_rows)
    x["categorical"][:, 0] = torch.arange(n_rows)
    y = np.arange(n_rows)
    y = y if n_classes else y.astype(np.float32)
    information = facts(x, y, n_classes=n_classes)["information"]
    assert information.shape == (4,)
    assert bool((information >= 0).all() and information.isfinite().all())


def test_columns_that_tell_nothing_have_none():
    x = {"numeric": torch.zeros(50, 3), "categorical": torch.zeros(50, 2).long()}
    assert facts(x, np.arange(50) % 2)["information"].tolist() == [0.0] * 4
