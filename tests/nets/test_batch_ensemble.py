"""Several nets in one."""

import pytest
import torch

from sk_mixup.nets import EnsembleLinear, TabularNet, joined_output
from sk_mixup.nets._batch_ensemble import column_scales


def test_every_member_is_a_linear_layer_of_its_own():
    layer = EnsembleLinear(5, 3, 4, scale=torch.randn(4, 5))
    with torch.no_grad():
        layer.scale_out.normal_()
        layer.bias.normal_()
    x = torch.randn(7, 5)
    output = layer(x)
    for k in range(4):
        own = (x * layer.scale_in[k]) @ layer.weight[0] * layer.scale_out[k]
        torch.testing.assert_close(output[:, k], own + layer.bias[k])


def test_members_may_have_inputs_of_their_own():
    layer, x = EnsembleLinear(5, 3, 4), torch.randn(7, 4, 5)
    torch.testing.assert_close(layer(x)[:, 2], layer(x[:, 2])[:, 2])


@pytest.mark.parametrize("n_rows", [3, 64])
@pytest.mark.parametrize("of_members", [False, True])
def test_few_rows_and_many_are_computed_alike(n_rows, of_members):
    layer = EnsembleLinear(16, 8, 4, scale=torch.randn(4, 16))
    x = torch.randn(n_rows, 4, 16) if of_members else torch.randn(n_rows, 16)
    trained = layer(x)
    torch.testing.assert_close(layer.eval()(x), trained)


def test_heads_have_matrices_of_their_own():
    layer, x = EnsembleLinear(5, 3, 4, shares_weight=False), torch.randn(7, 4, 5)
    output = layer(x)
    torch.testing.assert_close(output[:, 1], x[:, 1] @ layer.weight[1] + layer.bias[1])


def test_first_scales_weigh_whole_columns():
    scale = column_scales(3, torch.tensor([0, 1, 0, 0, 1]))
    assert torch.equal(scale[:, 0], scale[:, 2])
    assert not torch.equal(scale[:, 0], scale[:, 1])
    assert len(scale[:, 0].unique()) == 3


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
def test_the_joined_output_has_the_mean_probability(activation):
    output = torch.randn(6, 4, 3).double()
    link = {"softmax": lambda z: z.softmax(-1), "sigmoid": torch.sigmoid}.get(
        activation, lambda z: z
    )
    joined = joined_output(output, activation)
    torch.testing.assert_close(link(joined), link(output).mean(1))


def test_a_net_of_members_gives_one_output_per_row_in_evaluation():
    net = TabularNet(2, 0, [3], 4, d_hidden=8, n_members=5)
    rows = torch.rand(6, 2), torch.zeros(6, 1, dtype=torch.int64)
    assert net(*rows).shape == (6, 5, 4)
    assert net.eval()(*rows).shape == (6, 4)


def test_members_start_different():
    net = TabularNet(2, 0, [], 1, d_hidden=8, n_members=5, dropout=0.0)
    hidden = net.hidden(torch.rand(1, 2))
    assert len(hidden[0].sum(1).unique()) == 5


def test_no_row_looks_at_others():
    net = TabularNet(2, 0, [], 1, d_hidden=8, n_members=5).eval()
    x, codes = torch.rand(6, 2), torch.empty(6, 0, dtype=torch.int64)
    torch.testing.assert_close(net(x, codes)[2:3], net(x[2:3], codes[2:3]))


def test_a_known_value_has_a_vector_of_its_own():
    known = [torch.tensor([0.0, 0.5, 1.0]), torch.empty(0)]
    net = TabularNet(2, 0, [], 1, known_values=known, d_value=4, dropout=0.0)
    x = torch.tensor([[0.5, 0.5], [0.4, 0.5], [9.0, 0.0], [-9.0, 0.0]])
    assert net.values.codes(x).ravel().tolist() == [2, 0, 0, 0]
    embedded = net.embed(x, torch.empty(4, 0, dtype=torch.int64))
    assert torch.equal(embedded[0, 2:], net.values.table.weight[2])


def test_no_member():
    with pytest.raises(ValueError, match="n_members must be at least 1; got 0"):
        TabularNet(2, 0, [], 1, n_members=0)
