"""The bundled net."""

import pytest
import torch

from sk_mixup.mixing import ManifoldMixup, Mixup
from sk_mixup.nets import TabularNet
from tests.builders import generator

EDGES = [torch.tensor([0.0, 0.5, 1.0])] * 2


def net(**params):
    torch.manual_seed(0)
    settings = {"bin_edges": EDGES, "d_hidden": 8, "dropout": 0.0} | params
    return TabularNet(2, 1, [3, 4], 5, **settings)


def rows(n_rows=6):
    source = generator()
    numeric = torch.rand(n_rows, 3, generator=source)
    return numeric, torch.randint(0, 3, (n_rows, 2), generator=source)


def mixed_by(net):
    """Return what a recording `mix` gets, and the embedded rows."""
    seen = []

    def double(x):
        seen.append(x)
        return 2 * x

    return net.embed(*rows(), mix=double), seen


def test_output():
    assert net()(*rows()).shape == (6, 5)


@pytest.mark.parametrize("mix_numeric", ["before", "after"])
def test_without_mix_both_places_are_alike(mix_numeric):
    expected = net()(*rows())
    assert torch.equal(net(mix_numeric=mix_numeric)(*rows()), expected)


def test_after_mixes_all_embedded_columns_at_once():
    model = net()
    output, seen = mixed_by(model)
    assert len(seen) == 1
    assert torch.equal(seen[0], model.embed(*rows()))
    assert torch.equal(output, 2 * seen[0])


def test_before_mixes_numbers_and_embedded_categories():
    model = net(mix_numeric="before")
    output, seen = mixed_by(model)
    numeric, codes = rows()
    assert torch.equal(seen[0], numeric)
    assert torch.equal(seen[1], model.categories(codes).flatten(1))
    expected = model.embed(2 * numeric, codes)
    width = seen[1].shape[1]
    assert torch.equal(output[:, :-width], expected[:, :-width])
    assert torch.equal(output[:, -width:], 2 * seen[1])


def test_a_mixed_row_lies_between_two_embedded_rows():
    model, x = net(), rows()
    plan = Mixup(1.0).draw(x[0], generator=generator(1))
    embedded = model.embed(*x)
    lam = plan.lam.unsqueeze(1)
    expected = lam * embedded + (1 - lam) * embedded[plan.partner]
    torch.testing.assert_close(model.embed(*x, mix=plan.apply), expected)


def test_layers_for_manifold_mixup():
    model = net(n_hidden=3)
    assert model.mix_layers == ["hidden.0", "hidden.1", "hidden.2"]
    assert ManifoldMixup().sites(model) == ["input", *model.mix_layers]


def test_numbers_alone():
    model = TabularNet(2, 0, [], 1)
    assert model(torch.rand(4, 2), torch.empty(4, 0, dtype=torch.int64)).shape == (4, 1)


def test_categories_alone():
    model = TabularNet(0, 0, [3], 2)
    output = model(torch.empty(4, 0), torch.zeros(4, 1, dtype=torch.int64))
    assert output.shape == (4, 2)


def test_an_unknown_place():
    with pytest.raises(ValueError, match=r"mix_numeric must be .* got 'during'"):
        net(mix_numeric="during")
