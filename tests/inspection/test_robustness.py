"""Rows that are moved, and classifiers that stay as they were."""

import random

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sk_mixup.inspection import (
    RobustnessDisplay,
    perturbed_rows,
    robustness_curve,
)
from tests.builders import (
    blobs,
    bright_images,
    classifier,
    mlp,
    no_hooks,
    people,
)

X, Y = blobs(60, n_classes=2)
TEXTS = ["a good film", "a bad film with a bad end", "good", "bad story"] * 8


@pytest.fixture(scope="module")
def plain():
    return classifier(module=mlp(), max_epochs=20, lr=0.02).fit(X, Y)


@pytest.fixture(scope="module")
def table():
    rows, labels, _ = people()
    return classifier().fit(rows, labels), rows, labels


@pytest.fixture(scope="module")
def texts():
    return classifier(module="text_bag").fit(TEXTS, [1, 0, 1, 0] * 8)


def sizes(moved, norm):
    rows = torch.cat([part.flatten(1) for part in moved.shift], 1)
    return rows.norm(p=2.0 if norm == "l2" else torch.inf, dim=1)


@pytest.mark.parametrize("attack", ["fgsm", "pgd", "noise"])
@pytest.mark.parametrize("kind", ["plain", "table", "texts"])
def test_radius_0_changes_nothing(kind, attack, request):
    fitted = request.getfixturevalue(kind)
    rows = {"plain": (fitted, X, Y), "texts": (fitted, TEXTS, [1, 0, 1, 0] * 8)}
    model, X_, y = rows.get(kind, fitted)
    moved = perturbed_rows(model, X_, y, radius=0, attack=attack)
    assert all((part == 0).all() for part in moved.shift)
    assert_allclose(moved.proba, model.predict_proba(X_), atol=1e-6)
    curve = robustness_curve(model, X_, y, radii=[0], attack=attack)
    assert curve.accuracy == [model.score(X_, y)]


@pytest.mark.parametrize("norm", ["inf", "l2"])
@pytest.mark.parametrize("radius", [0.1, 2.0])
def test_a_step_of_fgsm_has_the_asked_norm(plain, norm, radius):
    moved = perturbed_rows(plain, X, Y, radius=radius, norm=norm)
    assert_allclose(sizes(moved, norm), radius, rtol=1e-5)


@pytest.mark.parametrize("norm", ["inf", "l2"])
def test_pgd_stays_within_the_radius_and_finds_more(plain, norm):
    settings = {"radius": 1.0, "norm": norm}
    moved = perturbed_rows(plain, X, Y, attack="pgd", n_steps=20, **settings)
    assert sizes(moved, norm).max() <= 1.0 + 1e-5
    losses = [
        -np.log(perturbed_rows(plain, X, Y, **one).proba[np.arange(60), Y]).mean()
        for one in (settings | {"attack": "pgd", "n_steps": 20}, settings)
    ]
    assert losses[0] >= losses[1] - 1e-3
    assert losses[1] > -np.log(plain.predict_proba(X)[np.arange(60), Y]).mean()


def test_one_step_of_pgd_without_a_start_is_fgsm(plain):
    one = perturbed_rows(
        plain, X, Y, radius=0.3, attack="pgd", n_steps=1, random_start=False, step=0.3
    )
    other = perturbed_rows(plain, X, Y, radius=0.3)
    assert torch.equal(one.shift[0], other.shift[0])


def test_noise_has_the_radius_as_its_standard_deviation(plain):
    rows, labels = blobs(2000)
    moved = perturbed_rows(plain, rows, labels, radius=0.5, attack="noise")
    assert moved.shift[0].std() == pytest.approx(0.5, rel=0.03)


def test_the_gradient_is_that_of_the_loss(plain):
    moved = perturbed_rows(plain, X[:5], Y[:5], radius=1e-2, norm="l2")
    x = torch.tensor(X[:5], requires_grad=True)
    nn.functional.cross_entropy(plain.module_(x), torch.tensor(Y[:5])).backward()
    plain.module_.zero_grad(set_to_none=True)
    expected = 1e-2 * x.grad / x.grad.norm(dim=1, keepdim=True)
    assert_allclose(moved.shift[0], expected, rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("attack", ["fgsm", "pgd", "noise"])
def test_the_model_stays_as_it_was(attack, training):
    module = nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 2)
    )
    model = classifier(module=module, mix=None, max_epochs=2).fit(X, Y)
    net = model.module_
    net.zero_grad(set_to_none=True)
    net.train(training)
    net[1].eval()
    modes = [part.training for part in net.modules()]
    before = {name: value.clone() for name, value in net.state_dict().items()}
    needs = [p.requires_grad for p in net.parameters()]
    robustness_curve(model, X, Y, radii=[0.1, 0.2], attack=attack)
    assert [part.training for part in net.modules()] == modes
    assert all(p.grad is None for p in net.parameters())
    assert [p.requires_grad for p in net.parameters()] == needs
    assert no_hooks(net)
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def random_states():
    numpy = np.random.get_state()[1].tobytes()  # noqa: NPY002
    return torch.get_rng_state().numpy().tobytes(), numpy, random.getstate()


