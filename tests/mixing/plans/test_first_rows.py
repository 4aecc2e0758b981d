"""Plans of the first rows of a batch, whose partners may be any of its rows."""

import pytest
import torch
from torch.testing import assert_close

from sk_mixup.mixing import FixedLaw, Mixup
from tests.builders import generator


def drawn(n_all=8, n_own=3, **params):
    x = torch.randn(n_all, 4, generator=generator())
    y = torch.arange(n_all) % 3
    plan = Mixup(1.0, per="row", **params).draw(x, y, generator=generator(1))
    return x, y, plan, plan.of_first_rows(n_own)


def test_first_rows_are_those_of_the_whole_plan():
    x, _, whole, first = drawn()
    assert_close(first.apply(x), whole.apply(x)[:3])
    assert first.n_rows == 8
    assert first.n_counted == 3


def test_targets_and_weights_follow():
    x, y, whole, first = drawn()
    weight = torch.rand(8, generator=generator(2))
    assert_close(first.targets(y, 3), whole.targets(y, 3)[:3])
    assert_close(first.targets(x), whole.targets(x)[:3])
    assert first.own_rows(weight).equal(weight[:3])
    assert first.partner_rows(weight).equal(weight[whole.partner[:3]])


def test_rows_of_others_are_given_with_the_own_ones():
    x, _, _, first = drawn()
    with pytest.raises(ValueError, match="drawn for 8 rows"):
        first.apply(x[:3])


def test_where_nothing_is_mixed_nothing_is_wanted_of_others():
    x, _, _, first = drawn(p=0.0)
    whole = Mixup(0.0).draw(x, generator=generator())
    first = whole.of_first_rows(3)
    assert first.is_identity
    assert first.apply(x[:3]).equal(x[:3])


def test_the_law_of_lambda_is_that_of_the_method():
    *_, first = drawn(law=FixedLaw(0.75))
    assert first.lam.tolist() == [0.75] * 3


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"partners": "far"}, "partners"),
        ({"partners": "global", "per": "member"}, "members of a net"),
    ],
)
def test_partners_are_checked(params, words):
    with pytest.raises(ValueError, match=words):
        Mixup(**params).draw(torch.randn(4, 2))
