"""Augmentation of batches, and what is bundled for it."""

import numpy as np
import pytest
import torch
from torch import nn

from sk_mixup.augment import GaussianNoise, RandomCrop, RandomFlip
from sk_mixup.mixing import Mixup
from tests.builders import assert_same_weights, blobs, classifier, people

X, Y = blobs(64)
TABLE, LABELS, _ = people(60)
IMAGES = np.random.default_rng(0).integers(0, 255, (64, 3, 8, 8)).astype(np.uint8)


class ConvNet(nn.Module):
    """A net for images that notes what it is given while it trains."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, 2)
        self.seen = []

    def forward(self, x):
        if self.training:
            self.seen.append(x.detach().clone())
        return self.head((self.conv(x / 255)).relu().mean((2, 3)))


class Seen:
    """Keeps the batches that it is called on."""

    def __init__(self, change=lambda x: x):
        self.change = change
        self.batches = []

    def __call__(self, x):
        self.batches.append(x.clone() if isinstance(x, torch.Tensor) else x)
        return self.change(x)

    def __deepcopy__(self, memo):
        return self


# -- in a training ---------------------------------------------------------------------


def test_augment_sees_unmixed_pixels_as_they_are():
    seen = Seen()
    classifier(module=ConvNet, augment=seen, batch_size=64, alpha=1.0).fit(IMAGES, Y)
    rows = {row.tobytes() for row in IMAGES}
    assert len(seen.batches) > 5
    for batch in seen.batches:
        assert batch.dtype == torch.uint8
        assert {row.tobytes() for row in batch.numpy()} <= rows


def test_what_augment_returns_is_mixed():
    half = Seen(lambda x: torch.full_like(x, 100))
    model = classifier(module=ConvNet, augment=half, alpha=1.0, batch_size=64)
    model.fit(IMAGES, Y)
    # A blend of rows of 100 is a row of 100.
    for x in model.module_.seen:
        np.testing.assert_allclose(x, 100, atol=1e-3)


@pytest.mark.parametrize("loader", [{}, {"iterator_train__num_workers": 0}], ids=str)
@pytest.mark.parametrize("mix", [None, "mixup", "cutmix"])
def test_augment_comes_once_per_batch_of_a_training(mix, loader):
    seen = Seen()
    model = classifier(module=ConvNet, mix=mix, augment=seen, batch_size=16, **loader)
    model.fit(IMAGES, Y)
    trained = [batch for batch in seen.batches if len(batch) == 16]
    assert len(trained) == 5 * 4


def test_nothing_is_augmented_in_validation_and_prediction():
    seen = Seen(lambda x: x * 0)
    model = classifier(
        module=nn.Linear(4, 2), augment=seen, batch_size=64, calibration=None
    )
    model.fit(X, Y, X_val=X, y_val=Y)
    n_calls = len(seen.batches)
    plain = model.module_(torch.from_numpy(X)).softmax(1).detach()
    np.testing.assert_allclose(model.predict_proba(X), plain, atol=1e-6)
    assert len(seen.batches) == n_calls


def test_a_list_is_applied_in_order():
    double, add = Seen(lambda x: x * 2), Seen(lambda x: x + 1)
    model = classifier(module=nn.Linear(4, 2), augment=[double, add], batch_size=64)
    model.fit(X, Y)
    for before, after in zip(double.batches, add.batches, strict=True):
        assert torch.equal(after, before * 2)


def test_tables_are_augmented_as_they_are_encoded():
    seen = Seen(lambda x: x | {"numeric": x["numeric"] + 0.0})
    plain = classifier().fit(TABLE, LABELS)
    model = classifier(augment=seen).fit(TABLE, LABELS)
    assert {"numeric", "categorical"} <= set(seen.batches[0])
    assert_same_weights(model, plain)


def test_fits_with_random_augmentation_are_reproducible():
    steps = [RandomCrop(padding=1), RandomFlip()]
    torch.manual_seed(0)
    net = ConvNet()
    one, other = (
        classifier(module=net, augment=steps).fit(IMAGES, Y) for _ in range(2)
    )
    assert_same_weights(one, other)


def test_augmentation_leaves_the_global_generator_as_it_was():
    torch.manual_seed(0)
    wanted = torch.rand(3)
    net = nn.Linear(4, 2)
    torch.manual_seed(0)
    classifier(module=net, augment=GaussianNoise()).fit(X, Y)
    assert torch.equal(torch.rand(3), wanted)


def test_augmentation_may_write_into_its_batch():
    X_before = X.copy()
    model = classifier(module=nn.Linear(4, 2), augment=Seen(lambda x: x.mul_(0)))
    model.fit(X, Y)
    np.testing.assert_array_equal(X, X_before)


@pytest.mark.parametrize(
    ("augment", "error", "message"),
    [
        (lambda x: x[:1], ValueError, "keep the number of rows"),
        (lambda x: None, TypeError, "returned NoneType"),
        (lambda x: x.nothing, ValueError, "failed on a batch of shape"),
        (lambda x: torch.cat([x, x], 1), ValueError, "augmented input"),
        (lambda x: x.sum(), ValueError, "keep the number of rows"),
        (3, TypeError, "augment must be a function"),
        (RandomFlip, TypeError, "a class; give an instance"),
        ([RandomFlip(), "flip"], TypeError, "'flip' is not one"),
    ],
)
def test_bad_augmentation_is_found_before_training(augment, error, message):
    with pytest.raises(error, match=message):
        classifier(module=nn.Linear(4, 2), augment=augment).fit(X, Y)


def test_mixing_is_checked_on_augmented_rows():
    # Floats after augmentation: a blend of them is fine, one of token ids is not.
    tokens = (X * 10).astype(np.int64)
    model = classifier(module=nn.Linear(4, 2), augment=lambda x: x.float())
    with pytest.raises(ValueError, match=r"int64|Long"):
        model.fit(tokens, Y)  # The module itself takes no integers, in validation.


# -- bundled ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("shape", [(3, 8, 6), (8, 6)])
def test_crop_is_a_window_of_the_padded_row(dtype, shape):
    torch.manual_seed(0)
    x = torch.randint(1, 255, (20, *shape)).to(dtype)
    cropped = RandomCrop(padding=2)(x)
    assert cropped.shape == x.shape
    assert cropped.dtype == dtype
    windows = set()
    for row, new in zip(x, cropped, strict=True):
        padded = torch.zeros(*shape[:-2], 12, 10, dtype=dtype)
        padded[..., 2:10, 2:8] = row
        found = [
            (i, j)
            for i in range(5)
            for j in range(5)
            if torch.equal(padded[..., i : i + 8, j : j + 6], new)
        ]
        assert len(found) == 1
        windows.add(found[0])
    assert len(windows) > 8  # of 25, each row draws its own


def test_crop_fills_with_a_value():
    torch.manual_seed(0)
    cropped = RandomCrop(padding=3, fill=7)(torch.zeros(50, 1, 4, 4))
    assert cropped.unique().tolist() == [0, 7]


def test_flip_draws_for_every_row():
    torch.manual_seed(0)
    x = torch.arange(4000).reshape(1000, 4)
    flipped = RandomFlip(p=0.3)(x)
    is_flipped = (flipped == x.flip(1)).all(1)
    assert ((flipped == x).all(1) ^ is_flipped).all()
    assert 0.25 < is_flipped.float().mean() < 0.35


def test_noise_of_a_dict_is_for_its_floats():
    torch.manual_seed(0)
    x = {"ids": torch.arange(3), "values": torch.zeros(1000)}
    noisy = GaussianNoise(std=0.5)(x)
    assert noisy["ids"] is x["ids"]
    assert noisy["values"].std().item() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomCrop(padding=0), "padding must be an int of at least 1"),
        (lambda: RandomFlip(p=1.5), "p must be"),
        (lambda: GaussianNoise(std=-1), "std must be"),
        (lambda: RandomCrop()(torch.zeros(2, 3)), "RandomCrop needs a tensor"),
        (lambda: GaussianNoise()(torch.zeros(2, dtype=torch.uint8)), "needs floats"),
    ],
)
def test_bad_use(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "step", [RandomCrop(), RandomFlip(), GaussianNoise()], ids=repr
)
def test_input_stays_as_it_is(step):
    x = torch.rand(4, 3, 8, 8)
    before = x.clone()
    step(x)
    assert torch.equal(x, before)


def test_mixup_of_augmented_images_is_as_by_hand():
    flip = Seen(lambda x: x.flip(-1))
    torch.manual_seed(0)
    net = ConvNet()
    by_augment = classifier(module=net, augment=flip, mix=Mixup(1.0)).fit(IMAGES, Y)
    flipped = np.ascontiguousarray(IMAGES[..., ::-1])
    by_hand = classifier(module=net, mix=Mixup(1.0)).fit(flipped, Y)
    assert_same_weights(by_augment, by_hand)
