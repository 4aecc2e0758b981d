"""A small net, trained by skorch nets that mix."""

import numpy as np
import torch
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback
from torch import nn

from sk_mixup.skorch import MixupMixin
from tests.builders import blobs

X, Y = blobs(60)
TARGET = (3.0 * X[:, :1] + X[:, 1:2]).astype(np.float32)


class Classifier(MixupMixin, NeuralNetClassifier):
    pass


class Regressor(MixupMixin, NeuralNetRegressor):
    pass


class Net(nn.Module):
    def __init__(self, n_outputs=2, softmax=False):
        super().__init__()
        self.first, self.head = nn.Linear(4, 8), nn.Linear(8, n_outputs)
        self.softmax = softmax

    def forward(self, x):
        output = self.head(self.first(x).relu())
        return output.softmax(1) if self.softmax else output


def net(cls=Classifier, **params):
    defaults = {
        "module": Net,
        "max_epochs": 2,
        "verbose": 0,
        "batch_size": 16,
        "random_state": 0,
        "iterator_train__shuffle": True,
    }
    if issubclass(cls, NeuralNetClassifier):
        defaults["criterion"] = nn.CrossEntropyLoss
    return cls(**(defaults | params))


def fitted(*args, seed=0, data=(X, Y), **params):
    torch.manual_seed(seed)
    return net(*args, **params).fit(*data)


class Seen(Callback):
    """Keeps the batches and outputs of training and validation."""

    def __init__(self):
        self.train, self.valid = [], []

    def on_batch_end(self, net, batch, training, y_pred, **kwargs):
        (self.train if training else self.valid).append((batch, y_pred.detach()))
