"""SSMix: the least telling span gives way to the partner's most telling one."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import MixContext, SSMix
from tests.builders import generator
from tests.mixing.builders import streams


class Reader(nn.Module):
    """Weighs its tokens: an id counts by its own number, a vector by its length."""

    def __init__(self, n_tokens=60):
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, 3, padding_idx=0)
        self.drop = nn.Dropout(0.5)
        self.scale = nn.Parameter(torch.linspace(0.1, 6.0, n_tokens))
        self.head = nn.Linear(3, 3)

    def forward(self, input_ids, attention_mask=None):
        vectors = self.drop(self.embedding(input_ids))
        vectors = vectors * self.scale[input_ids].unsqueeze(2)
        if attention_mask is not None:
            vectors = vectors * attention_mask.unsqueeze(2)
        return self.head(vectors.mean(1))


def net():
    torch.manual_seed(0)
    return Reader()


LENGTHS = [20, 13, 8, 20, 1]


def texts(seed=0):
    ids = torch.randint(1, 60, (5, 20), generator=generator(seed))
    return ids * (torch.arange(20) < torch.tensor(LENGTHS).unsqueeze(1))


Y = torch.tensor([0, 1, 2, 0, 1])


def slow_saliency(module, ids, y):
    """One row at a time, in evaluation mode."""
    module.eval()
    found = []
    for row, label in zip(ids, y, strict=True):
        vectors = module.embedding(row[None]).detach().requires_grad_()
        read = (vectors * module.scale[row].unsqueeze(1)).mean(1)
        loss = nn.functional.cross_entropy(module.head(read), label[None])
        (slope,) = torch.autograd.grad(loss, vectors)
        found.append(slope[0].norm(dim=1))
    return torch.stack(found)


def slow_mixture(ids, saliency, partner, span):
    """Try every place of the span in both texts."""
    mixed, lam = ids.clone(), []
    for i, j in enumerate(partner):
        n = min(max(int(LENGTHS[i] * span + 1e-9), 1), LENGTHS[i], LENGTHS[j])
        own = [float(saliency[i, a : a + n].sum()) for a in range(LENGTHS[i] - n + 1)]
        other = [float(saliency[j, a : a + n].sum()) for a in range(LENGTHS[j] - n + 1)]
        a, b = own.index(min(own)), other.index(max(other))
        mixed[i, a : a + n] = ids[j, b : b + n]
        lam.append(1 - n / LENGTHS[i])
    return mixed, torch.tensor(lam)


@pytest.mark.parametrize("span", [0.1, 0.3, 1.0])
def test_spans_are_those_that_a_slow_search_finds(span):
    ids, module = texts(), net()
    plan = SSMix(span).draw(
        ids, Y, generator=streams(), context=MixContext(module=module)
    )
    saliency = slow_saliency(net(), ids, Y)
    mixed, lam = slow_mixture(ids, saliency, plan.partner.tolist(), span)
    assert torch.equal(plan.apply(ids), mixed)
    assert_close(plan.lam, lam)


def test_dropout_is_off_while_gradients_are_taken():
    # Public code looks with dropout on: two looks then differ.
    ids, module = texts(), net().train()
    context = MixContext(module=module)
    torch.manual_seed(1)
    plans = [SSMix().draw(ids, Y, generator=streams(), context=context) for _ in "12"]
    assert torch.equal(plans[0].apply(ids), plans[1].apply(ids))
    assert module.training
    assert module.drop.training


@pytest.mark.parametrize("n_rows", [1, 2, 3, 5])
def test_odd_batches_are_mixed_too(n_rows):
    ids = texts()[:n_rows]
    context = MixContext(module=net())
    plan = SSMix().draw(ids, Y[:n_rows], generator=streams(), context=context)
    assert len(plan.apply(ids)) == n_rows
    if n_rows > 1:
        assert bool((plan.lam < 1).all())


def test_a_dict_keeps_its_mask():
    ids = texts() + (texts() == 0) * 7
    mask = (texts() != 0).long()
    x = {"input_ids": ids, "attention_mask": mask}
    plan = SSMix(0.3).draw(x, Y, generator=streams(), context=MixContext(module=net()))
    mixed = plan.apply(x)
    assert torch.equal(mixed["attention_mask"], mask)
    # Padding stays, and none of it is taken.
    assert torch.equal(mixed["input_ids"][mask == 0], ids[mask == 0])
    assert bool((mixed["input_ids"] != ids).any())
    saliency = slow_saliency(net(), ids * mask, Y) * mask
    expected, _ = slow_mixture(ids, saliency, plan.partner.tolist(), 0.3)
    assert_close(plan.lam, slow_mixture(ids, saliency, plan.partner.tolist(), 0.3)[1])
    assert mixed["input_ids"].shape == expected.shape


def test_protected_tokens_stay_where_they_are():
    ids = texts().clamp(max=57)
    ids[:, 0] = 58
    last = torch.tensor(LENGTHS) - 1
    ids[torch.arange(5), last] = 59
    ids[4, 0] = 58
    context = MixContext(module=net())
    for seed in range(5):
        method = SSMix(0.5, protect=(1, 1))
        plan = method.draw(ids, Y, generator=streams(seed), context=context)
        mixed = plan.apply(ids)
        for special in (58, 59):
            assert torch.equal(mixed == special, ids == special)
        # A text of nothing but protected tokens stays as it is.
        assert torch.equal(mixed[4], ids[4])
        assert plan.lam[4] == 1
        assert_close(float(plan.lam[0]) < 1, int(plan.length[0]) > 0)


def test_vectors_are_texts_too():
    module = nn.Sequential(nn.Flatten(), nn.Linear(24, 3))
    x = torch.rand(4, 6, 4, generator=generator(1))
    x[1, 4:] = 0
    context = MixContext(module=module)
    plan = SSMix(0.5).draw(x, Y[:4], generator=streams(), context=context)
    assert plan.length[1] == 2
    assert_close(float(plan.lam[1]), 0.5)
    mixed = plan.apply(x)
    assert not bool(mixed[1, 4:].any())


def test_batches_that_are_not_looked_at_have_random_spans():
    ids, seen = texts(), []

    class Counted(Reader):
        def forward(self, *args):
            seen.append(1)
            return super().forward(*args)

    context = MixContext(module=Counted())
    lams = [
        SSMix(every=3).draw(ids, Y, generator=streams(s), context=context).lam[0]
        for s in range(30)
    ]
    # Two more find the embedding.
    assert 4 <= len(seen) <= 18
    # Two of twenty tokens, or the only one of a partner.
    assert {round(float(lam), 3) for lam in lams} == {0.9, 0.95}


def test_no_span_is_no_mixing():
    ids = texts()
    plan = SSMix(0).draw(ids, Y, context=MixContext(module=net()))
    assert plan.is_identity
    assert SSMix(0).never_mixes


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(4, 3, 8, 8), "SSMix mixes texts.*For images use SaliencyMix"),
        (torch.rand(4, 6), "SSMix mixes texts.*for other rows Mixup"),
        ({"image": torch.rand(4, 3)}, r"by one of the names.*got \['image'\]"),
        ({"ids": torch.rand(4, 3)}, "got torch.float32"),
    ],
)
def test_what_is_no_text_is_refused(x, message):
    with pytest.raises(ValueError, match=message):
        SSMix().draw(x, Y[:4], context=MixContext(module=net()))


def test_a_net_without_an_embedding_is_named():
    class Counting(nn.Module):
        def forward(self, ids):
            return torch.stack([(ids == k).sum(1) for k in range(3)], 1).float()

    with pytest.raises(ValueError, match=r"SSMix looks at the vectors.*ManifoldMixup"):
        SSMix().draw(texts(), Y, context=MixContext(module=Counting()))
    with pytest.raises(ValueError, match="layer 'head' returns shape"):
        SSMix(layer="head").draw(texts(), Y, context=MixContext(module=net()))


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"span": 1.5}, ValueError, "span must be a number between 0 and 1"),
        ({"protect": 1}, TypeError, "protect must be a pair of integers"),
        ({"protect": (1, -1)}, ValueError, "protect must be an integer of at least 0"),
        ({"padding": -1}, ValueError, "padding must be an integer of at least 0"),
    ],
)
def test_parameters_are_checked(params, error, message):
    with pytest.raises(error, match=message):
        SSMix(**params).draw(texts(), Y, context=MixContext(module=net()))
