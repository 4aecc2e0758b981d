"""Modules that no pack can hold are searched as `GridSearchCV` searches them."""

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from torch import nn

from sk_mixup import MixupClassifier, MixupSearchCV
from tests.builders import blobs


class Warming(nn.Module):
    """Scales its logits by the number of its calls."""

    def __init__(self):
        super().__init__()
        self.last, self.calls = nn.Linear(4, 3), 0

    def forward(self, x):
        self.calls += self.training
        return self.last(x) * min(1.0, self.calls / 30 + 0.02)


class Centring(nn.Module):
    """Keeps a running mean in a plain attribute."""

    def __init__(self):
        super().__init__()
        self.last, self.mean = nn.Linear(4, 3), torch.zeros(4)

    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(0).detach()
        return self.last(x - self.mean)


class Noisy(nn.Module):
    """Draws from torch's global generator."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(4, 3)

    def forward(self, x):
        return self.last(x + torch.randn_like(x) * self.training)


@pytest.mark.parametrize("module", [Warming, Centring, Noisy])
def test_scores_are_those_of_a_grid_search(module):
    X, y = blobs(80, n_classes=3)
    net = MixupClassifier(module, max_epochs=6, batch_size=16, random_state=0)
    given = {"cv": 2, "scoring": "neg_log_loss", "refit": False}
    grid = {"alpha": [0.0, 0.3], "lr": [0.001, 0.03]}
    wanted = GridSearchCV(net, grid, **given).fit(X, y)
    with pytest.warns(UserWarning, match=module.__name__):
        search = MixupSearchCV(net, grid, **given).fit(X, y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], wanted.cv_results_["mean_test_score"]
    )
