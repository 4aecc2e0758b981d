"""Small nets for images, and a loop of one's own around a method that learns."""

import torch
from torch import nn
from torch.nn import functional

from sk_mixup.mixing import MixContext
from tests.builders import generator


def cnn(n_classes=2, channels=1, dropout=0.0):
    """A net with BatchNorm whose last map has 4 x 4 places for 8 x 8 pixels."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 6, 3, stride=2, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(6, n_classes),
    )


def images(n_rows=8, channels=1, seed=0, size=8):
    """Images with a bright corner in every second one, and which ones."""
    draws = torch.Generator().manual_seed(seed)
    x = 0.3 * torch.rand(n_rows, channels, size, size, generator=draws)
    x[::2, :, :3, :3] += 0.7
    return x, torch.arange(n_rows) % 2


def companion_of(method, net, x, seed=0):
    return method.companion(net, x[:2], generator=generator(seed))


def drawn(method, net, x, y=None, seed=0, companion=None):
    """A plan with a companion of its own, or with the one given."""
    companion = companion or companion_of(method, net, x)
    context = MixContext(module=net, companions=(companion,))
    return method.draw(x, y, generator=generator(seed), context=context)


def loop(method, net, batches, *, companion=None, seed=0, lr=0.05):
    """Train a net and its companion; return the companion and all plans."""
    companion = companion or companion_of(method, net, batches[0][0], seed)
    draws, plans = generator(seed), []
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    for x, y in batches:
        context = MixContext(module=net, companions=(companion,))
        plans.append(method.draw(x, y, generator=draws, context=context))
        loss = functional.cross_entropy(
            net(plans[-1].apply(x)), plans[-1].targets(y, net[-1].out_features)
        )
        optimizer.zero_grad()
        loss.backward()
        companion.learn(y)
        optimizer.step()
        companion.step()
    return companion, plans
