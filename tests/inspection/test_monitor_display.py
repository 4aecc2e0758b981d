"""The picture of what the monitor has recorded."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mixup.callbacks import MixMonitor
from sk_mixup.inspection import MonitorDisplay
from tests.builders import blobs, classifier, mlp, regressor

X, Y = blobs(60)


def watched(build=classifier, **params):
    return build(module="mlp", max_epochs=12, callbacks=[MixMonitor()], **params)


def curves(ax):
    return {line.get_label(): line.get_ydata() for line in ax.get_lines()}


def test_all_three_parts_are_drawn():
    model = watched(alpha=0.1).fit(X, Y, X_val=X, y_val=Y)
    display = MonitorDisplay.from_estimator(model)
    losses, shares, mixing = map(curves, display.axes_)
    frame = model.history_frame().dropna(subset=["clean_loss"])
    np.testing.assert_array_equal(losses["Training, clean rows"], frame["clean_loss"])
    assert "Validation, clean rows" in losses
    np.testing.assert_array_equal(
        shares["Confidence in them"], frame["clean_confidence"]
    )
    np.testing.assert_array_equal(mixing["λ, mean"], frame["lam_mean"])
    assert "Entropy of targets (nats)" in mixing
    display.figure_.canvas.draw()


def test_what_was_not_recorded_has_no_axes():
    numbers = watched(regressor, alpha=0.1).fit(X, X[:, 0])
    labels = [ax.get_ylabel() for ax in MonitorDisplay.from_estimator(numbers).axes_]
    assert labels == ["Loss", "λ"]
    unmixed = watched(mix=None).fit(X, Y)
    labels = [ax.get_ylabel() for ax in MonitorDisplay.from_estimator(unmixed).axes_]
    assert labels == ["Loss", "Share of rows"]


def test_in_a_pipeline_and_in_axes_of_ones_own():
    pipe = make_pipeline(StandardScaler(), watched(mix=None)).fit(X, Y)
    figure, ax = plt.subplots()
    display = MonitorDisplay.from_estimator(pipe, name="mine", ax=ax)
    assert display.figure_ is figure
    assert ax.get_title() == "mine"


def test_who_was_not_watched_is_told_how():
    for model in (classifier(module=mlp(), mix=None), LogisticRegression()):
        with pytest.raises(ValueError, match=r"callbacks=\[MixMonitor\(\)\]"):
            MonitorDisplay.from_estimator(model.fit(X, Y))
