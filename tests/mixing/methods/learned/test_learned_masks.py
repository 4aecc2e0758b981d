"""The plans of methods whose masks are learnt."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import (
    AdAutoMix,
    AutoMix,
    MemoryPairing,
    MixContext,
    SAMix,
)
from sk_mixup.mixing.methods.learned._learned import adjusted
from tests.builders import generator
from tests.mixing.methods.attention.nets import Vit
from tests.mixing.methods.learned.nets import cnn, companion_of, drawn, images

KINDS = [AutoMix, SAMix, AdAutoMix]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.short_name)


def uneven(method, net, x):
    """A companion whose masks are far from flat."""
    companion = companion_of(method, net, x)
    with torch.no_grad():
        for weight in companion.block.parameters():
            weight.mul_(100)
    return companion


def plain(kind, **params):
    return kind(**({"clean": False, "margin": 0.0, "adjust": 0.0} | params))


@every_kind
def test_pixels_are_blended_by_the_mask_and_labels_by_lambda(kind):
    net, (x, y) = cnn(), images()
    method = plain(kind)
    companion = uneven(method, net, x)
    plan = drawn(method, net, x, y, seed=3, companion=companion)
    mask = plan.mask.unsqueeze(1)
    assert_close(plan.apply(x), (1 - mask) * x + mask * x[plan.partner])
    assert_close(plan.lam, 1 - plan.mask.mean((1, 2)))
    lam = method.pairs_for(x, y, fresh(3), None)[1]
    assert_close(plan.label_weights[0], lam)
    assert plan.mask.std() > 1e-3


def fresh(seed):
    """The streams of `drawn`, behind the gate and the toss for `adjust`."""
    from sk_mixup.mixing import MixStreams
    from sk_mixup.mixing.draws import uniform

    streams = MixStreams.of(generator(seed))
    uniform(streams.gate)
    uniform(streams.site)
    return streams


@every_kind
def test_the_mask_is_that_of_the_block_for_maps_of_the_copy(kind):
    net, (x, y) = cnn(), images()
    method = plain(kind)
    companion = uneven(method, net, x)
    plan = drawn(method, net, x, y, companion=companion)
    with torch.no_grad():
        features = companion.copy.net[:3](x)
        lam = plan.label_weights[0]
        wanted = companion.block(features, features[plan.partner], lam, (8, 8))
    assert companion.layer == "2"
    assert_close(plan.mask, wanted)


@every_kind
def test_clean_rows_come_first(kind):
    net, (x, y) = cnn(), images()
    plan = drawn(kind(), net, x, y)
    both = plan.apply(x)
    assert len(both) == 16
    assert torch.equal(both[:8], x)
    assert plan.label_weights[0][:8].tolist() == [1.0] * 8


def test_lambda_per_row_is_one_per_row():
    net, (x, y) = cnn(), images()
    plan = drawn(plain(AutoMix, per="row"), net, x, y)
    assert len(set(plan.label_weights[0].tolist())) == 8


def test_where_one_image_is_hardly_there_pixels_are_blended_alike():
    net, (x, y) = cnn(), images()
    method = plain(AutoMix, alpha=0.1, per="row", margin=0.2)
    plan = drawn(method, net, x, y, companion=uneven(method, net, x))
    own = plan.label_weights[0]
    flat = torch.minimum(own, 1 - own) <= 0.2
    assert 0 < flat.sum() < 8
    spread = plan.mask.flatten(1).std(1)
    assert bool((spread[flat] == 0).all())
    assert bool((spread[~flat] > 0).all())
    assert_close(plan.lam[flat], own[flat])


@pytest.mark.parametrize("lam", [0.05, 0.3, 0.5, 0.9, 1.0])
def test_masks_are_scaled_to_the_lambda_that_the_net_sees(lam):
    mask = torch.rand(5, 4, 4, generator=generator())
    mask[0], mask[1] = 0.0, 1.0
    found = adjusted(mask, torch.full((5,), lam))
    assert_close(1 - found.mean((1, 2))[2:], torch.full((3,), lam))
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1 + 1e-6
    net, (x, y) = cnn(), images()
    method = plain(SAMix, adjust=1.0, per="row")
    plan = drawn(method, net, x, y, companion=uneven(method, net, x))
    assert_close(plan.lam, plan.label_weights[0], atol=1e-5, rtol=0.0)


@every_kind
def test_rows_of_a_closed_gate_stay_clean(kind):
    net, (x, y) = cnn(), images()
    plan = drawn(plain(kind, per="row", p=0.5), net, x, y)
    clean = plan.label_weights[0] == 1
    assert 0 < clean.sum() < 8
    assert torch.equal(plan.apply(x)[clean], x[clean])
    assert drawn(plain(kind, p=0.0), net, x, y).is_identity
    assert drawn(plain(kind, alpha=0), net, x, y).is_identity


def test_bytes_and_narrow_floats_are_mixed():
    net, (x, y) = cnn(), images()
    method = plain(AutoMix)
    companion = companion_of(method, net, x)
    bytes_ = (255 * x).to(torch.uint8)
    plan = drawn(method, net, bytes_, y, companion=companion)
    assert plan.apply(bytes_).dtype == torch.float32
    companion.learn(y)
    half = drawn(method, net, x.double(), y, companion=companion)
    assert half.apply(x.double()).dtype == torch.float64
    companion.learn(y)
    companion.step()


def test_a_module_that_works_in_place_reaches_no_rows():
    class Greedy(nn.Sequential):
        def forward(self, x):
            x -= x.mean()
            return super().forward(x)

    net, (x, y) = Greedy(*cnn()), images()
    before = x.clone()
    companion = companion_of(AutoMix(), net, x)
    drawn(AutoMix(), net, x, y, companion=companion)
    companion.learn(y)
    assert torch.equal(x, before)


# -- misuse --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"momentum": 1.5}, ValueError, "momentum must be a number between 0 and 1"),
        ({"lr": -1}, ValueError, "lr must be"),
        ({"mask_loss": -1}, ValueError, "mask_loss must be"),
        ({"margin": 0.6}, ValueError, "margin must be"),
        ({"adjust": 2}, ValueError, "adjust must be"),
        ({"every": 0}, ValueError, "every must be an integer of at least 1"),
        ({"clean": 1}, TypeError, "clean must be True or False"),
        ({"layer": None}, TypeError, "layer must be 'auto' or the name"),
        ({"pairing": MemoryPairing()}, ValueError, "keeps rows of earlier batches"),
    ],
)
def test_parameters_are_checked(params, error, message):
    with pytest.raises(error, match=message):
        AutoMix(**params).companion(cnn(), images()[0])


@pytest.mark.parametrize("bad", [{"eta": -1}, {"k": -0.1}])
def test_parameters_of_samix_are_checked(bad):
    with pytest.raises(ValueError, match="must be a number of at least 0"):
        SAMix(**bad).validate()


def test_beta_of_ad_auto_mix_is_checked():
    with pytest.raises(ValueError, match="beta must be a number between 0 and 1"):
        AdAutoMix(beta=1.1).validate()


@every_kind
def test_a_net_without_a_map_is_named(kind):
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    with pytest.raises(ValueError, match=f"{kind.__name__} looks at a map of features"):
        kind().companion(net, images()[0])
    with pytest.raises(ValueError, match=r"layer '6', and .*|'6' returns shape"):
        kind(layer="6").companion(cnn(), images()[0])
    with pytest.raises(ValueError, match="has no layer 'neck'"):
        kind(layer="neck").companion(cnn(), images()[0])


@every_kind
def test_what_is_no_image_is_named(kind):
    with pytest.raises(ValueError, match=f"{kind.__name__} looks at images"):
        kind().companion(cnn(), torch.rand(4, 3))
    with pytest.raises(ValueError, match="got an input of type dict"):
        kind().draw({"x": images()[0]}, context=MixContext(module=cnn()))


def test_an_earlier_layer_can_be_named():
    companion = companion_of(AutoMix(layer="0"), cnn(), images()[0])
    assert companion.layer == "0"
    assert companion.block.channels == 6


# -- which map -------------------------------------------------------------------


@pytest.mark.parametrize("prefix", [0, 1])
def test_tokens_on_a_grid_are_a_map(prefix):
    net, x = Vit("softmax", prefix), images(size=16)[0]
    companion = companion_of(AutoMix(), net, x)
    assert companion.layer == "norm"
    seen = companion._look(x)
    with torch.no_grad():
        kept = []
        hooked = companion.copy.net.norm.register_forward_hook(
            lambda part, inputs, output: kept.append(output)
        )
        companion.copy.net(x)
        hooked.remove()
    assert_close(seen.features.flatten(2).mT, kept[0][:, prefix:])
    assert companion.mask(x, torch.arange(8).roll(1), torch.rand(8)).shape == (
        8,
        16,
        16,
    )


def test_what_tokens_pay_to_each_other_is_no_map():
    net = Vit("softmax")
    net.blocks[1].drop = nn.Identity()
    plain = net.blocks[1].forward

    def forward(tokens):
        score = tokens @ tokens.mT
        net.blocks[1].drop(score.unsqueeze(1).softmax(-1))
        return plain(tokens)

    net.blocks[1].forward = forward
    net.norm = nn.Identity()
    net.head = nn.Sequential(nn.Linear(8, 2))
    layer = companion_of(AutoMix(), net, images(size=16)[0]).layer
    assert layer != "blocks.1.drop"


def test_a_map_in_a_mapping_is_found():
    class Says(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = cnn()[:3]

        def forward(self, x):
            return {"maps": self.body(x), "loss": None}

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone, self.head = Says(), nn.Linear(6, 2)

        def forward(self, x):
            return self.head(self.backbone(x)["maps"].mean((2, 3)))

    companion = companion_of(AutoMix(layer="backbone"), Whole(), images()[0])
    assert companion.block.channels == 6
