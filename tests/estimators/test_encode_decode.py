"""What the module sees, and what its outputs mean, without anything private."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from torch import nn

from sk_mixup.inputs import ImageFolder, Rows
from tests.builders import blobs, classifier, people, regressor

SMALL = {
    "ft_transformer": {"module__d_token": 8, "module__n_heads": 2},
    "excelformer": {"module__d_token": 8, "module__n_heads": 2},
    "resnet": {"module__width": 16},
}
TEXTS = ["a good film", "a bad film", "good", "so bad"] * 10


class Both(nn.Module):
    """Takes an image and a number."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(13, 2)

    def forward(self, image, age):
        return self.head(torch.cat([image.flatten(1) / 255, age[:, None]], 1))


class Heads(nn.Module):
    """Answers with a tensor per output."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(4, 2), nn.Linear(4, 3)

    def forward(self, x):
        return self.one(x), self.other(x)


class Items(torch.utils.data.Dataset):
    """Rows that are loaded one by one."""

    def __init__(self, X, y):
        self.X, self.y = X, y

    def __len__(self):
        return len(self.y)

    def __getitem__(self, index):
        return torch.from_numpy(self.X[index]), int(self.y[index])


class Flow(torch.utils.data.IterableDataset):
    """Rows of which nobody knows how many there are."""

    def __init__(self, X, y):
        self.X, self.y = X, y

    def __iter__(self):
        yield from zip(torch.from_numpy(self.X), self.y.tolist(), strict=True)


def called(model, X):
    """Return what the module says by itself."""
    x, module = model.encode(X), model.module_
    if isinstance(x, dict):
        return module(**x)
    return module(*x) if isinstance(x, tuple) else module(x)


def assert_same(model, X):
    """Check that the module says by itself what the estimator says."""
    said = model.predict_proba(X) if hasattr(model, "classes_") else model.predict(X)
    found = model.decode(called(model, X))
    if not isinstance(said, list):
        found, said = [found], [said]
    for one, other in zip(found, said, strict=True):
        assert type(one) is np.ndarray
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("module", [None, "mlp", "tabm", *SMALL])
def test_nets_of_tables(module):
    X, y, income = people(60)
    params = {"module": module, "max_epochs": 2, "mix": None} | SMALL.get(module, {})
    assert_same(classifier(**params).fit(X, y), X)
    assert_same(regressor(**params).fit(X, income), X)


def test_temperature_and_classes_are_decoded():
    X, y, _ = people(60)
    model = classifier(calibration="temperature", max_epochs=2, mix=None).fit(X, y)
    assert model.temperature_ != 1.0
    assert_same(model, X)


@pytest.mark.parametrize("head", ["mean", "quantile", "gaussian"])
def test_units_are_decoded(head):
    X, _, income = people(60)
    y = np.stack([income, -1000 * income], 1)
    assert_same(regressor(head=head, max_epochs=2, mix=None).fit(X, y), X)


@pytest.mark.parametrize(
    "y",
    [
        np.stack([np.arange(40) % 2, np.arange(40) % 3 == 0], 1) * 1,
        np.stack([np.arange(40) % 2, np.arange(40) % 3], 1),
        np.tile([[0.2, 0.8], [0.5, 0.5]], (20, 1)),
    ],
    ids=["labels", "outputs", "soft"],
)
def test_targets_of_other_kinds(y):
    X, _ = blobs(40)
    assert_same(classifier(max_epochs=2, mix=None).fit(X, y), X)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_modules_of_ones_own(n_outputs):
    X, y = blobs(40)
    model = classifier(module=lambda: nn.Linear(4, n_outputs)).fit(X, y)
    assert_same(model, X)
    assert_same(model, X.astype(np.float64))


def test_several_heads():
    X, y = blobs(40)
    model = classifier(module=Heads, max_epochs=2, mix=None)
    assert_same(model.fit(X, np.stack([y, np.arange(40) % 3], 1)), X)


def test_pixels_reach_the_module_as_floats():
    X = np.random.default_rng(0).integers(0, 256, (40, 3, 4, 4)).astype(np.uint8)
    y = np.arange(40) % 2
    model = classifier(module="convnet", max_epochs=2, mix=None).fit(X, y)
    assert model.encode(X).dtype == torch.float32
    assert_same(model, X)


def test_several_inputs_are_passed_by_name_or_position():
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (40, 3, 2, 2)).astype(np.uint8)
    age, y = random.normal(size=40).astype(np.float32), np.arange(40) % 2
    for X in ({"image": image, "age": age}, (image, age), Rows(image=image, age=age)):
        assert_same(classifier(module=Both, max_epochs=2, mix=None).fit(X, y), X)


def test_texts():
    y = np.arange(40) % 2
    model = classifier(module="text_bag", max_epochs=2, mix=None).fit(TEXTS, y)
    assert set(model.encode(TEXTS)) == {"ids", "mask"}
    assert_same(model, TEXTS)


def test_data_sets_and_iterables():
    X, y = blobs(40)
    model = classifier(module=lambda: nn.Linear(4, 2)).fit(Items(X, y))
    assert_same(model, Items(X, y))
    streamed = classifier(module=lambda: nn.Linear(4, 2), max_epochs=2, mix=None)
    streamed.fit(Flow(X, y), classes=[0, 1])
    assert_same(streamed, Flow(X, y))


def test_folders_of_images(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(4):
            image.new("RGB", (4, 4), (60 * i, 9, 9)).save(tmp_path / name / f"{i}.png")
    folder = ImageFolder(tmp_path)
    net = lambda: nn.Sequential(nn.Flatten(), nn.Linear(48, 2))  # noqa: E731
    assert_same(classifier(module=net, max_epochs=1, mix=None).fit(folder), folder)


def test_outputs_of_another_runtime_are_decoded():
    X, y = blobs(40)
    model = classifier(module=lambda: nn.Linear(4, 2)).fit(X, y)
    outputs = called(model, X).detach().numpy()
    for given in (outputs, [outputs], (outputs,)):
        np.testing.assert_allclose(model.decode(given), model.predict_proba(X))


def test_what_the_module_sees_is_no_memory_of_the_caller():
    X, y = blobs(40)
    model = classifier(module=lambda: nn.Linear(4, 2)).fit(X, y)
    before = X.copy()
    model.encode(X).zero_()
    np.testing.assert_array_equal(X, before)


def test_gradients_flow_through_what_is_encoded():
    X, y, _ = people(60)
    model = classifier(max_epochs=2, mix=None).fit(X, y)
    x = model.encode(X)
    x["numeric"].requires_grad_()
    model.module_(**x)[:, 1].sum().backward()
    assert x["numeric"].grad.abs().sum() > 0


def test_outputs_that_cannot_be_of_the_module_are_refused():
    X, y = blobs(40, n_classes=3)
    model = classifier(max_epochs=1, mix=None).fit(X, y)
    with pytest.raises(ValueError, match=r"shape \(5, 2\), and .* returns 3 values"):
        model.decode(torch.zeros(5, 2))
    with pytest.raises(ValueError, match=r"model\.module_\.eval\(\)"):
        model.decode(torch.zeros(5, 8, 3))
    with pytest.raises(TypeError, match="got str"):
        model.decode("outputs")
    for ask in (classifier().encode, classifier().decode, regressor().decode):
        with pytest.raises(NotFittedError):
            ask(X)
