"""The picture of a sweep, drawn from fitted searches and from tables made up here."""

import sys
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.metrics import log_loss

from sk_mixup.inspection import AlphaSweepDisplay, expected_calibration_error
from sk_mixup.metrics import refined_log_loss


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def searched(alphas=(0.2, 0, 1), *, name="alpha", metrics=("score",), **attributes):
    """Return what a search with three folds leaves; scores grow with the candidate."""
    n = len(alphas)
    results = {f"param_{name}": np.ma.masked_array(list(alphas), mask=[False] * n)}
    for shift, metric in enumerate(metrics):
        scores = np.arange(n)[:, None] / 10 + np.array([0.0, 0.1, 0.5]) - 2 + shift
        for i in range(3):
            results[f"split{i}_test_{metric}"] = scores[:, i]
        results[f"mean_test_{metric}"] = scores.mean(axis=1)
        results[f"rank_test_{metric}"] = np.arange(n, 0, -1)
    given = {"scoring": None, "refit": True, "best_index_": n - 1}
    return SimpleNamespace(cv_results_=results, **(given | attributes))


def test_scores_are_sorted_by_alpha_with_errors_over_folds():
    display = AlphaSweepDisplay.from_search(searched())
    assert display.curves.alpha.tolist() == [0, 0.2, 1]
    curve = display.curves.scores["as predicted"]
    folds = np.array([0.0, 0.1, 0.5]) - 2
    np.testing.assert_allclose(curve.mean, folds.mean() + np.array([0.1, 0, 0.2]))
    np.testing.assert_allclose(curve.error, folds.std(ddof=1) / np.sqrt(3))
    assert display.curves.best_alpha == 1
    assert display.ax_calibration_ is None
    assert display.ax_.get_xlabel() == "alpha"
    assert [t.get_text() for t in display.ax_.get_xticklabels()] == ["0", "0.2", "1"]


def test_losses_are_shown_as_losses():
    display = AlphaSweepDisplay.from_search(searched(scoring="neg_log_loss"))
    assert display.ax_.get_ylabel() == "Log loss"
    assert (display.curves.scores["as predicted"].mean > 0).all()


def test_refined_log_loss_beside_log_loss():
    search = searched(
        metrics=("neg_log_loss", "refined_log_loss"), refit="neg_log_loss"
    )
    display = AlphaSweepDisplay.from_search(search)
    assert list(display.curves.scores) == ["as predicted", "after temperature"]
    repaired = display.curves.calibration["as predicted"]
    np.testing.assert_allclose(repaired.mean, 1)
    assert "temperature repairs" in display.ax_calibration_.get_ylabel()
    alone = AlphaSweepDisplay.from_search(search, metric="refined_log_loss")
    assert list(alone.curves.scores) == ["after temperature"]


def test_calibration_of_out_of_fold_predictions():
    random = np.random.default_rng(0)
    classes = np.array(["no", "yes"])
    y = classes[random.integers(0, 2, 200)]
    sure = np.where(y == "yes", 0.7, 0.3) + random.uniform(-0.25, 0.25, 200)
    proba = np.stack([1 - sure, sure], axis=1)
    timid = 0.5 + (proba - 0.5) / 4
    absent = np.full_like(proba, np.nan)
    search = searched(
        scoring="neg_log_loss",
        oof_predictions_=np.stack([timid, proba, absent]),
        oof_classes_=classes,
        oof_targets_=y,
    )
    curves = AlphaSweepDisplay.from_search(search).curves
    after = curves.scores["after temperature"].mean
    # In the order of alpha: the second candidate is the first.
    assert after[0] == pytest.approx(refined_log_loss(y, proba, labels=classes))
    assert after[1] == pytest.approx(refined_log_loss(y, timid, labels=classes))
    assert after[1] < log_loss(y, timid)
    assert np.isnan(after[2])
    raw = curves.calibration["as predicted"].mean
    assert raw[1] == pytest.approx(expected_calibration_error(y, timid))
    assert curves.calibration["after temperature"].mean[1] < raw[1]


def test_each_alpha_is_shown_with_the_best_of_the_others():
    search = searched(alphas=(0, 0, 1, 1))
    curve = AlphaSweepDisplay.from_search(search).curves.scores["as predicted"]
    np.testing.assert_allclose(curve.mean, -1.8 + np.array([0.1, 0.3]))


def test_the_alpha_of_a_pipeline_or_method_is_found():
    for name in ("net__alpha", "mix__alpha"):
        display = AlphaSweepDisplay.from_search(searched(name=name))
        assert display.curves.alpha.tolist() == [0, 0.2, 1]
    display = AlphaSweepDisplay.from_search(searched(name="lr"), parameter="lr")
    assert display.ax_.get_xlabel() == "lr"


def test_it_is_drawn_where_it_is_told():
    search = searched(
        metrics=("neg_log_loss", "refined_log_loss"), refit="neg_log_loss"
    )
    figure, ax = plt.subplots()
    display = AlphaSweepDisplay.from_search(search, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert len(figure.axes) == 2
    free = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
    display.plot(free)
    assert display.ax_calibration_.get_figure() is free.get_figure()
    display.figure_.canvas.draw()


@pytest.mark.parametrize(
    ("search", "settings", "message"),
    [
        (SimpleNamespace(), {}, "no cv_results_"),
        (searched(name="lr"), {}, "parameter must be named"),
        (searched(), {"parameter": "beta"}, "parameter='beta' was not searched"),
        (searched(), {"metric": "f1"}, "metric='f1' was not scored"),
        (searched(alphas=("a", "b"), name="mix"), {"parameter": "mix"}, "numbers"),
    ],
)
def test_what_cannot_be_drawn_is_refused(search, settings, message):
    with pytest.raises(ValueError, match=message):
        AlphaSweepDisplay.from_search(search, **settings)


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'sk-mixup\[plots\]'"):
        AlphaSweepDisplay.from_search(searched())
