"""Intersection over union of masks."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from sklearn.metrics import jaccard_score

from sk_mixup.metrics import mean_iou


@given(seed=st.integers(0, 2**20), n_classes=st.integers(1, 4))
@settings(max_examples=30)
def test_it_is_the_mean_of_jaccards_index(seed, n_classes):
    random = np.random.default_rng(seed)
    truth, found = random.integers(0, n_classes, (2, 3, 4, 5))
    weight = random.integers(1, 4, 3)
    expected = jaccard_score(
        truth.ravel(),
        found.ravel(),
        average="macro",
        sample_weight=np.repeat(weight, 20),
    )
    assert mean_iou(truth, found, sample_weight=weight) == pytest.approx(expected)


def test_what_does_not_count_adds_to_nothing():
    truth = np.array([[[0, 1, 255, 255]]])
    assert mean_iou(truth, np.array([[[0, 1, 1, 7]]]), ignore_index=255) == 1.0
    assert mean_iou(truth, np.array([[[0, 0, 0, 0]]]), ignore_index=255) == 0.25
    ignored = np.full((1, 2, 2), 255)
    assert mean_iou(ignored, np.zeros((1, 2, 2), int), ignore_index=255) == 1.0


def test_classes_may_be_chosen_and_masks_be_tensors():
    truth, found = torch.tensor([[[0, 1, 1]]]), torch.tensor([[[0, 0, 1]]])
    assert mean_iou(truth, found, labels=[1]) == 0.5
    assert mean_iou(truth, found) == 0.5


@pytest.mark.parametrize(
    ("args", "match"),
    [
        ((np.zeros((2, 3, 3), int), np.zeros((2, 3, 4), int)), "same pixels"),
        ((np.zeros((2, 3, 3)), np.zeros((2, 3, 3))), "y_true must hold classes"),
        ((np.zeros(3, int), np.zeros(3, int)), "y_true must hold classes"),
    ],
)
def test_what_holds_no_masks_is_refused(args, match):
    with pytest.raises(ValueError, match=match):
        mean_iou(*args)
    masks = np.zeros((2, 3, 3), int)
    with pytest.raises(ValueError, match="sample_weight"):
        mean_iou(masks, masks, sample_weight=[1, -1])
