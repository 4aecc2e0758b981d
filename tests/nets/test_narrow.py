"""Products with few columns: the same numbers and gradients as torch's."""

import pytest
import torch

from sk_mixup.nets._member_embeddings import MemberLinearPieces
from sk_mixup.nets._narrow import may_go_narrow, narrow_product


def factors(n_out, dtype=torch.float64):
    torch.manual_seed(0)
    shapes = (3, 7, 5), (3, 5, n_out), (3, 1, n_out)
    return [torch.randn(s, dtype=dtype, requires_grad=True) for s in shapes]


@pytest.mark.parametrize("n_out", [1, 2, 9])
def test_it_is_the_transposed_product(n_out):
    x, weight, bias = factors(n_out)
    torch.testing.assert_close(narrow_product(x, weight, bias).mT, x @ weight + bias)


@pytest.mark.parametrize("n_out", [1, 2, 9])
def test_its_gradients_are_those_of_the_product(n_out):
    given = factors(n_out)
    slope = torch.randn(3, 7, n_out, dtype=torch.float64)
    x, weight, bias = given
    expected = torch.autograd.grad(((x @ weight + bias) * slope).sum(), given)
    found = torch.autograd.grad((narrow_product(*given).mT * slope).sum(), given)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("n_out", [1, 3])
def test_its_gradients_have_gradients(n_out):
    assert torch.autograd.gradgradcheck(narrow_product, factors(n_out))


def test_factors_without_gradients_get_none():
    x, weight, bias = factors(2)
    x = x.detach()
    narrow_product(x, weight, bias).sum().backward()
    assert x.grad is None
    assert weight.grad is not None


def test_under_a_transform_or_autocast_operations_stay_torchs():
    x = torch.zeros(2)
    assert may_go_narrow(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert not may_go_narrow(x)
    seen = []
    torch.func.vmap(lambda row: (seen.append(may_go_narrow(row)), row)[1])(x)
    assert seen == [False]


def test_pieces_of_members_are_the_same_in_training_and_in_evaluation():
    torch.manual_seed(0)
    edges = [torch.tensor([0.0, 0.5, 1.0]), torch.tensor([-1.0, 2.0])]
    pieces = MemberLinearPieces(edges, 4, n_members=3)
    rows = torch.randn(6, 3, 2)
    trained, shown = pieces.train()(rows), pieces.eval()(rows)
    torch.testing.assert_close(trained, shown)
    expected = torch.autograd.grad(shown.square().sum(), [*pieces.parameters()])
    found = torch.autograd.grad(trained.square().sum(), [*pieces.parameters()])
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
