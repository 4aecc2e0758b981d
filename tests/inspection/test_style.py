"""One look for all pictures: colours for any background, legends beside the data."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from sk_mixup.inspection import (
    HistoryDisplay,
    InterpolationDisplay,
    MixDisplay,
    MonitorDisplay,
    NoiseDisplay,
    NoiseStudy,
    ReliabilityDisplay,
    RobustnessCurve,
    RobustnessDisplay,
    _style as style,
    reliability_curve,
)
from tests.inspection.test_sweep import searched

X, Y = load_iris(return_X_y=True)


def history():
    epochs = np.arange(1, 21)
    return pd.DataFrame(
        {
            "epoch": epochs,
            "train_loss": 2 / epochs,
            "valid_loss": 2 / epochs + 0.1,
            "clean_loss": 1 / epochs,
            "train_acc_mixed": 1 - 1 / epochs,
            "valid_acc": 1 - 1 / epochs,
            "clean_acc": 1 - 1 / epochs,
            "clean_confidence": 0.9 - 0.5 / epochs,
            "lam_mean": 0.8,
            "lam_low": 0.6,
            "lam_high": 1.0,
            "target_entropy": 0.5,
        }
    )


def robustness(attack):
    radius = np.linspace(0, 0.4, 5)
    return RobustnessCurve(attack, radius, 1 - radius, 100, 1.0, "input")


def sweep(ax):
    from sk_mixup.inspection import AlphaSweepDisplay

    metrics = ("neg_log_loss", "refined_log_loss")
    return AlphaSweepDisplay.from_search(
        searched(metrics=metrics, refit="neg_log_loss"), ax=ax
    )


def noise(ax):
    share = np.array([0.0, 0.3, 0.6])
    study = NoiseStudy(share, 1 - share[:, None] * [1, 0.9], share[:, None] * [1, 2])
    return NoiseDisplay(study).plot(ax)


MODEL = LogisticRegression(max_iter=500).fit(X, Y)
DISPLAYS = {
    "sweep": sweep,
    "history": lambda ax: HistoryDisplay(history()).plot(ax),
    "monitor": lambda ax: MonitorDisplay(history()).plot(ax),
    "reliability": lambda ax: ReliabilityDisplay(
        reliability_curve(Y, MODEL.predict_proba(X))
    ).plot(ax),
    "robustness": lambda ax: RobustnessDisplay(
        [robustness("fgsm"), robustness("noise")]
    ).plot(ax),
    "noise": noise,
    "interpolation": lambda ax: InterpolationDisplay.from_estimator(
        MODEL, X, Y, n_pairs=10, ax=ax
    ),
    "law": lambda ax: MixDisplay.from_alpha([0, 0.2, 1.0], ax=ax),
}


def luminance(color):
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in to_rgb(color)
    ]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("ground", ["#ffffff", "#121212"])
@pytest.mark.parametrize("color", [*style.COLORS, style.GREY])
def test_colours_are_told_from_a_light_and_from_a_dark_background(color, ground):
    dark, light = sorted(luminance(c) + 0.05 for c in (color, ground))
    assert light / dark >= 3


@pytest.mark.parametrize("layout", ["constrained", None])
@pytest.mark.parametrize("name", DISPLAYS)
def test_legends_cover_no_axes_and_stay_in_the_picture(name, layout):
    figure, ax = plt.subplots(layout=layout)
    DISPLAYS[name](ax)
    figure.canvas.draw()
    legends = [a.get_legend() for a in figure.axes if a.get_legend() is not None]
    assert legends
    whole = figure.bbox.padded(1)
    for legend in legends:
        box = legend.get_window_extent()
        inside = [a for a in figure.axes if box.overlaps(a.get_window_extent())]
        assert not inside, f"the legend lies on axes {inside}"
        assert whole.y0 <= box.y0
        assert box.x1 <= whole.x1
    with plt.style.context("dark_background"):
        DISPLAYS[name](None)


def test_legends_do_not_touch_the_numbers_of_the_axis():
    figure, ax = plt.subplots(layout="constrained")
    DISPLAYS["robustness"](ax)
    figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    assert box.y1 <= ax.xaxis.label.get_window_extent().y0


def test_pictures_of_ones_own_can_have_the_same_colours():
    with plt.style.context("sk_mixup.inspection.pictures"):
        cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    assert [f"#{color.removeprefix('#')}" for color in cycle] == [*style.COLORS]


def test_many_entries_do_not_narrow_the_axes():
    figure, ax = plt.subplots(layout="constrained")
    for name in ("plain", "mixed"):
        curves = [robustness(attack) for attack in ("fgsm", "pgd", "noise")]
        RobustnessDisplay(curves, estimator_name=name).plot(ax)
    figure.canvas.draw()
    assert ax.get_window_extent().width > 0.75 * figure.bbox.width


def test_what_is_drawn_later_gets_another_colour_and_joins_the_legend():
    _, ax = plt.subplots()
    RobustnessDisplay([robustness("fgsm")], estimator_name="one").plot(ax)
    RobustnessDisplay([robustness("fgsm")], estimator_name="two").plot(ax)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["one, FGSM", "two, FGSM"]
    colors = {line.get_color() for line in ax.lines}
    assert {style.BLUE, style.ORANGE} <= colors


def test_tables_are_written_in_the_colour_of_the_style():
    frame = pd.DataFrame({"a": [1.0, 2.0], "job": ["cook", "smith"]})
    frame["known"] = pd.array([True, pd.NA], dtype="boolean")
    from sk_mixup import MixupClassifier

    model = MixupClassifier(alpha=1.0, random_state=0)
    with plt.style.context("dark_background"):
        display = MixDisplay.from_estimator(model, frame, ["no", "yes"], n=2)
        (table,) = display.axes_[0].tables
        assert table[0, 0].get_text().get_color() == "white"
