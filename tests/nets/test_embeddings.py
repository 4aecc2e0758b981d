"""The embeddings before the first layer."""

import pytest
import torch
from torch import nn

from sk_mixup.nets import CategoricalEmbedding, PiecewiseLinearEmbedding
from sk_mixup.nets._embeddings import categorical_width, rows_of

EDGES = [torch.tensor([0.0, 1.0, 4.0]), torch.tensor([-2.0, 2.0])]


def share_of_bin(value, low, high):
    return min(1.0, max(0.0, (value - low) / (high - low)))


def test_piecewise_linear_embedding_follows_its_definition():
    net = PiecewiseLinearEmbedding(EDGES, 3)
    x = torch.tensor([[-1.0, 0.0], [0.5, 2.0], [3.0, -2.0], [9.0, 9.0]])
    output = net(x)
    assert output.shape == (4, 2, 3)
    for i in range(4):
        for j, edges in enumerate(EDGES):
            expected = net.bias[j, 0].clone()
            for k in range(len(edges) - 1):
                share = share_of_bin(x[i, j].item(), edges[k], edges[k + 1])
                expected = expected + share * net.weight[j, k]
            torch.testing.assert_close(output[i, j], expected)


def test_missing_bins_of_a_shorter_column_do_nothing():
    net = PiecewiseLinearEmbedding(EDGES, 3)
    before = net(torch.ones(1, 2))
    with torch.no_grad():
        net.weight[1, 1] += 100
    assert torch.equal(net(torch.ones(1, 2)), before)


def test_outer_bins_are_clipped():
    net = PiecewiseLinearEmbedding(EDGES, 3)
    assert torch.equal(net(torch.full((1, 2), 4.0)), net(torch.full((1, 2), 1e9)))


def test_categories_of_each_column_have_their_own_rows():
    net = CategoricalEmbedding([2, 3], 4)
    output = net(torch.tensor([[1, 0], [0, 2]]))
    assert output.shape == (2, 2, 4)
    assert torch.equal(output[0, 0], net.weight[1])
    assert torch.equal(output[0, 1], net.weight[2])
    assert torch.equal(output[1, 1], net.weight[4])


@pytest.mark.parametrize("n_rows", [0, 1, 50])
def test_rows_of_a_table_and_their_gradient_are_those_of_torch_to_the_bit(n_rows):
    table = torch.randn(7, 4, requires_grad=True)
    other = table.detach().clone().requires_grad_()
    codes = torch.randint(0, 7, (n_rows, 2, 3))
    found, expected = rows_of(table, codes), nn.functional.embedding(codes, other)
    assert torch.equal(found, expected)
    weight = torch.randn(4, n_rows, 2, 3).permute(1, 2, 3, 0)
    found.backward(weight)
    expected.backward(weight)
    assert torch.equal(table.grad, other.grad)


def test_a_code_beyond_the_table_is_refused():
    with pytest.raises(IndexError, match="out of range"):
        rows_of(torch.randn(3, 2), torch.tensor([0, 3]))


def test_rows_are_found_inside_vmap_too():
    tables, codes = torch.randn(5, 3, 2), torch.tensor([[0, 2], [1, 1]])
    found = torch.func.vmap(rows_of, in_dims=(0, None))(tables, codes)
    assert torch.equal(found, tables[:, codes])


def test_rows_never_trained_become_the_mean_of_those_that_were():
    net = CategoricalEmbedding([3, 2], 4)
    before = net.weight.detach().clone()
    net.fill_untrained([torch.tensor([1, 3, 0]), torch.tensor([5, 5])])
    torch.testing.assert_close(net.weight[2], 0.25 * before[0] + 0.75 * before[1])
    trained = [0, 1, 3, 4]
    assert torch.equal(net.weight[trained], before[trained])


def test_filling_twice_is_filling_once():
    net = CategoricalEmbedding([3], 4)
    counts = [torch.tensor([1, 3, 0])]
    net.fill_untrained(counts)
    once = net.weight.detach().clone()
    net.fill_untrained(counts)
    torch.testing.assert_close(net.weight.detach(), once)


@pytest.mark.parametrize(
    ("n_levels", "width"), [([2], 2), ([2, 10], 6), ([100_000], 16), ([], 2)]
)
def test_width_of_categories(n_levels, width):
    assert categorical_width(n_levels) == width
