"""Partners, lambda, gates and places each read their own stream."""

import itertools

import pytest
import torch

from sk_mixup.mixing import CutMix, MixStreams, Mixup
from tests.builders import generator
from tests.mixing.builders import streams


def partners(method, n_batches=5):
    source, x = streams(), torch.rand(7, 1, 6, 6)
    return [method.draw(x, generator=source).partner.tolist() for _ in range(n_batches)]


@pytest.mark.parametrize("method", [Mixup, CutMix])
@pytest.mark.parametrize("per", ["batch", "row"])
def test_partners_do_not_depend_on_alpha(method, per):
    assert partners(method(0.1, per=per)) == partners(method(5.0, per=per))


@pytest.mark.parametrize("method", [Mixup, CutMix])
@pytest.mark.parametrize("per", ["batch", "row"])
def test_partners_do_not_depend_on_p(method, per):
    always, seldom = (partners(method(1.0, per=per, p=p), 20) for p in (1.0, 0.4))
    clean = list(range(7))
    assert all(b in (a, clean) for a, b in zip(always, seldom, strict=True))
    assert any(b != clean for b in seldom)


@pytest.mark.parametrize("per", ["batch", "row"])
def test_lambda_does_not_depend_on_p(per):
    x = torch.rand(7, 2)
    always, seldom = streams(), streams()
    for _ in range(10):
        full = Mixup(1.0, per=per).draw(x, generator=always).lam
        some = Mixup(1.0, per=per, p=0.5).draw(x, generator=seldom).lam
        assert bool(((some == full) | (some == 1)).all())


@pytest.mark.parametrize("per", ["batch", "row"])
def test_lambda_moves_towards_one_half_as_alpha_grows(per):
    x = torch.rand(7, 2)
    sources = {alpha: streams() for alpha in (0.1, 0.4, 2.0, 20.0)}
    for _ in range(10):
        lam = [
            Mixup(alpha, per=per).draw(x, generator=source).lam
            for alpha, source in sources.items()
        ]
        for weak, strong in itertools.pairwise(lam):
            assert bool((weak >= strong).all())


def test_one_generator_serves_all_streams():
    source = generator()
    assert MixStreams.of(source) == (source,) * 4


def test_something_else_is_refused():
    with pytest.raises(TypeError, match=r"generator must be a torch\.Generator.*got 0"):
        Mixup().draw(torch.rand(4, 2), generator=0)
