"""TransMix: boxes of CutMix, and labels by the attention of the running pass."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup import MixupClassifier
from sk_mixup.mixing import CutMix, TransMix, mix_layer
from sk_mixup.mixing.methods.attention import AttentionPlan
from tests.builders import generator, same_weights
from tests.mixing.methods.attention.nets import Vit, images


def passed(net, plan, x):
    with mix_layer(net, plan) as mixed:
        output = net(plan.apply(x))
    return mixed.plan, output


def box_plan(*, attention=None, ratio=0.0):
    """The left half of 8 x 8 pixels is the own image, the right one the partner."""
    mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    mask[:, :, 4:] = True
    plan = AttentionPlan(
        torch.tensor([1, 0]), torch.full((2,), 0.5), mask=mask, ratio=ratio
    )
    return plan if attention is None else plan.weighed(torch.tensor(attention))


@pytest.mark.parametrize("per", ["batch", "row"])
def test_images_are_those_of_cutmix(per):
    x = images()
    plans = [
        m.draw(x, generator=generator()) for m in (CutMix(per=per), TransMix(per=per))
    ]
    assert torch.equal(*(plan.apply(x) for plan in plans))
    assert_close(plans[0].lam, plans[1].lam)


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_labels_weigh_what_area_and_attention_say(per, ratio):
    net, x = Vit("fused"), images(6)
    plan = TransMix(ratio=ratio, per=per).draw(x, generator=generator(3))
    late, _ = passed(net, plan, x)
    paid = net.blocks[1].paid[:, 0, 1:].reshape(6, 4, 4)
    mixed_from = plan.mask.expand(6, -1, -1)
    for i in range(6):
        own = partner = 0.0
        for row in range(4):
            for column in range(4):
                cell = mixed_from[i, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
                share = float(cell.float().mean())
                own += (1 - share) * float(paid[i, row, column])
                partner += share * float(paid[i, row, column])
        wanted = ratio * float(plan.lam[i]) + (1 - ratio) * own / (own + partner)
        assert abs(float(late.label_weights[0][i]) - wanted) < 1e-5
    assert_close(sum(late.label_weights), torch.ones(6))


def test_attention_to_the_own_half_is_for_the_own_label():
    looks_left = [[[3.0, 1.0]], [[3.0, 1.0]]]
    assert box_plan(attention=looks_left).label_weights[0].tolist() == [0.75, 0.75]
    looks_right = [[[0.0, 1.0]], [[0.0, 1.0]]]
    assert box_plan(attention=looks_right).label_weights[0].tolist() == [0.0, 0.0]


def test_area_counts_by_its_share_and_not_by_its_pixels():
    even = [[[1.0, 1.0]], [[1.0, 1.0]]]
    plan = box_plan(attention=even, ratio=0.5)
    assert plan.label_weights[0].tolist() == [0.5, 0.5]


def test_without_any_attention_the_area_counts():
    nothing = [[[0.0, 0.0]], [[0.0, 0.0]]]
    assert box_plan(attention=nothing).label_weights[0].tolist() == [0.5, 0.5]


def test_weights_are_not_there_before_the_pass():
    with pytest.raises(ValueError, match="follow from what the net shows"):
        _ = box_plan().label_weights
    with pytest.raises(ValueError, match="TransMix learns the weights of labels"):
        TransMix()(images(), torch.arange(4) % 2, n_classes=2)


def test_a_closed_gate_is_no_mixing():
    plan = TransMix(p=0).draw(images(), generator=generator())
    assert plan.is_identity
    rows = TransMix(per="row", p=0.5).draw(images(8), generator=generator())
    late, _ = passed(Vit(), rows, images(8))
    clean = rows.lam == 1
    assert 0 < clean.sum() < 8
    assert bool((late.label_weights[0][clean] == 1).all())


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"ratio": 1.5}, ValueError, "ratio must be a number between 0 and 1"),
        ({"layer": 3}, TypeError, "layer must be 'auto' or the name of a layer"),
    ],
)
def test_parameters_are_checked(params, error, message):
    with pytest.raises(error, match=message):
        TransMix(**params).draw(images())


def test_what_is_no_image_is_refused():
    with pytest.raises(ValueError, match=r"TransMix looks at images .* \(4, 5\)"):
        TransMix().draw(torch.rand(4, 5))


def fitted(**params):
    x = images(24, seed=1).numpy()
    settings = {"max_epochs": 5, "batch_size": 8, "random_state": 0, "lr": 0.01}
    model = MixupClassifier(**({"module": Vit("fused")} | settings | params))
    return model.fit(x, (x.mean((1, 2, 3)) > 0.5).astype(int)), x


def test_a_classifier_trains_with_it_and_twice_alike():
    first, x = fitted(mix="trans_mix")
    assert same_weights(first, fitted(mix="trans_mix")[0])
    assert first.predict_proba(x).shape == (24, 2)
    assert not same_weights(first, fitted(mix="cutmix")[0])


def test_by_area_alone_it_trains_as_cutmix():
    area, _ = fitted(mix="trans_mix", mix__ratio=1.0)
    plain, _ = fitted(mix="cutmix")
    for one, other in zip(
        area.module_.parameters(), plain.module_.parameters(), strict=True
    ):
        assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_a_net_without_attention_is_refused_before_training():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.LazyLinear(2))
    with pytest.raises(ValueError, match="TransMix reads where a net looks"):
        fitted(mix="trans_mix", module=net)