class Draws(nn.Module):
    """Draws in evaluation mode too, and works in place on its input."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)

    def forward(self, x):
        x -= 0.1 * torch.rand(())
        return self.linear(x)


def test_global_random_states_and_rows_stay():
    model = classifier(module=Draws(), mix=None, max_epochs=1).fit(X, Y)
    states, rows = random_states(), X.copy()
    robustness_curve(model, X, Y, radii=[0.1], attack="pgd")
    assert random_states() == states
    assert_array_equal(X, rows)


def test_numbers_of_a_table_move_and_the_rest_stays(table):
    model, rows, labels = table
    moved = perturbed_rows(model, rows, labels, radius=0.3)
    assert moved.space == "input"
    (shift,) = moved.shift
    # Age, hours and membership; and whether an age is missing.
    assert_allclose(shift[:, :3].abs().amax(0), 0.3, rtol=1e-6)
    assert (shift[:, 3:] == 0).all()
    (alone,) = perturbed_rows(model, rows[:1], labels[:1], radius=0.3).shift
    assert torch.equal(alone, shift[:1])


@pytest.mark.parametrize("attack", ["fgsm", "pgd", "noise"])
def test_categories_move_in_their_embedding(table, attack):
    model, rows, labels = table
    moved = perturbed_rows(
        model, rows, labels, radius=0.3, attack=attack, space="embedding"
    )
    (shift,) = moved.shift
    assert moved.space == "embedding"
    assert (shift != 0).any(0).float().mean() > 0.9
    if attack == "fgsm":
        assert shift.abs().max() == pytest.approx(0.3 * moved.unit)


def test_a_table_of_categories_alone_is_moved_there():
    rows = pd.DataFrame({"a": list("xyz") * 20, "b": list("uv") * 30})
    labels = rows["a"] == "x"
    model = classifier().fit(rows, labels)
    assert robustness_curve(model, rows, labels, radii=[0.1]).space == "embedding"
    with pytest.raises(ValueError, match="space='input': no input"):
        robustness_curve(model, rows, labels, space="input")


def test_words_move_and_padding_stays(texts):
    moved = perturbed_rows(texts, TEXTS, [1, 0, 1, 0] * 8, radius=0.5)
    (shift,) = moved.shift
    words = [len(text.split()) for text in TEXTS]
    assert moved.space == "embedding"
    assert ((shift != 0).any(2).sum(1) <= torch.tensor(words)).all()
    assert (shift[..., -1] == 0).all()


def test_bounds_keep_pixels_pixels():
    images, labels = bright_images()
    model = classifier(module="convnet", mix=None, max_epochs=2).fit(images, labels)
    moved = perturbed_rows(
        model, images, labels, radius=300, attack="pgd", bounds=(0, 255)
    )
    pixels = torch.from_numpy(images).float() + moved.shift[0]
    assert pixels.min() >= 0
    assert pixels.max() <= 255


@pytest.mark.parametrize("name", ["tabm", "ft_transformer", "excelformer"])
def test_other_nets_of_tables(name):
    rows, labels, _ = people()
    model = classifier(module=name, mix=None, max_epochs=2).fit(rows, labels)
    proba = model.predict_proba(pd.concat([rows] * 20))  # keeps what it has folded
    curve = robustness_curve(model, rows, labels, radii=[0, 5.0])
    assert curve.accuracy[0] == model.score(rows, labels) >= curve.accuracy[1]
    assert_array_equal(model.predict_proba(pd.concat([rows] * 20)), proba)


def test_one_logit_and_several_batches(plain):
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    model = classifier(module=module, criterion=nn.BCEWithLogitsLoss).fit(X, Y)
    moved = perturbed_rows(model, X, Y, radius=0.2)
    assert_allclose(sizes(moved, "inf"), 0.2, rtol=1e-6)
    few = perturbed_rows(plain, X, Y, radius=0.2, batch_size=7)
    many = perturbed_rows(plain, X, Y, radius=0.2)
    assert_allclose(few.proba, many.proba, atol=1e-6)


def test_steps_before_the_net_come_first():
    pipe = make_pipeline(StandardScaler(), classifier(module=mlp())).fit(X, Y)
    moved = perturbed_rows(pipe, X, Y, radius=0.0)
    assert_allclose(moved.proba, pipe.predict_proba(X), atol=1e-6)


def test_wrong_input_is_named(plain):
    with pytest.raises(ValueError, match=r"must have encode.* LogisticRegression"):
        robustness_curve(LogisticRegression().fit(X, Y), X, Y)
    with pytest.raises(ValueError, match="Sequential does not"):
        robustness_curve(plain, X, Y, space="embedding")
    with pytest.raises(ValueError, match="the label 5"):
        robustness_curve(plain, X, Y + 5)
    with pytest.raises(ValueError, match="y has 3 labels and X has 60 rows"):
        robustness_curve(plain, X, Y[:3])
    for name, value in [("radii", [-1]), ("attack", "x"), ("norm", 2), ("n_steps", 0)]:
        with pytest.raises(ValueError, match=name.removesuffix("ii")):
            robustness_curve(plain, X, Y, **{name: value})


def test_two_models_in_one_picture(plain):
    first = RobustnessDisplay.from_estimator(plain, X, Y, radii=[0, 1], name="one")
    second = RobustnessDisplay.from_estimator(
        plain, X, Y, radii=[0, 1], attacks=["noise"], name="two", ax=first.ax_
    )
    assert second.ax_ is first.ax_
    labels = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert labels == ["one, FGSM", "one, PGD", "one, Gaussian noise",
                      "two, Gaussian noise"]  # fmt: skip
