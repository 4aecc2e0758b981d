"""What holds for every loss of mixed targets."""

import copy
import math
import pickle

import pytest
import torch
from torch.testing import assert_close

from sk_mixup.mixing import (
    BinaryCrossEntropy,
    DecoupledCrossEntropy,
    MixedTargets,
    RankMixupLoss,
    SoftCrossEntropy,
    TwoHotBinaryCrossEntropy,
)
from tests.mixing.losses.batches import LOSSES, C, batch


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_single(loss, dtype):
    output, pair = batch(dtype=torch.float32)
    output = (20 * output).to(dtype).requires_grad_()
    target = pair.y if loss is RankMixupLoss else pair
    found = loss()(output, target)
    assert found.dtype == torch.float32
    assert_close(found, loss()(output.float(), target))
    found.backward()
    assert output.grad.dtype == dtype
    assert bool(output.grad.isfinite().all())


@pytest.mark.parametrize("loss", LOSSES)
def test_large_logits_give_finite_losses(loss):
    output, pair = batch(dtype=torch.float32)
    output = (1e4 * output).requires_grad_()
    found = loss()(output, pair.y if loss is RankMixupLoss else pair)
    found.backward()
    assert bool(found.isfinite())
    assert bool(output.grad.isfinite().all())


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_the_loss(loss):
    output, pair = batch()
    target = pair.y if loss is RankMixupLoss else pair
    output.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss()(z, target), output)


@pytest.mark.parametrize("loss", LOSSES)
def test_reduction_by_rows_has_their_mean(loss):
    output, pair = batch()
    target = pair.y if loss is RankMixupLoss else pair
    rows = loss(reduction="none")(output, target)
    assert rows.shape == (9,)
    assert_close(rows.mean(), loss()(output, target))


@pytest.mark.parametrize("loss", LOSSES)
def test_copies_and_pickles_are_the_same_loss(loss):
    output, pair = batch()
    for again in (copy.deepcopy(loss()), pickle.loads(pickle.dumps(loss()))):
        assert_close(again(output, pair.y), loss()(output, pair.y))


@pytest.mark.parametrize("loss", LOSSES[:4])
def test_losses_compile_without_a_break(loss):
    output, pair = batch()
    compiled = torch.compile(loss(), fullgraph=True, backend="eager")
    assert_close(compiled(output, pair), loss()(output, pair))


@pytest.mark.parametrize("loss", [SoftCrossEntropy, BinaryCrossEntropy])
@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_targets_outside_0_to_1_are_refused(loss, bad):
    target = torch.full((2, C), 0.25)
    target[1, 2] = bad
    with pytest.raises(ValueError, match=f"{loss.__name__} needs targets between 0"):
        loss()(torch.zeros(2, C), target)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("bad", [-100, C])
def test_class_indices_out_of_range_are_refused(loss, bad):
    with pytest.raises(ValueError, match=f"class index {bad}"):
        loss()(torch.zeros(2, C), torch.tensor([0, bad]))


@pytest.mark.parametrize("loss", [TwoHotBinaryCrossEntropy, DecoupledCrossEntropy])
def test_lambda_outside_0_to_1_is_refused(loss):
    y = torch.tensor([0, 1])
    with pytest.raises(ValueError, match="shares between 0 and 1"):
        loss()(torch.zeros(2, C), MixedTargets(y, y, torch.tensor([0.5, 1.5])))


@pytest.mark.parametrize("loss", LOSSES[2:])
def test_losses_of_pairs_refuse_soft_labels(loss):
    with pytest.raises(TypeError, match="without n_classes"):
        loss()(torch.zeros(2, C), torch.full((2, C), 0.25))


@pytest.mark.parametrize("loss", [SoftCrossEntropy, *LOSSES[2:]])
@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, C, 5)])
def test_outputs_need_a_column_per_class(loss, shape):
    with pytest.raises(ValueError, match=r"needs an output of shape \(rows, classes\)"):
        loss()(torch.zeros(shape), torch.tensor([0, 1]))


@pytest.mark.parametrize("loss", [SoftCrossEntropy, BinaryCrossEntropy])
def test_targets_of_another_shape_are_refused(loss):
    with pytest.raises(ValueError, match=r"needs targets of shape \(2, 4\)"):
        loss()(torch.zeros(2, C), torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"needs targets of shape \(2, 4\)"):
        loss()(torch.zeros(2, C), torch.tensor([0, 1, 2]))


@pytest.mark.parametrize("name", ["weight", "pos_weight"])
def test_weights_of_other_classes_are_refused(name):
    criterion = BinaryCrossEntropy(**{name: [1.0, 2.0]})
    with pytest.raises(ValueError, match=f"{name} has 2 entries"):
        criterion(torch.zeros(2, C), torch.tensor([0, 1]))


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        (SoftCrossEntropy, {"label_smoothing": 1.5}),
        (SoftCrossEntropy, {"reduction": "sum"}),
        (SoftCrossEntropy, {"weight": [1.0, -1.0]}),
        (BinaryCrossEntropy, {"target_threshold": -0.1}),
        (BinaryCrossEntropy, {"target_threshold": "half"}),
        (BinaryCrossEntropy, {"sum_classes": "yes"}),
        (BinaryCrossEntropy, {"pos_weight": [[1.0]]}),
        (TwoHotBinaryCrossEntropy, {"scale": 0.0}),
        (TwoHotBinaryCrossEntropy, {"power": -1.0}),
        (TwoHotBinaryCrossEntropy, {"threshold": 0.0}),
        (DecoupledCrossEntropy, {"eta": -0.1}),
        (RankMixupLoss, {"margin": math.nan}),
        (RankMixupLoss, {"on": "logit"}),
        (RankMixupLoss, {"on": "probabilities"}),
    ],
)
def test_bad_parameters_are_named(loss, settings):
    name = "margin" if settings == {"on": "probabilities"} else next(iter(settings))
    with pytest.raises((ValueError, TypeError), match=name):
        loss(**settings)
