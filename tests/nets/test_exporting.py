"""What nets compute otherwise while they are exported has the same result."""

import numpy as np
import pytest
import torch
from torch import nn

from sk_mixup.nets import is_exported, places_in
from sk_mixup.nets._exporting import add_columns


class Called(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        assert is_exported() or not torch.compiler.is_compiling()
        return self.function(*inputs)


def exported(function, *inputs):
    return torch.export.export(Called(function), inputs).module()(*inputs)


@pytest.mark.parametrize("n", [1, 2, 5, 16, 17])
def test_places_are_counted_as_they_are_searched(n):
    random = np.random.default_rng(n)
    ordered = torch.from_numpy(np.sort(random.standard_normal((3, n)), axis=1))
    ordered[0, n // 2 :] = torch.inf
    values = torch.from_numpy(random.standard_normal((3, 40)))
    values[:, :n] = ordered
    values[:, 39] = -torch.inf
    expected = torch.searchsorted(ordered, values)
    assert torch.equal(places_in(ordered, values), expected)
    assert torch.equal(exported(places_in, ordered, values), expected)


def test_columns_are_added_alike():
    tokens, values = torch.randn(4, 5, 3), torch.randn(4, 2, 3)
    columns = torch.tensor([4, 1])
    expected = tokens.clone()
    expected[:, columns] += values
    assert torch.equal(add_columns(tokens, columns, values), expected)
    assert torch.equal(exported(add_columns, tokens, columns, values), expected)
