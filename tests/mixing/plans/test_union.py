"""Attention masks of texts whose embedding is mixed: the union of both."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import (
    FixedLaw,
    ManifoldMixup,
    MixContext,
    Mixup,
    Repeat,
    mix_layer,
)
from tests.builders import generator


class Reader(nn.Module):
    """Averages the vectors of tokens where the mask is set."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(9, 5)
        self.head = nn.Linear(5, 2)

    def forward(self, ids, mask):
        present = mask.unsqueeze(2).float()
        words = self.embedding(ids) * present
        return self.head(words.sum(1) / present.sum(1))


IDS = torch.tensor([[1, 2, 0, 0], [3, 4, 5, 6], [7, 8, 1, 0], [2, 0, 0, 0]])
BATCH = {"ids": IDS, "mask": IDS > 0}


def drawn(net, union="mask", **options):
    method = ManifoldMixup(layers=["embedding"], union=union, **options)
    context = MixContext(module=net)
    return method.draw(BATCH, generator=generator(), context=context)


def slow_output(net, plan):
    """Mix and average word by word."""
    rows = []
    for i in range(len(IDS)):
        j, lam = int(plan.partner[i]), float(plan.lam[i])
        words = []
        for t in range(IDS.shape[1]):
            if IDS[i, t] > 0 or IDS[j, t] > 0:
                own, other = net.embedding.weight[IDS[i, t]], None
                other = net.embedding.weight[IDS[j, t]]
                words.append(lam * own + (1 - lam) * other)
        rows.append(torch.stack(words).mean(0))
    return net.head(torch.stack(rows))


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float32])
def test_a_mixed_text_has_words_where_one_of_both_has(per, dtype):
    net = Reader()
    plan = drawn(net, per=per)
    batch = {"ids": IDS, "mask": (IDS > 0).to(dtype)}
    with mix_layer(net, plan):
        output = net(**batch)
    assert_close(output, slow_output(net, plan))


# MixText and xashru/mixup-text: with the own mask alone, what a longer partner adds
# behind the end of the own text is never read.
def test_without_union_the_own_mask_holds():
    net = Reader()
    with mix_layer(net, drawn(net)):
        joined = net(**BATCH)
    with mix_layer(net, drawn(net, union=())):
        alone = net(**BATCH)
    assert not torch.allclose(joined, alone)


def test_rows_that_are_not_mixed_keep_their_mask():
    net = Reader()
    plan = drawn(net, law=FixedLaw(1.0), per="row")
    with mix_layer(net, plan):
        output = net(**BATCH)
    assert_close(output, net(**BATCH))


def test_no_hook_is_left():
    net = Reader()
    with mix_layer(net, drawn(net)):
        net(**BATCH)
    assert not net._forward_pre_hooks
    assert torch.equal(net(**BATCH), Reader.forward(net, **BATCH))


def test_the_masks_of_the_batch_stay_as_they_are():
    net, before = Reader(), BATCH["mask"].clone()
    with mix_layer(net, drawn(net)):
        net(**BATCH)
    assert torch.equal(BATCH["mask"], before)


def test_more_rows_than_the_batch_have_their_masks():
    net = Reader()
    method = Repeat(ManifoldMixup(layers=["embedding"], union="mask"), k=3)
    plan = method.draw(BATCH, generator=generator(), context=MixContext(module=net))

    class Wide(Reader):
        def forward(self, ids, mask):
            self.seen = mask
            return self.head(self.embedding(ids).mean(1))

    wide = Wide()
    with mix_layer(wide, plan):
        assert wide(**BATCH).shape == (12, 2)
    assert wide.seen.shape == (12, 4)


def test_a_key_that_the_input_lacks_is_named():
    with pytest.raises(ValueError, match=r"no entry 'masks'; it has \['ids', 'mask'\]"):
        drawn(Reader(), union="masks")


def test_an_input_without_keys_has_no_masks():
    method = ManifoldMixup(layers=["embedding"], union=("mask",))
    with pytest.raises(ValueError, match="no entry 'mask'; it has Tensor"):
        method.draw(IDS)


def test_masks_are_given_by_name():
    net = Reader()
    with (
        pytest.raises(ValueError, match="Reader got no tensor by the name 'mask'"),
        mix_layer(net, drawn(net)),
    ):
        net(IDS, IDS > 0)
    assert not net._forward_pre_hooks


def test_keys_are_names():
    with pytest.raises(TypeError, match="union must be names of masks"):
        ManifoldMixup(union=3).validate()


def test_the_entry_that_cannot_be_blended_is_named():
    plan = Mixup(1.0).draw(BATCH, generator=generator())
    with pytest.raises(TypeError, match=r"Entry 'ids' of the input: .*Mix their embed"):
        plan.apply(BATCH)
    with pytest.raises(TypeError, match=r"Entry 'mask'.*PerKey.*union='mask' of"):
        plan.apply({"words": torch.rand(4, 3), "mask": IDS > 0})
