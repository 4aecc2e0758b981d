"""Classes of pixels to codes and back."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from sk_mixup.encoding import PixelEncoder, fit_classes, target_kind_of


@given(
    classes=st.sets(st.integers(-50, 200), min_size=2, max_size=6),
    seed=st.integers(0, 999),
)
@settings(max_examples=30)
def test_there_and_back(classes, seed):
    random = np.random.default_rng(seed)
    known = sorted(classes)
    y = random.choice(known, (3, 4, 5))
    y.flat[: len(known)] = known
    y[0, 3, 4] = 255
    encoder = PixelEncoder(ignore_index=255).fit(y)
    codes = encoder.transform(y)
    assert encoder.classes_.tolist() == known
    assert codes.dtype == np.uint8
    counts = y != 255
    assert (codes[~counts] == encoder.ignored_code_).all()
    assert (encoder.inverse_transform(codes[counts]) == y[counts]).all()


def test_many_classes_take_wider_codes():
    y = np.arange(2 * 300).reshape(2, 15, 20)
    encoder = PixelEncoder().fit(y)
    assert encoder.transform(y).dtype == np.int32
    assert encoder.ignored_code_ == -1


def test_what_a_target_is_follows_from_its_shape():
    assert target_kind_of(np.zeros((3, 4, 4), int)) == "pixels"
    assert target_kind_of([np.zeros((4, 4), int)] * 3) == "pixels"
    assert target_kind_of(torch.zeros(3, 4, 4)) == "pixels"
    assert target_kind_of(np.zeros((3, 4), int)) == "labels"
    # A sequence of classes, where somebody says so.
    encoder = fit_classes(np.array([[0, 1, 1], [2, 0, 1]]), target_kind="pixels")
    assert encoder.kind == "pixels"
    assert encoder.size_ == (3,)


def test_floats_are_probabilities_or_labels():
    soft = np.full((2, 4, 3, 3), 0.25)
    assert PixelEncoder().fit(soft).exclusive_
    assert not PixelEncoder().fit(np.ones((2, 4, 3, 3))).exclusive_
    assert PixelEncoder().fit(soft).transform(soft).dtype == np.float32


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (np.zeros((3, 4, 4), int), "only one class: \\[0\\]"),
        (np.full((3, 4, 4), -100), "at least 2 classes"),
        (np.full((2, 3, 4, 4), 1.5), r"outside \[0, 1\]"),
        (np.zeros((3, 4, 4)), "classes are integers"),
        (np.full((3, 4, 4), "a"), "dtype"),
        ([np.zeros((4, 4), int), np.zeros((5, 4), int)], "2 sizes"),
    ],
)
def test_what_holds_no_masks_is_refused(y, match):
    with pytest.raises(ValueError, match=match):
        fit_classes(y)


def test_other_masks_than_in_fit_are_refused():
    y = np.arange(2 * 12).reshape(2, 3, 4) % 3
    encoder = PixelEncoder().fit(y)
    for other, match in (
        (y + 1, r"not seen in fit: \[3\]"),
        (y[:, :2], "but in fit they had"),
        (np.full((2, 3, 3, 4), 1 / 3), "in fit it held"),
    ):
        with pytest.raises(ValueError, match=match):
            encoder.transform(other)
    assert encoder.has_classes([2, 1, 0])
    assert not encoder.has_classes([0, 1])
