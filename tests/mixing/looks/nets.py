"""Nets that are looked at, and what of them must be as before."""

import torch
from torch import nn

from sk_mixup.mixing import MixContext


def pooled(n_classes=3):
    """Return a net with a map, BatchNorm and dropout, average pooling, one linear."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1),
        nn.BatchNorm2d(5),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Conv2d(5, 4, 3, padding=1, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, n_classes),
    )
    return net.train()


def images(n_rows=6, size=(8, 6), seed=0):
    """Return images and labels."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n_rows, 2, *size, generator=generator), torch.arange(n_rows) % 3


def context_of(net, **facts):
    """Return a context of one net."""
    return MixContext(module=net, **facts)


def snapshot(net):
    """Return all of a net that a look might change, as something to compare."""
    return (
        {name: value.clone() for name, value in net.state_dict().items()},
        [None if p.grad is None else p.grad.clone() for p in net.parameters()],
        [(part.training, len(part._forward_hooks)) for part in net.modules()],
        [p.requires_grad for p in net.parameters()],
        torch.get_rng_state(),
        (torch.is_grad_enabled(), torch.is_autocast_cache_enabled()),
    )


def assert_alike(before, after):
    """Check that two snapshots are the same, bit for bit."""
    for name, value in before[0].items():
        assert torch.equal(value, after[0][name]), name
    for old, new in zip(before[1], after[1], strict=True):
        assert (old is None) == (new is None)
        assert old is None or torch.equal(old, new)
    assert before[2:4] == after[2:4]
    assert torch.equal(before[4], after[4])
    assert before[5] == after[5]
