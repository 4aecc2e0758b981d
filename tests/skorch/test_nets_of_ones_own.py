"""A skorch net of one's own: inputs, methods and callbacks that it may have."""

import numpy as np
import pytest
import torch
from skorch import NeuralNet
from skorch.callbacks import EarlyStopping, EpochScoring, GradientNormClipping
from skorch.dataset import Dataset
from torch import nn

from sk_mixup.mixing import (
    Mixup,
)
from sk_mixup.skorch import MixupMixin
from tests.builders import same_weights
from tests.skorch.nets import (
    TARGET,
    Classifier,
    Net,
    Regressor,
    X,
    Y,
    fitted,
    net,
)


def test_dict_inputs():
    class Two(Net):
        def forward(self, a, b):
            return super().forward(torch.cat((a, b), 1))

    data = {"a": X[:, :2], "b": X[:, 2:]}
    for mix in ("mixup", "manifold"):
        model = fitted(module=Two, mix=mix, data=(data, Y), max_epochs=15, lr=0.3)
        assert model.score(data, Y) > 0.8


def test_a_dataset_without_y():
    model = net(Regressor, module__n_outputs=1)
    model.fit(Dataset(X, TARGET), None)
    assert np.isfinite(model.history[-1, "valid_loss"])


def test_targets_that_are_no_tensor_are_refused():
    class Pairs(torch.utils.data.Dataset):
        def __len__(self):
            return 8

        def __getitem__(self, i):
            return X[i], (TARGET[i], TARGET[i])

    class Own(MixupMixin, NeuralNet):
        pass

    model = net(Own, module=nn.Linear(4, 1), criterion=nn.MSELoss, train_split=None)
    with pytest.raises(TypeError, match="targets that are one tensor"):
        model.fit(Pairs(), None)


def test_a_get_loss_of_ones_own():
    class Penalised(Classifier):
        def get_loss(self, y_pred, y_true, X=None, training=False):
            loss = super().get_loss(y_pred, y_true, X=X, training=training)
            return loss + 5.0

    plain, penalised = fitted(), fitted(Penalised)
    assert same_weights(plain, penalised)
    both = [m.history[-1, "train_loss"] for m in (plain, penalised)]
    assert both[1] == pytest.approx(both[0] + 5.0, rel=1e-4)


def test_a_training_step_of_ones_own():
    class Scaled(Classifier):
        def train_step_single(self, batch, **fit_params):
            self._set_training(True)
            y_pred = self.infer(batch[0], **fit_params)
            loss = self.get_loss(y_pred, batch[1], X=batch[0], training=True)
            loss.backward()
            return {"loss": loss, "y_pred": y_pred}

    assert same_weights(fitted(Scaled), fitted())


def test_an_optimizer_that_asks_several_times_gets_one_mixed_batch():
    calls = []

    class Counted(Mixup):
        def draw(self, x, y=None, **kwargs):
            calls.append(len(x))
            return super().draw(x, y, **kwargs)

    fitted(mix=Counted(), optimizer=torch.optim.LBFGS, batch_size=-1, train_split=None)
    assert calls.count(60) == 2


def test_callbacks():
    model = fitted(
        callbacks=[
            GradientNormClipping(1.0),
            ("acc", EpochScoring("accuracy", on_train=True, name="train_acc")),
            EarlyStopping(patience=2, threshold=10.0),
        ],
        max_epochs=10,
    )
    assert len(model.history) < 10
    # Scores on training data are of clean rows, not of mixed ones.
    train, _ = model.get_split_datasets(X, Y)
    index = train.indices
    score = np.mean(model.predict(X[index]) == Y[index])
    assert model.history[-1, "train_acc"] == pytest.approx(score)
