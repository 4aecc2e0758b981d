"""SnapMix: boxes of the partner's image, and labels by what lies in them."""

import pytest
import torch
from skorch import NeuralNetClassifier
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from sk_mixup import MixupClassifier
from sk_mixup.mixing import (
    DecoupledCrossEntropy,
    MixContext,
    MixedTargets,
    Repeat,
    SnapMix,
)
from sk_mixup.skorch import MixupMixin
from sk_mixup.training import Objective
from tests.builders import generator
from tests.mixing.builders import streams
from tests.mixing.methods.saliency.nets import Bright, patches

SPOTS = [(0, 0), (3, 5), (6, 2), (1, 6), (4, 4)]
ONES = torch.ones(5, dtype=torch.int64)


def drawn(x, y=ONES, seed=0, **params):
    net = Bright().double() if x.dtype == torch.float64 else Bright()
    context = MixContext(module=net)
    return SnapMix(**params).draw(x, y, generator=streams(seed), context=context)


def boxes(plan, i):
    """Return the box that is covered in row i, and the one taken for it."""
    return [
        tuple(map(tuple, spans[i].tolist())) for spans in (plan.spans, plan.sources)
    ]


def slow_weights(maps, plan, i):
    """Add up the meaning of places, one by one."""
    covered, taken = boxes(plan, i)

    def inside(box, a, b):
        return box[0][0] <= a < box[0][1] and box[1][0] <= b < box[1][1]

    own = other = 0.0
    mass = [m - m.min() for m in maps]
    mass = [m / m.sum() for m in mass]
    for a in range(maps.shape[1]):
        for b in range(maps.shape[2]):
            if not inside(covered, a, b):
                own += float(mass[i][a, b])
            if inside(taken, a, b):
                other += float(mass[plan.partner[i]][a, b])
    return own, other


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("seed", range(3))
def test_labels_weigh_what_is_left_and_what_was_taken(per, seed):
    x = torch.rand(5, 1, 14, 12, generator=generator(1))
    plan = drawn(x, seed=seed, per=per)
    # The class activation of this net is the brightness itself.
    expected = [slow_weights(x[:, 0], plan, i) for i in range(5)]
    for i, (own, other) in enumerate(expected):
        if plan.lam[i] < 1:
            assert_close(float(plan.label_weights[0][i]), own, atol=1e-5, rtol=1e-4)
            assert_close(float(plan.label_weights[1][i]), other, atol=1e-5, rtol=1e-4)


def test_of_the_dark_class_what_is_dark_counts():
    x = torch.rand(5, 1, 14, 12, generator=generator(1))
    plan = drawn(x, 0 * ONES)
    own, other = slow_weights(-x[:, 0], plan, 0)
    assert_close(float(plan.label_lam[0]), own, atol=1e-5, rtol=1e-4)
    assert_close(float(plan.label_partner[0]), other, atol=1e-5, rtol=1e-4)


def test_weights_need_not_sum_to_one():
    x = patches(SPOTS)
    sums = torch.cat([sum(drawn(x, seed=s).label_weights) for s in range(20)])
    assert float(sums.min()) < 0.9
    assert float(sums.max()) > 1.1
    targets = drawn(x, seed=1).targets(ONES, 2)
    assert_close(targets[:, 1], sum(drawn(x, seed=1).label_weights))


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_box_of_the_partner_fills_the_box_that_is_covered(per, dtype):
    x = torch.rand(5, 1, 9, 12, generator=generator(1)).to(dtype)
    for seed in range(4):
        plan = drawn(x, seed=seed, per=per)
        mixed = plan.apply(x)
        for i in range(5):
            (rows, columns), source = boxes(plan, i)
            expected = x[i].clone()
            if plan.lam[i] < 1:
                taken = x[plan.partner[i]][
                    :, source[0][0] : source[0][1], source[1][0] : source[1][1]
                ]
                size = rows[1] - rows[0], columns[1] - columns[0]
                expected[:, rows[0] : rows[1], columns[0] : columns[1]] = (
                    functional.interpolate(
                        taken[None], size, mode="bilinear", antialias=True
                    )[0]
                )
            assert_close(mixed[i], expected, atol=1e-5, rtol=1e-4)


def test_pixels_stay_pixels():
    x = (patches(SPOTS) * 255).to(torch.uint8)
    assert drawn(x).apply(x).dtype == torch.uint8


def test_a_pair_cannot_say_such_weights_and_soft_targets_can():
    x, context = patches(SPOTS), MixContext(module=Bright())
    with pytest.raises(ValueError, match=r"need not sum to 1.*give n_classes"):
        SnapMix()(x, ONES, generator=streams(), context=context)
    _, targets = SnapMix()(x, ONES, n_classes=2, generator=streams(), context=context)
    assert not isinstance(targets, MixedTargets)


def test_repeats_keep_both_weights():
    x, context = patches(SPOTS), MixContext(module=Bright())
    method = Repeat(SnapMix(), k=2)
    plan = method.draw(x, ONES, generator=generator(), context=context)
    own, other = plan.label_weights
    parts = [part.label_weights for part in plan.parts]
    assert_close(own, torch.cat([p[0] for p in parts]))
    assert_close(other, torch.cat([p[1] for p in parts]))


def test_without_classes_there_is_nothing_to_see():
    with pytest.raises(ValueError, match=r"SnapMix looks at the class.*Give y"):
        drawn(patches(SPOTS), None)


Y = torch.tensor([0, 1, 0, 1, 1])


@pytest.mark.parametrize("is_dense", [True, False])
def test_the_loss_weighs_either_label_by_its_own_weight(is_dense):
    output = torch.randn(5, 2, generator=generator(2))
    plan = drawn(torch.rand(5, 1, 14, 12, generator=generator(1)), Y, per="row")
    objective = Objective(nn.CrossEntropyLoss(reduction="none"), 2)
    target = None
    if is_dense:
        (dense,) = objective.dense_targets([(Y, None)])
        target = plan.targets(dense)
    expected = 0.0
    for i in range(5):
        for weight, label in (
            (plan.label_lam[i], Y[i]),
            (plan.label_partner[i], Y[plan.partner[i]]),
        ):
            expected -= float(weight) * float(output[i].log_softmax(0)[label]) / 5
    assert_close(float(objective(output, Y, None, plan, target)), expected)


@pytest.mark.parametrize("alone", [True, False])
def test_estimators_and_skorch_nets_train_with_it(alone):
    X = torch.rand(20, 1, 14, 12, generator=generator(1)).numpy()
    y = (X.mean((1, 2, 3)) > 0.5).astype(int)
    if alone:
        params = {"max_epochs": 5, "random_state": 0}
        net = MixupClassifier(Bright, mix="snap_mix", **params).fit(X, y)
        losses = net.history_[:, "train_loss"]
    else:
        net = OwnNet(Bright, mix="snap_mix", criterion=nn.CrossEntropyLoss, verbose=0)
        losses = net.fit(X, y).history[:, "train_loss"]
    assert all(loss == loss for loss in losses)


def test_a_criterion_of_one_number_per_row_is_refused_before_the_training():
    X = torch.rand(20, 1, 14, 12, generator=generator(1)).numpy()
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3)
    )
    model = MixupClassifier(
        net, mix="snap_mix", criterion=DecoupledCrossEntropy, max_epochs=5
    )
    with pytest.raises(ValueError, match=r"DecoupledCrossEntropy.*need not sum to 1"):
        model.fit(X, [0, 1, 2, 1] * 5)


class OwnNet(MixupMixin, NeuralNetClassifier):
    """A skorch net of somebody."""
