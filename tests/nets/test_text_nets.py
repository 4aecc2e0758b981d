"""Nets for token ids: padding, masks, and mixing of words and sentences."""

import pytest
import torch

from sk_mixup.mixing import ManifoldMixup, MixContext, mix_layer
from sk_mixup.mixing.plans._linear import LinearPlan
from sk_mixup.nets import BagOfEmbeddings, TextCNN

NETS = {
    "cnn": lambda **kw: TextCNN(20, 3, d_embedding=6, n_filters=4, **kw),
    "mean": lambda **kw: BagOfEmbeddings(
        20, 3, d_embedding=6, d_hidden=5, pooling="mean", **kw
    ),
    "max": lambda **kw: BagOfEmbeddings(
        20, 3, d_embedding=6, d_hidden=0, pooling="max", **kw
    ),
    "both": lambda **kw: BagOfEmbeddings(20, 3, d_embedding=6, d_hidden=5, **kw),
}
IDS = torch.tensor([[3, 4, 5, 6, 7], [8, 9, 0, 0, 0]])


@pytest.fixture(params=NETS)
def make(request):
    return NETS[request.param]


def exchanged(lam, site):
    """Return the plan that mixes two rows with each other."""
    return LinearPlan(
        torch.tensor([1, 0]), torch.full((2,), lam), lam_host=lam, site=site
    )


@pytest.mark.parametrize("kind", [torch.bool, torch.int64, torch.float32])
def test_padding_changes_nothing(make, kind):
    net = make().eval()
    longer = torch.cat((IDS, torch.zeros(2, 4, dtype=torch.int64)), 1)
    expected = net(IDS)
    torch.testing.assert_close(net(longer), expected)
    torch.testing.assert_close(net(longer, (longer != 0).to(kind)), expected)
    torch.testing.assert_close(net(IDS[1:, :2]), expected[1:])


def test_a_mask_leaves_out_any_token(make):
    net = make(padding_idx=None).eval()
    masked = torch.tensor([[8, 9, 17, 18, 19]])
    mask = torch.tensor([[1, 1, 0, 0, 0]])
    torch.testing.assert_close(net(masked, mask), net(masked[:, :2]))


def test_a_mask_joined_beforehand_adds_no_padding(make):
    net = make().eval()
    joined = torch.ones_like(IDS, dtype=torch.bool)
    torch.testing.assert_close(net(IDS, joined), net(IDS))


def test_a_text_without_tokens_is_finite(make):
    net = make().train()
    output = net(torch.zeros(2, 4, dtype=torch.int64))
    output.sum().backward()
    assert output.isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())


def test_the_vector_of_padding_is_not_trained(make):
    net = make()
    net(IDS).sum().backward()
    assert (net.embedding.tokens.weight.grad[0] == 0).all()


def test_words_dropped_leave_no_trace():
    net = BagOfEmbeddings(20, 3, word_dropout=0.5)
    embedded = net.embedding(IDS)
    dropped = embedded[..., -1] == 0
    assert dropped[IDS != 0].any()
    assert (embedded[dropped] == 0).all()


# -- mixing ---------------------------------------------------------------------------


def test_mixed_embeddings_are_zero_at_padding_and_carry_the_mask(make):
    net = make().eval()
    plan = exchanged(0.7, "embedding")
    with mix_layer(net, plan):
        seen = []
        handle = net.embedding.register_forward_hook(lambda *a: seen.append(a[2]))
        net(IDS)
        handle.remove()
    mixed = seen[0]
    assert torch.allclose(mixed[0, :, -1], torch.tensor([1, 1, 0.7, 0.7, 0.7]))
    words = net.embedding.tokens(IDS)
    torch.testing.assert_close(mixed[0, 3, :-1], 0.7 * words[0, 3])
    torch.testing.assert_close(mixed[1, 0, :-1], 0.7 * words[1, 0] + 0.3 * words[0, 0])


def test_a_mixed_mean_divides_by_the_mixed_number_of_tokens():
    net = NETS["mean"]().eval()
    words = net.embedding.tokens(IDS)
    plan = exchanged(0.6, "embedding")
    seen = []
    handle = net.pooled.register_forward_hook(lambda *a: seen.append(a[2]))
    with mix_layer(net, plan):
        net(IDS)
    handle.remove()
    for row, (own, other) in enumerate([(0, 1), (1, 0)]):
        total = torch.zeros(6)
        count = 0.0
        for text, share in ((own, 0.6), (other, 0.4)):
            for place in range(5):
                if IDS[text, place] != 0:
                    total += share * words[text, place]
                    count += share
        torch.testing.assert_close(seen[0][row], total / count)


def test_a_mixed_maximum_looks_at_the_places_of_either_text():
    net = NETS["max"]().eval()
    with torch.no_grad():
        net.embedding.tokens.weight[1:].sub_(10.0)  # all below the zeros of padding
    words = net.embedding(IDS)[..., :-1]
    seen = []
    handle = net.pooled.register_forward_hook(lambda *a: seen.append(a[2]))
    with mix_layer(net, exchanged(0.6, "embedding")):
        net(IDS)
    handle.remove()
    mixed = 0.6 * words + 0.4 * words.flip(0)
    torch.testing.assert_close(seen[0], mixed.amax(1))
    one = NETS["max"]().eval()
    one.load_state_dict(net.state_dict())
    seen.clear()
    handle = one.pooled.register_forward_hook(lambda *a: seen.append(a[2]))
    one(IDS)
    handle.remove()
    assert (seen[0] < 0).all()  # padding took no part


def test_sentences_are_mixed_at_the_pooled_vector(make):
    net = make().eval()
    seen = []
    handle = net.pooled.register_forward_hook(lambda *a: seen.append(a[2]))
    net(IDS)
    handle.remove()
    with mix_layer(net, exchanged(0.7, "pooled")):
        output = net(IDS)
    torch.testing.assert_close(output, net.head(0.7 * seen[0] + 0.3 * seen[0].flip(0)))


def test_mix_as_an_argument_equals_the_layer(make):
    net = make().eval()
    with mix_layer(net, exchanged(0.7, "embedding")):
        expected = net(IDS)
    mixed = net(IDS, mix=exchanged(0.7, None).apply)
    torch.testing.assert_close(mixed, expected)


def test_a_mix_may_give_more_rows(make):
    net = make().eval()
    mixed = net(IDS, IDS != 0, mix=lambda x: torch.cat((x, x.flip(0), x)))
    torch.testing.assert_close(mixed, net(IDS[[0, 1, 1, 0, 0, 1]]))


def test_auto_draws_words_and_sentences_and_never_ids(make):
    net = make()
    sites = ManifoldMixup().sites(net)
    assert sites == ["embedding", "pooled"]
    plan = ManifoldMixup().draw(
        IDS, torch.tensor([0, 1]), context=MixContext(module=net)
    )
    assert plan.site in sites


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: TextCNN(9, 2, widths=()), "widths"),
        (lambda: BagOfEmbeddings(9, 2, pooling="sum"), "pooling"),
    ],
)
def test_bad_settings(build, message):
    with pytest.raises(ValueError, match=message):
        build()
