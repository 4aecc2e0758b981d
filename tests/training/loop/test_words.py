"""What torch says of a module or an optimizer, in words that name the parameter."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.builders import blobs, classifier

X, Y = blobs(40)
IDS = np.random.default_rng(0).integers(0, 5, (40, 3))


class Detached(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)

    def forward(self, x):
        return self.linear(x).detach()


class Ids(nn.Module):
    def __init__(self, sparse=True):
        super().__init__()
        self.embedding = nn.Embedding(5, 4, sparse=sparse)
        self.head = nn.Linear(4, 2)

    def forward(self, ids):
        return self.head(self.embedding(ids).mean(1))


@pytest.mark.parametrize(
    ("module", "rows", "settings", "words"),
    [
        (Detached, X, {}, r"module: what Detached returns.*\.detach\(\)"),
        (Ids, IDS, {}, r"optimizer=Adam.* sparse gradients.*embedding of Ids"),
        (
            Ids,
            IDS,
            {"optimizer": torch.optim.SGD, "clip_norm": 1.0},
            "clip_norm.*no sparse gradients",
        ),
        (
            nn.Linear(4, 2),
            X,
            {"optimizer": torch.optim.SparseAdam},
            "optimizer=SparseAdam takes sparse gradients alone",
        ),
        (nn.Identity, X[:, :2], {}, "module: Identity has no parameters"),
    ],
)
def test_a_training_that_torch_refuses(module, rows, settings, words):
    model = classifier(module=module, mix=None, **settings)
    with pytest.raises(ValueError, match=words):
        model.fit(rows, Y)


def test_ids_that_an_embedding_does_not_know():
    model = classifier(module=Ids, mix=None, module__sparse=False).fit(IDS, Y)
    with pytest.raises(ValueError, match="X holds ids that an embedding of Ids"):
        model.predict(IDS + 5)
    assert model.predict(IDS).shape == (40,)
