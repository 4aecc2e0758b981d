"""Labels of any dtype and container, and the number of classes beside them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sk_mixup.mixing import (
    CutMix,
    MixedTargets,
    Mixup,
    RegMixup,
    Remix,
    WaveformMix,
    mixed_loss,
)
from tests.builders import generator

X = torch.rand(6, 3, 4, 4)
Y = torch.tensor([0, 1, 2, 3, 1, 4])
ONE_HOT = torch.nn.functional.one_hot(Y, 5)
METHODS = [Mixup(1.0), Mixup(1.0, per="row"), CutMix(1.0), RegMixup(1.0), Remix(1.0)]
LABELS = {
    "list": Y.tolist(),
    "tuple": tuple(Y.tolist()),
    "array": Y.numpy(),
    "objects": np.array(Y.tolist(), dtype=object),
    "big-endian": Y.numpy().astype(">i4"),
    "reversed view": Y.numpy()[::-1].copy()[::-1],
    "uint16": Y.numpy().astype("u2"),
    "uint64 tensor": torch.tensor(Y.tolist(), dtype=torch.uint64),
    "int8": Y.to(torch.int8),
}
ROWS = {
    "int64": ONE_HOT,
    "int32": ONE_HOT.int(),
    "uint8": ONE_HOT.byte(),
    "bool": ONE_HOT.bool(),
    "array": ONE_HOT.numpy(),
    "array of bool": ONE_HOT.bool().numpy(),
    "lists": ONE_HOT.tolist(),
    "float64": ONE_HOT.double(),
}


def mixed(method, y):
    return method(X, y, n_classes=5, generator=generator())


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("name", LABELS)
def test_labels_of_every_container_are_the_same_labels(method, name):
    x, targets = mixed(method, LABELS[name])
    expected_x, expected = mixed(method, Y)
    assert torch.equal(x, expected_x)
    assert torch.equal(targets, expected)


@pytest.mark.parametrize("method", [Mixup(1.0), CutMix(1.0), RegMixup(1.0)], ids=repr)
@pytest.mark.parametrize("name", ROWS)
def test_one_hot_rows_of_every_dtype_are_the_labels(method, name):
    _, targets = mixed(method, ROWS[name])
    torch.testing.assert_close(targets.float(), mixed(method, Y)[1])


def test_several_labels_blend():
    y = np.array([[1, 1, 0], [0, 0, 0], [0, 1, 1]])
    plan = Mixup(1.0).draw(torch.rand(3, 2), y, generator=generator())
    own, other = (weight.unsqueeze(1) for weight in plan.label_weights)
    expected = own * torch.tensor(y) + other * torch.tensor(y)[plan.partner]
    torch.testing.assert_close(plan.targets(y, 3), expected)


@pytest.mark.parametrize("union", [False, True])
def test_sounds_take_rows_of_yes_and_no(union):
    x = torch.rand(6, 50)
    method = WaveformMix(union=union)
    _, from_rows = method(x, ONE_HOT.numpy(), n_classes=5, generator=generator())
    _, from_labels = method(x, Y.numpy(), n_classes=5, generator=generator())
    torch.testing.assert_close(from_rows, from_labels)


def test_a_pair_of_labels_from_an_array():
    _, pair = Mixup(1.0)(X, Y.numpy(), generator=generator())
    _, expected = Mixup(1.0)(X, Y, generator=generator())
    assert isinstance(pair, MixedTargets)
    assert torch.equal(pair.y_partner, expected.y_partner)
    torch.testing.assert_close(pair.soft(5), expected.soft(5))


def test_a_pair_of_one_hot_rows_becomes_soft():
    pair = MixedTargets(ONE_HOT[:3], ONE_HOT[3:], torch.tensor([1.0, 0.5, 0.25]))
    hard = MixedTargets(Y[:3], Y[3:], pair.lam)
    torch.testing.assert_close(pair.soft(5), hard.soft(5))


@pytest.mark.parametrize("n_rows", [6, 0])
@pytest.mark.parametrize(
    ("n_classes", "error"),
    [(-1, ValueError), (0, ValueError), (1.5, TypeError), ("3", TypeError)],
)
@pytest.mark.parametrize("method", [Mixup(), WaveformMix(union=True)], ids=repr)
def test_a_number_of_classes_that_is_none(method, n_rows, n_classes, error):
    x, y = torch.rand(n_rows, 40), Y[:n_rows]
    with pytest.raises(error, match="n_classes must be an integer of at least 1; got"):
        method(x, y, n_classes=n_classes)
    with pytest.raises(error, match="n_classes must be an integer of at least 1; got"):
        method.draw(x, y).targets(y, n_classes)


def test_other_rows_are_refused():
    with pytest.raises(ValueError, match=r"y of shape \(6, 4\) and dtype torch.int"):
        mixed(Mixup(), ONE_HOT[:, :4])
    with pytest.raises(ValueError, match="it holds 3"):
        mixed(Mixup(), ONE_HOT * 3)
    with pytest.raises(ValueError, match=r"n_classes=5, but y holds floats of .*6, 1"):
        mixed(Mixup(), Y.float()[:, None])


@pytest.mark.parametrize(
    "y", [list("abcdef"), np.array(list("abcdef")), [object()] * 6]
)
def test_targets_that_are_no_numbers(y):
    with pytest.raises(TypeError, match="Encode classes as 0 to n_classes - 1"):
        mixed(Mixup(), y)


def test_no_targets():
    with pytest.raises(TypeError, match=r"y is None.*plan = method.draw\(x\)"):
        Mixup()(X, None)


@pytest.mark.parametrize("labels", LABELS)
def test_a_pair_of_labels_is_what_losses_take(labels):
    output = torch.randn(6, 5, generator=generator())
    criterion = torch.nn.CrossEntropyLoss()
    losses = [
        mixed_loss(criterion, output, Mixup(1.0)(X, y, generator=generator())[1])
        for y in (LABELS[labels], Y)
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("rows", ROWS)
def test_a_pair_of_one_hot_rows_is_the_loss_of_its_classes(rows):
    output = torch.randn(6, 5, generator=generator())
    criterion = torch.nn.CrossEntropyLoss()
    pair, expected = (
        Mixup(1.0)(X, y, generator=generator())[1] for y in (ROWS[rows], Y)
    )
    loss = mixed_loss(criterion, output, pair)
    torch.testing.assert_close(
        loss, mixed_loss(criterion, output, expected), check_dtype=False
    )


def test_a_pair_of_yes_and_no_goes_to_a_binary_loss():
    y = torch.tensor([True, False, True, True, False, False])
    criterion = torch.nn.BCEWithLogitsLoss()
    output = torch.randn(6, generator=generator())
    pair, floats = (Mixup(1.0)(X, t, generator=generator())[1] for t in (y, y.float()))
    expected = mixed_loss(criterion, output, floats)
    torch.testing.assert_close(mixed_loss(criterion, output, pair), expected)


@pytest.mark.parametrize("y", [Y[:3], torch.tensor(1)], ids=["few", "one number"])
@pytest.mark.parametrize("n_classes", [None, 5])
def test_every_row_needs_a_target(y, n_classes):
    with pytest.raises(ValueError, match=r"x has 6 rows and y has shape \("):
        Mixup(1.0)(X, y, n_classes=n_classes)


def test_an_input_that_is_no_tensor_is_told_what_to_give():
    with pytest.raises(TypeError, match=r"got ndarray. Give torch.as_tensor"):
        Mixup(1.0)(X.numpy(), Y, n_classes=5)
