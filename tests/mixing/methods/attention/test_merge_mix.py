"""MergeMix: patches that the net attends to stay, in groups of alike ones."""

import pytest
import torch
from torch import nn

from sk_mixup import MixupClassifier
from sk_mixup.mixing import MergeMix, MixContext
from sk_mixup.mixing.methods.attention._merge_mix import most_paid
from tests.builders import generator, same_weights
from tests.mixing.methods.attention.nets import Vit, images, paid_to_patches


def drawn(method, net, x, seed=0):
    context = MixContext(module=net)
    return method.draw(x, generator=generator(seed), context=context)


@pytest.mark.parametrize("kind", ["fused", "multi_head", "softmax"])
def test_without_merging_the_most_attended_patches_stay(kind):
    net, x = Vit(kind), images()
    plan = drawn(MergeMix(1e4, merge=0.0), net, x)
    paid = paid_to_patches(net, x, 1).flatten(1)
    kept = (~plan.mask[:, ::4, ::4]).flatten(1)
    n_kept = int(kept[0].sum())
    assert 0 < n_kept < 16
    for row, stays in zip(paid, kept, strict=True):
        best = set(row.argsort(descending=True)[:n_kept].tolist())
        assert set(stays.nonzero().flatten().tolist()) == best


def test_it_reads_the_class_token_and_not_the_first_patch():
    net, x = Vit("softmax"), images()
    paid_to_patches(net, x, 1)
    first_patch = net.blocks[1].paid[:, 1:, 1].reshape(4, -1)
    class_token = net.blocks[1].paid[:, 0, 1:].reshape(4, -1)
    half = torch.full((4,), 0.5)
    assert not torch.equal(most_paid(first_patch, half), most_paid(class_token, half))
    plan = drawn(MergeMix(1e4, merge=0.0), net, x)
    lam = plan.lam
    stays = (~plan.mask[:, ::4, ::4]).flatten(1)
    assert torch.equal(stays, most_paid(class_token, lam))


def test_alike_patches_stay_or_go_together():
    class Says(nn.Module):
        """Keys of two kinds, in pairs; those of the first kind are paid more."""

        def forward(self, x):
            kinds = torch.eye(2).repeat_interleave(2, 0).repeat(4, 1)
            keys = torch.cat((torch.zeros(1, 2), kinds)).expand(len(x), 1, -1, -1)
            query = torch.tensor([0.5, 0.1]).expand_as(keys)
            return nn.functional.scaled_dot_product_attention(query, keys, keys)

    plan = drawn(MergeMix(1e4, merge=14 / 16), Says(), images())
    stays = (~plan.mask[:, ::4, ::4]).flatten(1)[0]
    n_kept = int(stays.sum())
    assert 2 < n_kept < 16
    of_first_kind = torch.tensor([True, True, False, False]).repeat(4)
    assert int(stays[of_first_kind].sum()) == min(n_kept, 8)


def test_merging_moves_what_stays():
    net, x = Vit(), images()
    plans = [drawn(MergeMix(1e4, merge=m), net, x) for m in (0.0, 0.75)]
    assert torch.equal(plans[0].lam, plans[1].lam)
    assert not torch.equal(plans[0].mask, plans[1].mask)


@pytest.mark.parametrize("per", ["batch", "row"])
def test_lambda_is_the_share_of_the_patches(per):
    x = images(6)
    plan = drawn(MergeMix(per=per), Vit(), x)
    share = 1 - plan.mask.flatten(1).float().mean(1)
    assert torch.equal(plan.label_weights[0], share)
    mask = plan.mask.unsqueeze(1)
    assert torch.equal(plan.apply(x), torch.where(mask, x[plan.partner], x))


def test_a_share_of_lambda_stays_rounded_down():
    paid = torch.arange(10.0).expand(4, -1)
    lam = torch.tensor([0.0, 0.3, 0.39, 1.0])
    assert most_paid(paid, lam).sum(1).tolist() == [0, 3, 3, 10]
    assert most_paid(paid, lam)[1].nonzero().flatten().tolist() == [7, 8, 9]


@pytest.mark.parametrize("merge", [-0.1, 1.0, 1.5])
def test_merge_is_checked(merge):
    with pytest.raises(ValueError, match="merge must be"):
        drawn(MergeMix(merge=merge), Vit(), images())


def test_misuse_is_named():
    with pytest.raises(ValueError, match="MergeMix reads where a net looks"):
        drawn(MergeMix(), nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()), images())
    with pytest.raises(ValueError, match="no net is known"):
        MergeMix().draw(images())
    with pytest.raises(TypeError, match="MergeMix looks at images"):
        drawn(MergeMix(), Vit(), images().long())


def test_a_classifier_trains_with_it_and_twice_alike():
    x = images(24, seed=1).numpy()
    y = (x.mean((1, 2, 3)) > 0.5).astype(int)
    params = {"max_epochs": 5, "batch_size": 8, "random_state": 0, "lr": 0.01}
    first, second = (
        MixupClassifier(Vit(), mix="merge_mix", **params).fit(x, y) for _ in range(2)
    )
    assert same_weights(first, second)
