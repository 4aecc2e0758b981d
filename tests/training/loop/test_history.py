"""What is measured, printed and warned of during a training."""

import pytest

from sk_mixup import MixupWarning
from tests.builders import (
    blobs,
    classifier,
)

X, Y = blobs(64)


def test_mixed_measures_are_named_as_such():
    record = classifier(early_stopping=False).fit(X, Y).history_[0]
    assert {"epoch", "dur", "train_loss", "train_acc_mixed"} <= set(record)
    assert not {"train_acc", "valid_loss", "valid_acc"} & set(record)


def test_history_holds_plain_numbers():
    model = classifier(batch_size=32).fit(X, Y)
    assert all(isinstance(v, float) for v in model.history_[:, "train_loss"])
    batches = model.history_[:, "batches", :, "train_loss"]
    assert all(type(v) is float for epoch in batches for v in epoch)


def test_train_loss_falls():
    losses = classifier(max_epochs=8, lr=1e-2).fit(X, Y).history_[:, "train_loss"]
    assert losses[-1] < losses[0]


def test_verbose_prints_an_epoch_per_line(capsys):
    classifier(verbose=1).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert "train_loss" in lines[0]
    assert "train_acc_mixed" in lines[0]
    assert len(lines) == 2 + 5


def test_silent_by_default(capsys):
    classifier().fit(X, Y)
    assert capsys.readouterr() == ("", "")


def test_strong_alpha_warns():
    with pytest.warns(MixupWarning, match="alpha=2 is strong for plain Mixup"):
        classifier(alpha=2.0).fit(X, Y)


def test_few_epochs_of_mixing_warn():
    with pytest.warns(MixupWarning, match="max_epochs=4 with mixing"):
        classifier(max_epochs=4, alpha=0.2).fit(X, Y)


@pytest.mark.parametrize(
    "params",
    [
        {"mix": None, "max_epochs": 1},
        {"alpha": 0, "max_epochs": 1},
        {"mix": "manifold", "alpha": 2.0},
    ],
    ids=str,
)
def test_what_is_fine_does_not_warn(params, recwarn):
    classifier(**params).fit(X, Y)
    assert not [w for w in recwarn if w.category is MixupWarning]
