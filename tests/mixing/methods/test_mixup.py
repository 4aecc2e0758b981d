"""Mixup: when and how much it mixes, and the shorthand call."""

import pytest
import torch
from torch.testing import assert_close

from sk_mixup.mixing import MixContext, MixedTargets, Mixup
from tests.builders import generator


def test_one_lambda_per_batch_or_per_row():
    x = torch.rand(50, 2)
    assert len(Mixup(1.0).draw(x, generator=generator()).lam.unique()) == 1
    by_row = Mixup(1.0, per="row").draw(x, generator=generator())
    assert len(by_row.lam.unique()) == 50


@pytest.mark.parametrize("per", ["batch", "row"])
def test_a_row_keeps_its_own_majority(per):
    for seed in range(20):
        plan = Mixup(1.0, per=per).draw(torch.rand(8, 2), generator=generator(seed))
        assert float(plan.lam.min()) >= 0.5


@pytest.mark.parametrize("per", ["batch", "row"])
def test_folding_changes_roles_and_not_the_law(per):
    x = torch.rand(16, 2)
    for seed in range(10):
        plain = Mixup(0.5, per=per, fold=False).draw(x, generator=generator(seed))
        folded = Mixup(0.5, per=per).draw(x, generator=generator(seed))
        assert_close(folded.lam, torch.maximum(plain.lam, 1 - plain.lam))


def test_p_is_the_share_of_mixed_batches():
    method, source, x = Mixup(1.0, p=0.3), generator(), torch.rand(4, 2)
    mixed = sum(not method.draw(x, generator=source).is_identity for _ in range(600))
    assert mixed / 600 == pytest.approx(0.3, abs=0.06)


def test_p_is_the_share_of_mixed_rows():
    plan = Mixup(1.0, per="row", p=0.3).draw(torch.rand(3000, 1), generator=generator())
    assert float((plan.lam < 1).float().mean()) == pytest.approx(0.3, abs=0.03)


def mixed_epochs(method, n_epochs=10):
    x = torch.rand(4, 2)
    return [
        epoch
        for epoch in range(10)
        if not method.draw(
            x, context=MixContext(epoch=epoch, n_epochs=n_epochs)
        ).is_identity
    ]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({}, range(10)),
        ({"off_first": 3}, range(3, 10)),
        ({"off_last": 2}, range(8)),
        ({"off_first": 1, "off_last": 0.25}, range(1, 7)),
        ({"off_first": 0.2}, range(2, 10)),
        ({"off_first": 10}, []),
    ],
)
def test_the_schedule_leaves_out_epochs(schedule, expected):
    assert mixed_epochs(Mixup(1.0, **schedule)) == list(expected)


def test_an_unknown_number_of_epochs_has_no_last_ones():
    assert mixed_epochs(Mixup(1.0, off_last=2), n_epochs=None) == list(range(10))


def test_the_schedule_needs_a_context():
    plan = Mixup(1.0, off_first=5).draw(torch.rand(4, 2))
    assert not plan.is_identity


def test_a_call_returns_soft_targets_for_classes():
    x, y = torch.rand(4, 2), torch.tensor([0, 1, 2, 0])
    x_mixed, targets = Mixup(1.0)(x, y, n_classes=3, generator=generator())
    plan = Mixup(1.0).draw(x, y, generator=generator())
    assert torch.equal(x_mixed, plan.apply(x))
    assert torch.equal(targets, plan.targets(y, 3))


def test_a_call_without_a_number_of_classes_returns_the_pair():
    x, y = torch.rand(4, 2), torch.tensor([0, 1, 2, 0])
    _, targets = Mixup(1.0)(x, y, generator=generator())
    plan = Mixup(1.0).draw(x, y, generator=generator())
    assert isinstance(targets, MixedTargets)
    assert torch.equal(targets.y, y)
    assert torch.equal(targets.y_partner, y[plan.partner])
    assert torch.equal(targets.lam, plan.lam)


def test_a_call_blends_numbers_to_predict():
    x, y = torch.rand(4, 2), torch.rand(4)
    _, targets = Mixup(1.0)(x, y, generator=generator())
    plan = Mixup(1.0).draw(x, y, generator=generator())
    assert torch.equal(targets, plan.targets(y))


def test_a_dict_is_mixed_with_one_plan():
    x = {"numbers": torch.rand(4, 2), "text": torch.rand(4, 5, 3)}
    mixed, _ = Mixup(1.0)(x, torch.arange(4), n_classes=4, generator=generator())
    plan = Mixup(1.0).draw(x, generator=generator())
    assert torch.equal(mixed["text"], plan.apply(x["text"]))


def test_lambda_is_as_wide_as_double_input():
    assert Mixup().draw(torch.rand(3, 2)).lam.dtype == torch.float32
    assert Mixup().draw(torch.rand(3, 2).double()).lam.dtype == torch.float64
    assert Mixup().draw(torch.rand(3, 2).bfloat16()).lam.dtype == torch.float32


# -- bugs of peers -------------------------------------------------------------------


def test_an_unknown_mode_is_no_other_mode():
    # timm: an unknown `mode` silently means "batch".
    with pytest.raises(ValueError, match=r"per must be one of \['batch', 'row'\]"):
        Mixup(per="elem").draw(torch.rand(4, 2))


def test_bytes_are_not_rounded_to_bytes():
    # timm: the collate returns uint8, which wipes small differences.
    x = torch.tensor([[0], [1]], dtype=torch.uint8)
    mixed, _ = Mixup(1.0)(x, torch.arange(2), n_classes=2, generator=generator())
    assert 0 < float(mixed[0]) < 1


def test_flat_labels_do_not_become_a_square():
    # keras: 1-D labels broadcast to (B, B) with no error.
    x = torch.rand(4, 2)
    assert Mixup()(x, torch.arange(4), n_classes=7)[1].shape == (4, 7)
    assert Mixup(per="row")(x, torch.rand(4))[1].shape == (4,)


def test_floats_as_class_labels_are_refused():
    # keras: class labels as floats are taken for something else.
    with pytest.raises(TypeError, match=r"n_classes=3 needs class indices.*float32"):
        Mixup()(torch.rand(4, 2), torch.tensor([0.0, 1.0, 2.0, 0.0]), n_classes=3)


def test_masks_keep_their_shape():
    # keras: masks of shape (B, H, W, 1) come back as (B, H, W, B).
    plan = Mixup(1.0, per="row").draw(torch.rand(4, 3, 6, 5), generator=generator())
    assert plan.apply(torch.rand(4, 6, 5, 1)).shape == (4, 6, 5, 1)


def test_dense_targets_are_not_edited():
    # composer: the caller's one-hot targets are overwritten.
    y = torch.eye(4)
    Mixup(1.0)(torch.rand(4, 2), y)
    assert torch.equal(y, torch.eye(4))
