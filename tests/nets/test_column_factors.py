"""A factor per column, which each member learns."""

import pickle

import pytest
import torch

from sk_mixup import MixupRegressor
from sk_mixup.nets import TabularNet

NUMBERS = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
CODES = torch.tensor([[0], [3]])


def net(**params):
    torch.manual_seed(0)
    settings = {
        "d_hidden": 8,
        "n_members": 3,
        "shares_weights": False,
        "scales_columns": True,
    }
    return TabularNet(2, 1, [4], 2, **(settings | params)).eval()


def embedded(module):
    with torch.no_grad():
        return module.embed(NUMBERS, CODES)


def test_at_first_all_columns_count_alike():
    plain = net(scales_columns=False)
    assert torch.equal(net()(NUMBERS, CODES), plain(NUMBERS, CODES))


@pytest.mark.parametrize(
    ("params", "n_members"),
    [
        ({}, 3),
        ({"n_members": 1, "shares_weights": True}, 1),
        ({"bin_edges": [torch.tensor([0.0, 2.0, 5.0])] * 2}, 3),
        ({"known_values": [torch.tensor([1.0, 4.0]), torch.empty(0)]}, 3),
    ],
    ids=["members", "one", "bins", "values"],
)
def test_a_factor_multiplies_all_that_stands_for_its_column(params, n_members):
    module = net(**params)
    assert module.column_scale.shape == (n_members, 4)  # two numbers, what is missing
    before = embedded(module)
    with torch.no_grad():
        module.column_scale[:, 0] = 0.0
    after = embedded(module)
    of_first = module.column_of == 0
    assert after[..., of_first].abs().max() == 0.0
    assert torch.equal(after[..., ~of_first], before[..., ~of_first])


def test_a_member_has_its_own():
    module = net()
    before = embedded(module)
    with torch.no_grad():
        module.column_scale[1, 3] = 2.0
    after = embedded(module)
    assert torch.equal(after[:, [0, 2]], before[:, [0, 2]])
    of_last = module.column_of == 3
    assert torch.equal(after[:, 1, of_last], 2.0 * before[:, 1, of_last])


def test_rows_of_members_are_scaled_as_common_rows():
    module = net()
    with torch.no_grad():
        module.column_scale.uniform_()
    rows = NUMBERS.unsqueeze(1).expand(-1, 3, -1), CODES.unsqueeze(1).expand(-1, 3, -1)
    torch.testing.assert_close(module.embed(*rows), module.embed(NUMBERS, CODES))


@pytest.mark.parametrize(
    ("lr", "rate"), [(1e-4, 25e-4), (2e-3, 0.05), (0.01, 0.05), (0.3, 0.3)]
)
def test_factors_take_large_steps_up_to_a_bound_and_do_not_decay(lr, rate):
    (settings,) = [s for name, s in net().param_groups(lr) if name == "column_scale"]
    assert settings == {"lr": pytest.approx(rate), "weight_decay": 0.0}


def test_members_that_share_matrices_have_other_scales():
    with pytest.raises(ValueError, match=r"scales_columns=True.*shares_weights=False"):
        net(shares_weights=True)


def test_nets_pickled_before_there_were_factors_still_predict():
    module = net(scales_columns=False)
    old = pickle.loads(pickle.dumps(module))
    state = old.__getstate__() if hasattr(old, "__getstate__") else old.__dict__
    state = dict(state) | {"_parameters": dict(state["_parameters"])}
    del state["_parameters"]["column_scale"]
    older = TabularNet.__new__(TabularNet)
    older.__setstate__(state)
    assert torch.equal(older(NUMBERS, CODES), module(NUMBERS, CODES))


def test_a_column_of_chance_counts_for_less_than_one_that_matters():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 4, generator=generator).numpy()
    y = x[:, 0] * abs(x[:, 1])
    model = MixupRegressor(random_state=0).fit(x, y)
    factors = model.module_.column_scale.detach().mean(0)
    assert factors[:2].min() > 1.5 * factors[2:].max()
