"""Callbacks of skorch and scikit-learn, and the DataLoader path."""

import numpy as np
import pytest
import torch
from skorch.callbacks import (
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
    ProgressBar,
    TensorBoard,
)
from torch import nn

from tests.builders import (
    Batches,
    Recorder,
    blobs,
    classifier,
    people,
    weights_of,
)

X, Y = blobs(64)
X_VAL, Y_VAL = blobs(32, seed=0)
VALIDATION = {"X_val": X_VAL, "y_val": Y_VAL}


# -- skorch callbacks ------------------------------------------------------------------


def test_early_stopping_of_skorch():
    stopper = EarlyStopping(monitor="train_loss", patience=2, threshold=1e9, sink=None)
    stopper.sink = lambda text: None
    model = classifier(max_epochs=8, callbacks=[stopper]).fit(X, Y)
    assert model.n_iter_ < 8


def test_learning_rate_schedule_of_skorch():
    schedule = LRScheduler(policy="StepLR", step_size=1, gamma=0.5)
    model = classifier(module=nn.Linear(4, 2), callbacks=[schedule], lr=0.1).fit(X, Y)
    assert model.history_[:, "event_lr"] == pytest.approx(
        [0.1, 0.05, 0.025, 0.0125, 0.00625]
    )


def test_checkpoint_of_skorch(tmp_path):
    checkpoint = Checkpoint(dirname=tmp_path, monitor="train_loss_best")
    classifier(callbacks=[checkpoint]).fit(X, Y)
    assert (tmp_path / "params.pt").exists()


def test_progress_bar_of_skorch(capsys):
    pytest.importorskip("tqdm")
    bar = ProgressBar(detect_notebook=False)
    classifier(callbacks=[bar], early_stopping=False).fit(X, Y)
    assert "0/2" in capsys.readouterr().err


@pytest.mark.parametrize("on_train", [False, True])
def test_epoch_scoring_of_skorch_sees_clean_data(on_train):
    scoring = EpochScoring("accuracy", name="score", on_train=on_train)
    recorder = Recorder()
    model = classifier(alpha=1.0, callbacks=[scoring, recorder])
    model.fit(X, Y, **VALIDATION)
    model.module_.load_state_dict(recorder.states[2])
    rows, labels = (X, Y) if on_train else (X_VAL, Y_VAL)
    assert model.history_[2, "score"] == pytest.approx(model.score(rows, labels))


@pytest.mark.parametrize("caches", [False, True])
def test_a_score_on_training_rows_changes_no_weights(caches):
    def trained(**settings):
        net = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2))
        return weights_of(classifier(module=net, **settings).fit(X, Y, **VALIDATION))

    score = EpochScoring("accuracy", name="a", on_train=True, use_caching=caches)
    torch.manual_seed(0)
    alone = trained()
    torch.manual_seed(0)
    for ours, theirs in zip(trained(callbacks=[score]), alone, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_gradient_clipping_of_skorch():
    clip = GradientNormClipping(gradient_clip_value=1e-8)
    sgd = {"optimizer": torch.optim.SGD, "module": nn.Linear(4, 2), "lr": 1.0}
    clipped = classifier(callbacks=[clip], **sgd).fit(X, Y)
    start = classifier(**sgd | {"lr": 1e-12}).fit(X, Y)
    for a, b in zip(weights_of(clipped), weights_of(start), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_tensorboard_of_skorch(tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    writer = tensorboard.SummaryWriter(tmp_path)
    classifier(callbacks=[TensorBoard(writer)]).fit(X, Y)
    assert list(tmp_path.glob("events*"))


def test_callbacks_take_parameters_by_name():
    scoring = ("score", EpochScoring("accuracy", name="a", on_train=True))
    model = classifier(callbacks=[scoring], callbacks__score__name="b").fit(X, Y)
    assert "b" in model.history_[0]


# -- scikit-learn callbacks ------------------------------------------------------------


def test_progress_bar_of_scikit_learn(capsys):
    callback = pytest.importorskip("sklearn.callback")
    pytest.importorskip("rich")
    model = classifier().set_callbacks(callback.ProgressBar())
    model.fit(X, Y)
    assert "MixupClassifier" in capsys.readouterr().out


class Listener:
    """Keeps the tasks that end, and what could be predicted by then."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.tasks, self.scores = [], []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.tasks.append(context.task_name)
        self.scores.append(fitted_estimator.score(X, y))
        return len(self.tasks) == self.stop_after


def test_callbacks_of_scikit_learn_see_every_epoch():
    pytest.importorskip("sklearn.callback")
    listener = Listener()
    model = classifier().set_callbacks(listener).fit(X, Y)
    assert listener.tasks == ["epoch"] * 5 + ["fit"]
    assert listener.scores[-1] == model.score(X, Y)


def test_callbacks_of_scikit_learn_may_stop_a_training():
    pytest.importorskip("sklearn.callback")
    model = classifier().set_callbacks(Listener(stop_after=2)).fit(X, Y)
    assert model.n_iter_ == 2


# -- DataLoader ------------------------------------------------------------------------


@pytest.mark.parametrize("option", [{"num_workers": 0}, {"drop_last": True}], ids=str)
def test_loader_settings_mean_a_data_loader(option):
    params = {f"iterator_train__{key}": value for key, value in option.items()}
    model = classifier(batch_size=40, **params).fit(X, Y)
    n_batches = 1 if "drop_last" in option else 2
    assert model.history_[:, "train_batch_count"] == [n_batches] * 5
    assert model.net_.uses_loader_


def test_loader_takes_weights_and_tables():
    table, labels, _ = people()
    weight = np.linspace(0.5, 1.5, 60)
    model = classifier(iterator_train__num_workers=0, batch_size=16)
    model.fit(table, labels, sample_weight=weight)
    assert model.predict(table).shape == (60,)


@pytest.mark.parametrize("shuffle", [None, False])
def test_a_loader_shuffles_unless_it_is_told_not_to(shuffle):
    batches = Batches()
    params = {"iterator_train__num_workers": 0}
    if shuffle is not None:
        params["iterator_train__shuffle"] = shuffle
    model = classifier(batch_size=64, module=nn.Linear(4, 2), callbacks=[batches])
    model.set_params(**params).fit(X, Y)
    in_order = [np.array_equal(batch, X) for batch in batches.seen]
    assert in_order == [shuffle is False] * 5
