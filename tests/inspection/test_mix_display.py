"""The pictures' parts; what they look like was looked at."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.linear_model import LogisticRegression

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.inspection import MixDisplay
from sk_mixup.mixing import CutMix, FixedLaw, ManifoldMixup, Mixup, RegMixup

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((10, 3, 8, 9))
LABELS = np.arange(10) % 3
FRAME = pd.DataFrame({"age": [20.0, 30.0, np.nan, 50.0], "job": list("abca")})


def shown(ax):
    return ax.get_images()[0].get_array()


def cells(ax):
    table = ax.tables[0].get_celld()
    n_rows, n_columns = (max(place) + 1 for place in zip(*table, strict=True))
    return [
        [table[r, c].get_text().get_text() for c in range(n_columns)]
        for r in range(n_rows)
    ]


# -- images ---------------------------------------------------------------------------


def test_images_stand_above_their_partners_and_mixes():
    display = MixDisplay.from_method(CutMix(), IMAGES, LABELS, n=4)
    preview = display.preview
    assert display.axes_.shape == (3, 4)
    for line, images in zip(
        display.axes_, (preview.own, preview.partners, preview.mixed), strict=True
    ):
        for ax, image in zip(line, images, strict=True):
            assert_allclose(shown(ax), image.permute(1, 2, 0))
    assert [ax.get_title() for ax in display.axes_[2]] == [
        f"λ = {lam:.2f}" for lam in preview.lam
    ]
    assert [ax.get_title() for ax in display.axes_[0]] == list("0120")
    assert display.figure_.get_suptitle() == "CutMix(alpha=1.0)"


@pytest.mark.parametrize(
    "images",
    [
        IMAGES[:, :1],
        IMAGES[:, :2],
        (255 * IMAGES).astype(np.uint8),
        torch.tensor(20 * IMAGES - 10, dtype=torch.bfloat16),
        RANDOM.random((10, 1, 4, 5, 6)),
        np.ones((10, 3, 4, 4)),
    ],
    ids=["grey", "two channels", "uint8", "any range", "volumes", "all alike"],
)
def test_pictures_of_any_kind_are_drawn_from_black_to_white(images):
    display = MixDisplay.from_method(Mixup(1.0), images, n=3)
    for ax in display.axes_.flat:
        assert 0 <= shown(ax).min() <= shown(ax).max() <= 1
    display.figure_.canvas.draw()


def test_sequences_are_drawn_as_lines():
    x = RANDOM.random((5, 2, 30))
    display = MixDisplay.from_method(Mixup(1.0), x, n=2)
    for c in range(2):
        lines = display.axes_[2, c].get_lines()
        assert_allclose([line.get_ydata() for line in lines], display.preview.mixed[c])


def test_every_copy_of_a_batch_has_a_column():
    display = MixDisplay.from_method(RegMixup(), IMAGES, LABELS, n=3)
    assert display.axes_.shape == (3, 6)


def test_a_label_of_another_weight_is_told():
    method = Mixup(law=FixedLaw(0.6), single_target=True)
    display = MixDisplay.from_method(method, IMAGES, LABELS, n=2)
    assert display.axes_[2, 0].get_title() in (
        "λ = 0.60 (label 1.00)",
        "λ = 0.40 (label 1.00)",
    )


def test_a_hidden_layer_shows_the_pairs_and_its_name():
    display = MixDisplay.from_method(ManifoldMixup(layers=["body"]), IMAGES, n=3)
    assert display.axes_.shape == (2, 3)
    assert display.axes_[1, 0].get_xlabel().startswith("λ = ")
    assert "at the layer 'body'" in display.figure_.get_suptitle()


def test_axes_that_are_given_are_divided():
    figure, axes = plt.subplots(1, 2)
    display = MixDisplay.from_method("cutmix", IMAGES, n=3, ax=axes[1])
    assert display.axes_.shape == (3, 3)
    assert display.figure_ is figure
    assert axes[1].get_title() == "CutMix(alpha=1.0)"
    figure.canvas.draw()


def test_the_random_state_decides_the_draw():
    method = Mixup(1.0, per="row")
    lams = [
        MixDisplay.from_method(method, IMAGES, random_state=seed).preview.lam
        for seed in (0, 0, 1, np.random.RandomState(0))
    ]
    assert torch.equal(lams[0], lams[1])
    assert not torch.equal(lams[0], lams[2])
    assert torch.equal(lams[0], lams[3])


# -- tables ---------------------------------------------------------------------------


def test_rows_of_a_table_are_three_lines_each():
    model = MixupClassifier(mix=Mixup(law=FixedLaw(0.75)), random_state=0)
    display = MixDisplay.from_estimator(model, FRAME, ["no", "yes", "no", "yes"], n=2)
    assert cells(display.axes_[0]) == [
        ["", "age", "job", "λ", "target"],
        ["own", "20", "a", "", "no"],
        ["partner", "30", "b", "", "yes"],
        ["mixed", "22.5", "75 % a,\n25 % b", "0.75", "0.75 × no\n+ 0.25 × yes"],
        ["own", "30", "b", "", "yes"],
        ["partner", "20", "a", "", "no"],
        ["mixed", "27.5", "75 % b,\n25 % a", "0.75", "0.75 × yes\n+ 0.25 × no"],
    ]
    display.figure_.canvas.draw()


def test_numbers_to_predict_are_blended():
    model = MixupRegressor(mix=Mixup(law=FixedLaw(0.75)), random_state=0)
    display = MixDisplay.from_estimator(model, FRAME, [10.0, 20.0, 0.0, 5.0], n=2)
    assert [line[-1] for line in cells(display.axes_[0])][1:4] == ["10", "20", "12.5"]


def test_rows_of_numbers_need_no_estimator():
    x = np.arange(12.0).reshape(4, 3)
    display = MixDisplay.from_method(Mixup(law=FixedLaw(0.75)), x, n=2)
    assert cells(display.axes_[0])[:4] == [
        ["", "x0", "x1", "x2", "λ"],
        ["own", "0", "1", "2", ""],
        ["partner", "3", "4", "5", ""],
        ["mixed", "0.75", "1.75", "2.75", "0.75"],
    ]


def test_wide_tables_show_their_first_columns():
    display = MixDisplay.from_method("mixup", np.zeros((4, 20)), n=2)
    assert len(cells(display.axes_[0])[0]) == 1 + 6 + 1
    assert "(14 more columns)" in display.axes_[0].get_title()
    wide = MixDisplay(display.preview).plot(max_columns=20)
    assert len(cells(wide.axes_[0])[0]) == 1 + 20 + 1


def test_images_of_an_estimator_are_images():
    model = MixupClassifier(torch.nn.Flatten, mix="cutmix", random_state=0)
    names = np.array(["cat", "dog", "elk"])[LABELS]
    display = MixDisplay.from_estimator(model, IMAGES, names, n=4)
    assert display.axes_.shape == (3, 4)
    assert display.axes_[0, 1].get_title() == "dog"


# -- the law of lambda ----------------------------------------------------------------


@pytest.mark.parametrize("fold", [False, True])
def test_densities_are_those_of_the_beta_law(fold):
    alphas = [0.2, 1.0, 8.0]
    ax = MixDisplay.from_alpha(alphas, fold=fold).axes_[0]
    for alpha, line in zip(alphas, ax.get_lines(), strict=True):
        lam, density = line.get_data()
        expected = stats.beta(alpha, alpha).pdf(lam)
        assert_allclose(density, (2 if fold else 1) * expected, rtol=1e-9)
        assert lam.min() >= (0.5 if fold else 0)
        assert line.get_label() == f"α = {alpha:g}"


def test_alpha_0_is_a_line_at_1():
    ax = MixDisplay.from_alpha(0).axes_[0]
    assert_allclose(ax.get_lines()[0].get_xdata(), 1)


def test_a_display_of_a_method_knows_its_law():
    display = MixDisplay.from_method(Mixup(0.4), IMAGES, n=2)
    _, ax = plt.subplots()
    display.plot_law(ax)
    lam, density = ax.get_lines()[0].get_data()
    # Mixup folds.
    assert_allclose(density, 2 * stats.beta(0.4, 0.4).pdf(lam))
    assert lam.min() >= 0.5


# -- misuse ---------------------------------------------------------------------------


@pytest.mark.parametrize("alphas", [[-1], ["a"], [np.inf]])
def test_alphas_are_checked(alphas):
    with pytest.raises(ValueError, match="alphas must be numbers of at least 0"):
        MixDisplay.from_alpha(alphas)


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(ValueError, match="does not mix"):
        MixDisplay.from_method(None, IMAGES)
    with pytest.raises(ValueError, match="LogisticRegression has none"):
        MixDisplay.from_estimator(LogisticRegression(), FRAME, [0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"got shape \(6,\)"):
        MixDisplay.from_method("mixup", np.zeros(9))
    with pytest.raises(TypeError, match="got dict"):
        MixDisplay.from_method("mixup", {"a": IMAGES, "b": IMAGES})
    with pytest.raises(ValueError, match="No alphas to draw"):
        MixDisplay.from_method(Mixup(law=FixedLaw(0.5)), IMAGES).plot_law()


@pytest.mark.parametrize(
    "draw",
    [
        lambda: MixDisplay.from_method("mixup", IMAGES),
        lambda: MixDisplay.from_estimator(MixupClassifier(), FRAME, [0, 1, 0, 1]),
        lambda: MixDisplay.from_alpha([1.0]),
    ],
)
def test_without_matplotlib_the_error_names_the_extra(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'sk-mixup\[plots\]'"):
        draw()
