"""TokenMix: blocks of patches, and labels by what the patches of the images say."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from sk_mixup import MixupClassifier
from sk_mixup.mixing import MixContext, TokenMix
from sk_mixup.mixing.looks import class_activations
from sk_mixup.mixing.methods.attention._token_blocks import token_blocks
from sk_mixup.mixing.methods.attention._token_mix import label_shares
from sk_mixup.mixing.plans import MaskPlan
from tests.builders import generator, same_weights
from tests.mixing.methods.attention.nets import Vit, images, paid_to_patches

Y = torch.tensor([0, 1, 0, 1])


def cnn():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )


def drawn(method, net=None, seed=0, x=None):
    context = MixContext(module=net)
    x = images() if x is None else x
    return method.draw(x, Y, generator=generator(seed), context=context)


def cells(plan, size=4):
    return plan.mask[:, ::size, ::size]


@given(
    shape=st.tuples(st.integers(1, 14), st.integers(1, 14)),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**20),
)
@settings(max_examples=60)
def test_masks_have_exactly_so_many_cells(shape, share, seed):
    wanted = round(share * shape[0] * shape[1])
    mask = token_blocks(shape, wanted, seed)
    assert mask.shape == shape
    assert int(mask.sum()) == wanted
    assert torch.equal(mask, token_blocks(shape, wanted, seed))


def test_masks_are_several_blocks_and_not_noise():
    masks = [token_blocks((14, 14), 98, seed).float() for seed in range(20)]
    # Beside a marked cell there is a marked one far more often than by chance.
    alike = sum((m[:, 1:] * m[:, :-1]).sum() / m[:, 1:].sum() for m in masks) / 20
    assert alike > 0.8
    assert any(0 < m[0, 0] + m[-1, -1] < 2 for m in masks)


@pytest.mark.parametrize("per", ["batch", "row"])
def test_whole_patches_move(per):
    net, x = Vit(), images()
    plan = drawn(TokenMix(per=per), net, x=x)
    whole = cells(plan).repeat_interleave(4, 1).repeat_interleave(4, 2)
    assert torch.equal(plan.mask, whole)
    mask = plan.mask.expand(4, -1, -1).unsqueeze(1)
    assert torch.equal(plan.apply(x), torch.where(mask, x[plan.partner], x))


@pytest.mark.parametrize("source", ["auto", "attention"])
def test_labels_weigh_by_attention_to_the_clean_images(source):
    net, x = Vit("fused"), images()
    plan = drawn(TokenMix(source=source, per="row"), net, seed=2, x=x)
    paid = paid_to_patches(net, x, 1)
    for i, j in enumerate(plan.partner.tolist()):
        taken = cells(plan)[i].float()
        own = float(((1 - taken) * paid[i]).sum() / paid[i].sum())
        other = float((taken * paid[j]).sum() / paid[j].sum())
        assert abs(float(plan.label_weights[0][i]) - own / (own + other)) < 1e-5


@pytest.mark.parametrize("source", ["auto", "activation"])
def test_labels_weigh_by_class_activations_of_a_cnn(source):
    net, x = cnn(), images()
    plan = drawn(TokenMix(source=source), net, seed=2, x=x)
    maps = class_activations(MixContext(module=net), x, Y).clamp(min=0)
    assert_close(plan.label_weights[0], label_shares(maps, plan.partner, plan.mask))


def test_what_is_seen_of_an_image_is_for_its_own_label():
    maps = torch.tensor([[[4.0, 0.0]], [[1.0, 1.0]]])
    mask = torch.tensor([[[False, True]]])
    # Of image 0 all that speaks stays, beside half of image 1; the other way round
    # nothing of image 0 that speaks comes in.
    found = label_shares(maps, torch.tensor([1, 0]), mask)
    assert_close(found, torch.tensor([2 / 3, 1.0]))


def test_a_trained_net_makes_the_maps():
    trained, x = cnn(), images()
    plan = drawn(TokenMix(network=trained), None, x=x)
    wanted = drawn(TokenMix(), trained, x=x)
    assert torch.equal(plan.mask, wanted.mask)
    assert_close(plan.label_weights[0], wanted.label_weights[0])


def test_the_average_of_the_training_makes_the_maps():
    net, x = cnn(), images()
    method = TokenMix(network="average", decay=0.5)
    first = drawn(method, net, x=x)
    assert_close(first.label_weights[0], drawn(TokenMix(), net, x=x).label_weights[0])
    with torch.no_grad():
        net[4].weight.copy_(torch.randn(2, 4, generator=generator(5)))
    halfway = drawn(method, net, x=x).label_weights[0]
    assert not torch.equal(halfway, drawn(TokenMix(), net, x=x).label_weights[0])


def test_batches_that_are_not_looked_at_are_cut():
    plans = [drawn(TokenMix(every=4), cnn(), seed=seed) for seed in range(20)]
    n_looked = sum(isinstance(plan, MaskPlan) for plan in plans)
    assert 0 < n_looked < 15


def test_the_grid_can_be_given():
    plan = drawn(TokenMix(grid=2), cnn())
    assert torch.equal(
        plan.mask, cells(plan, 8).repeat_interleave(8, 1).repeat_interleave(8, 2)
    )


class Strided(nn.Module):
    """Its map has another size when `stride` has."""

    def __init__(self, stride):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 1, 3, 3, generator=generator()))
        self.maps, self.head = nn.ReLU(), nn.Linear(4, 2)
        self.stride = stride
        nn.init.eye_(self.head.weight)

    def forward(self, x):
        x = functional.conv2d(x, self.weight, stride=self.stride)
        return self.head(self.maps(x).mean((2, 3)))


@pytest.mark.parametrize("grid", ["auto", 3])
@pytest.mark.parametrize("per", ["batch", "row"])
def test_masks_laid_out_for_another_map_are_laid_out_anew(per, grid):
    method, net, x = TokenMix(per=per, grid=grid), Strided(2), images()
    drawn(method, net, x=x)
    for stride in (2, 3, 3, 2):
        net.stride = stride
        plan = drawn(method, net, seed=4, x=x)
        wanted = drawn(method, Strided(stride), seed=4, x=x)
        assert torch.equal(plan.mask, wanted.mask)
        assert_close(plan.label_weights[0], wanted.label_weights[0])


def test_the_look_leaves_no_trace():
    net, x = cnn().train(), images()
    net[0].weight.grad = torch.ones_like(net[0].weight)
    drawn(TokenMix(), net, x=x)
    assert net.training
    assert bool((net[0].weight.grad == 1).all())


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"source": "cam"}, ValueError, "source must be one of"),
        ({"grid": 0}, ValueError, "grid must be an integer of at least 1"),
        ({"network": 3}, ValueError, "network must be 'training', 'average' or"),
        ({"decay": 1}, ValueError, "decay=1 would never take a new weight in"),
        ({"every": 0}, ValueError, "every must be an integer of at least 1"),
    ],
)
def test_parameters_are_checked(params, error, message):
    with pytest.raises(error, match=message):
        drawn(TokenMix(**params), cnn())


def test_misuse_is_named():
    with pytest.raises(ValueError, match="no net is known"):
        TokenMix().draw(images(), Y)
    with pytest.raises(ValueError, match="TokenMix looks at images"):
        drawn(TokenMix(), cnn(), x=torch.rand(4, 3))
    with pytest.raises(ValueError, match="TokenMix reads where a net looks"):
        drawn(TokenMix(source="attention"), cnn())
    flat = nn.Sequential(nn.Flatten(), nn.Linear(256, 2))
    with pytest.raises(ValueError, match="no layer of Sequential returns one"):
        drawn(TokenMix(), flat)


@pytest.mark.parametrize("net", [Vit("fused"), cnn()], ids=["vit", "cnn"])
def test_a_classifier_trains_with_it_and_twice_alike(net):
    x = images(24, seed=1).numpy()
    y = (x.mean((1, 2, 3)) > 0.5).astype(int)
    params = {"max_epochs": 5, "batch_size": 8, "random_state": 0, "lr": 0.01}
    first, second = (
        MixupClassifier(net, mix="token_mix", **params).fit(x, y) for _ in range(2)
    )
    assert same_weights(first, second)
    assert first.predict_proba(x).shape == (24, 2)
