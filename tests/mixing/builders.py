"""Random streams of a draw, and the gradients of a plan."""

import torch
from torch.testing import assert_close

from sk_mixup.mixing import MixStreams
from tests.builders import generator


def streams(seed=0):
    """Return streams that four seeds in a row start."""
    return MixStreams(*(generator(10 * seed + k) for k in range(4)))


def assert_gradients_reach_both(method, x):
    """Check the gradients of rows and partners; a plan is linear in its input."""
    x = x.double()
    v, w = torch.rand(2, *x.shape, dtype=torch.float64)
    plan = method.draw(x, generator=generator())
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(plan.apply(x), x, w)
    assert_close((plan.apply(v) * w).sum(), (v * gradient).sum())
