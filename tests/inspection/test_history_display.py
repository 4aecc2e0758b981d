"""Learning curves, as a table and as a picture."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mixup.inspection import HistoryDisplay
from tests.builders import blobs, classifier, regressor

pytest.importorskip("matplotlib")
X, Y = blobs(40)


def curves(ax):
    return {line.get_label(): line.get_ydata() for line in ax.get_lines()}


def test_a_row_per_epoch():
    model = classifier(module="mlp").fit(X, Y, X_val=X, y_val=Y)
    frame = model.history_frame()
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == model.n_iter_ == len(model.history_)
    assert frame["epoch"].tolist() == list(range(1, model.n_iter_ + 1))
    for name in ("train_loss", "valid_loss", "train_acc_mixed", "valid_acc"):
        assert frame[name].tolist() == model.history_[:, name]
    assert "batches" not in frame


def test_values_of_some_epochs_are_missing_in_the_others():
    model = classifier(module="mlp").fit(X, Y, X_val=X, y_val=Y)
    model.history_[-1]["event_end"] = True
    assert model.history_frame()["event_end"].isna().sum() == model.n_iter_ - 1
    with pytest.raises(NotFittedError):
        classifier().history_frame()


def test_losses_and_accuracies_are_drawn():
    model = classifier(module="mlp").fit(X, Y, X_val=X, y_val=Y)
    display = HistoryDisplay.from_estimator(model)
    drawn = curves(display.ax_)
    np.testing.assert_array_equal(
        drawn["Training, mixed rows"], model.history_[:, "train_loss"]
    )
    np.testing.assert_array_equal(
        drawn["Validation, clean rows"], model.history_[:, "valid_loss"]
    )
    assert "Least validation loss" in drawn
    assert display.ax_score_.get_ylabel() == "Accuracy"
    np.testing.assert_array_equal(
        curves(display.ax_score_)["Validation, clean rows"],
        model.history_[:, "valid_acc"],
    )
    assert display.figure_ is display.ax_.get_figure()


def test_numbers_have_no_accuracy_and_pipelines_end_with_a_net():
    import matplotlib.pyplot as plt

    net = make_pipeline(StandardScaler(), regressor(module="mlp")).fit(X, X[:, 0])
    _, ax = plt.subplots()
    display = HistoryDisplay.from_estimator(net, name="ours", ax=ax)
    assert display.ax_ is ax
    assert display.ax_score_ is None
    assert ax.get_title() == "ours"
    assert list(curves(ax)) == ["Training, mixed rows"]
    plt.close("all")


def test_what_has_no_history_is_named():
    model = LogisticRegression().fit(X, Y)
    with pytest.raises(ValueError, match="LogisticRegression has none"):
        HistoryDisplay.from_estimator(model)
