"""A skorch net of one's own, and what a method learns beside it."""

import pytest
import torch
from skorch import NeuralNetClassifier
from torch import nn

from sk_mixup.mixing.methods.learned import BlockCompanion
from sk_mixup.skorch import MixupMixin
from tests.builders import no_hooks
from tests.mixing.methods.learned.nets import cnn, images

X, Y = (t.numpy() for t in images(24, seed=3))


class Net(MixupMixin, NeuralNetClassifier):
    """Trains on mixed batches."""


def fitted(mix, **params):
    torch.manual_seed(0)
    net = Net(
        cnn(),
        criterion=nn.CrossEntropyLoss,
        mix=mix,
        max_epochs=2,
        batch_size=8,
        random_state=0,
        train_split=None,
        verbose=0,
        **params,
    )
    return net.fit(X, Y)


@pytest.mark.parametrize("name", ["auto_mix", "sa_mix", "ad_auto_mix"])
def test_a_net_of_skorch_trains_alike_twice(name):
    first, second = fitted(name), fitted(name)
    for one, other in zip(
        first.module_.parameters(), second.module_.parameters(), strict=True
    ):
        assert torch.equal(one, other)
    assert no_hooks(first.module_)
    assert first.mix_run_ is None
    assert first.predict(X).shape == (24,)


def test_it_learns_from_every_batch(monkeypatch):
    seen = []
    plain = BlockCompanion.learn

    def learn(self, y, weight=None, context=None):
        before = self._n_lessons
        plain(self, y, weight, context)
        seen.append(self._n_lessons - before)

    monkeypatch.setattr(BlockCompanion, "learn", learn)
    fitted("auto_mix")
    assert seen == [1] * 6
