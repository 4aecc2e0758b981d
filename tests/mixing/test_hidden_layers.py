"""Hidden layers of any module: what they return, which are found, what is left."""

import copy
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import (
    AlignMix,
    ManifoldMixup,
    MixContext,
    Mixup,
    OneOf,
    Repeat,
    mix_layer,
    try_layers,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


class Block(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.short = nn.Sequential(
            nn.Conv2d(n_in, n_out, 1, stride), nn.BatchNorm2d(n_out)
        )

    def forward(self, x):
        inner = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(inner + self.short(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, 1, 1)
        self.bn = nn.BatchNorm2d(4)
        self.relu = nn.ReLU()
        self.layer1 = nn.Sequential(Block(4, 4, 1), Block(4, 4, 1))
        self.layer2 = nn.Sequential(Block(4, 8, 2), Block(8, 8, 1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, 3)

    def forward(self, x, at=None, mix=None):
        """Run; `at` and `mix` are the edit by hand that the hook is compared with."""

        def mixed(name, h):
            return mix(h) if name == at else h

        h = mixed("stem", self.stem(x))
        h = self.relu(mixed("bn", self.bn(h)))
        for name in ("layer1", "layer2"):
            stage = getattr(self, name)
            if at is None:
                h = stage(h)
                continue
            for i, block in enumerate(stage):
                h = mixed(f"{name}.{i}", block(h))
            h = mixed(name, h)
        return self.fc(self.pool(h).flatten(1))


class Transformer(nn.Module):
    def __init__(self, batch_first=True):
        super().__init__()
        self.batch_first = batch_first
        self.embed = nn.Embedding(20, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, ids, at=None, mix=None):
        def mixed(name, h):
            if name != at:
                return h
            if self.batch_first or name == "embed":
                return mix(h)
            return mix(h.transpose(0, 1)).transpose(0, 1)

        h = mixed("embed", self.embed(ids))
        h = h if self.batch_first else h.transpose(0, 1)
        for i, layer in enumerate(self.encoder.layers):
            h = mixed(f"encoder.layers.{i}", layer(h))
        h = mixed("encoder", h)
        return self.head(h.mean(1 if self.batch_first else 0))


class EncoderNet(Transformer):
    """The same net, and hooks on the encoder as a whole work too."""

    def forward(self, ids, at=None, mix=None):
        if at is not None:
            return super().forward(ids, at, mix)
        h = self.embed(ids)
        h = self.encoder(h if self.batch_first else h.transpose(0, 1))
        return self.head(h.mean(1 if self.batch_first else 0))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(5, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, 6), nn.ReLU()
        )
        self.head = nn.Linear(6, 3)

    def forward(self, x, at=None, mix=None):
        if at is None:
            return self.head(self.body(x))
        h = x
        for i, layer in enumerate(self.body):
            h = layer(h)
            h = mix(h) if at == f"body.{i}" else h
        return self.head(mix(h) if at == "body" else h)


def ids():
    return torch.randint(0, 20, (6, 7), generator=generator(3))


def pixels():
    return torch.rand(6, 3, 8, 8, generator=generator(3))


def numbers():
    return torch.rand(6, 5, generator=generator(3))


def draw(method, net, x, seed=0):
    return method.draw(x, generator=generator(seed), context=MixContext(module=net))


CASES = [
    *[(ResNet, pixels, at) for at in ("stem", "bn", "layer1", "layer2", "layer2.0")],
    *[(EncoderNet, ids, at) for at in ("embed", "encoder", "encoder.layers.0")],
    *[
        (lambda: EncoderNet(batch_first=False), ids, at)
        for at in ("encoder", "encoder.layers.1")
    ],
    *[(MLP, numbers, at) for at in ("body", "body.0", "body.2")],
]


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize(("make", "data", "at"), CASES)
def test_a_hook_is_an_edit_by_hand(make, data, at, per):
    net, x = make(), data()
    by_hand = copy.deepcopy(net)
    plan = draw(ManifoldMixup(layers=[at], per=per), net, x)
    with mix_layer(net, plan):
        output = net(x)
    expected = by_hand(x, at, plan.apply)
    assert_close(output, expected, rtol=1e-6, atol=1e-6)
    assert not torch.allclose(output, copy.deepcopy(by_hand)(x))
    weights = torch.rand(output.shape, generator=generator(4))
    (output * weights).sum().backward()
    (expected * weights).sum().backward()
    for (name, one), other in zip(
        net.named_parameters(), by_hand.parameters(), strict=True
    ):
        assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-6, msg=name)
    for one, other in zip(net.buffers(), by_hand.buffers(), strict=True):
        assert_close(one, other)


def test_alignmix_is_an_edit_by_hand():
    net, x = ResNet(), pixels()
    by_hand = copy.deepcopy(net)
    plan = draw(AlignMix(layers=["layer2"]), net, x)
    with mix_layer(net, plan):
        output = net(x)
    expected = by_hand(x, "layer2", plan.apply)
    assert_close(output, expected, rtol=1e-6, atol=1e-6)
    output.square().sum().backward()
    expected.square().sum().backward()
    for one, other in zip(net.parameters(), by_hand.parameters(), strict=True):
        assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-6)


# -- what layers return ---------------------------------------------------------------


class Pair(NamedTuple):
    first: torch.Tensor
    second: object


class Returns(nn.Module):
    """A net whose layer returns something, and which returns that."""

    def __init__(self, make):
        super().__init__()
        self.layer = nn.Identity()
        self.make = make

    def forward(self, x):
        return self.layer(self.make(x))


def returned(make, x):
    net = Returns(make)
    plan = draw(ManifoldMixup(layers=["layer"]), net, x)
    with mix_layer(net, plan):
        return net(x), plan


def test_all_float_tensors_of_a_tuple_with_the_batch_first_are_mixed():
    x, table = numbers(), torch.rand(9, 2)
    codes = torch.arange(6)
    output, plan = returned(lambda x: (x, table, [2 * x, codes], "text", None), x)
    assert_close(output[0], plan.apply(x))
    assert output[1] is table
    assert_close(output[2][0], plan.apply(2 * x))
    assert output[2][1] is codes
    assert output[3:] == ("text", None)
    assert type(output[2]) is list


def test_a_dict_keeps_its_keys():
    output, plan = returned(lambda x: {"hidden": x, "n": 3}, numbers())
    assert_close(output["hidden"], plan.apply(numbers()))
    assert output["n"] == 3


def test_a_named_tuple_stays_one():
    output, plan = returned(lambda x: Pair(x, torch.arange(6)), numbers())
    assert isinstance(output, Pair)
    assert_close(output.first, plan.apply(numbers()))
    assert torch.equal(output.second, torch.arange(6))


def test_a_tensor_that_stands_twice_in_an_output_stays_one_tensor():
    output, _ = returned(lambda x: {"last": x, "all": (x + 1, x)}, numbers())
    assert output["all"][1] is output["last"]


def test_what_the_layer_returned_is_not_changed():
    x, seen = numbers(), {}

    def make(x):
        seen["output"] = {"hidden": x.clone()}
        return seen["output"]

    returned(make, x)
    assert torch.equal(seen["output"]["hidden"], x)


def test_no_tensor_with_the_batch_first():
    with pytest.raises(ValueError, match=r"'layer' returns \(5, 6\) for a batch of 6"):
        returned(lambda x: x.T, numbers())


class Recurrent(nn.Module):
    def __init__(self, kind, batch_first, reads):
        super().__init__()
        self.rnn = kind(4, 3, 2, batch_first=batch_first, bidirectional=True)
        self.head = nn.Linear(6, 2)
        self.reads = reads

    def forward(self, x):
        sequence, state = self.rnn(x if self.rnn.batch_first else x.transpose(0, 1))
        if self.reads == "state":
            last = state[0] if isinstance(state, tuple) else state
            return self.head(torch.cat((last[-2], last[-1]), 1))
        return self.head(sequence.mean(1 if self.rnn.batch_first else 0))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("reads", ["sequence", "state"])
@pytest.mark.parametrize("length", [6, 4])
def test_sequences_and_states_of_recurrent_layers_are_mixed(
    kind, batch_first, reads, length
):
    net = Recurrent(kind, batch_first, reads)
    # A length equal to the batch, or layers x directions equal to it, must not matter.
    x = torch.rand(4 if length == 6 else 6, length, 4, generator=generator())
    plan = draw(ManifoldMixup(layers=["rnn"]), net, x)
    with mix_layer(net, plan):
        output = net(x)
    # The head is linear, so mixing before it is mixing behind it.
    assert_close(output, plan.apply(net(x)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("batch_first", [True, False])
def test_attention_tells_where_its_batch_is(batch_first):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2, batch_first=batch_first)

        def forward(self, x):
            return self.attention(x, x, x)

    net = Net()
    x = torch.rand(6, 6, 4, generator=generator())
    clean, weights = net(x)
    plan = draw(ManifoldMixup(layers=["attention"]), net, x)
    with mix_layer(net, plan):
        output, mixed_weights = net(x)
    axis = 0 if batch_first else 1
    assert_close(output, plan.apply(clean.movedim(axis, 0)).movedim(0, axis))
    assert_close(mixed_weights, plan.apply(weights))


def test_a_packed_sequence_has_no_rows_to_mix():
    net = nn.Sequential(nn.LSTM(4, 3, batch_first=True))
    x = torch.rand(3, 5, 4)
    packed = nn.utils.rnn.pack_padded_sequence(x, [5, 3, 2], batch_first=True)
    plan = draw(ManifoldMixup(layers=["0"]), net, x)
    with (
        pytest.raises(TypeError, match=r"PackedSequence.*pad_packed_sequence"),
        mix_layer(net, plan),
    ):
        net(packed)


def bert():
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=30,
        hidden_size=8,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=10,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        num_labels=2,
    )
    return transformers, config


def tokens():
    mask = torch.ones(5, 7, dtype=torch.int64)
    mask[1, 4:] = 0
    mask[4, 5:] = 0
    chosen = torch.randint(0, 30, (5, 7), generator=generator())
    return {"input_ids": chosen, "attention_mask": mask}


@pytest.mark.parametrize("site", ["encoder.layer.1", "encoder", "embeddings"])
def test_layers_of_a_hugging_face_encoder(site):
    transformers, config = bert()
    net, x = transformers.BertModel(config), tokens()
    x["attention_mask"] = torch.ones_like(x["attention_mask"])
    plan = draw(ManifoldMixup(layers=[site]), net, x)
    with mix_layer(net, plan):
        output = net(**x)
    hidden = net(**x, output_hidden_states=True).hidden_states
    index = {"embeddings": 0, "encoder.layer.1": 2, "encoder": 3}[site]
    h = plan.apply(hidden[index])
    for layer in net.encoder.layer[index:]:
        h = layer(h)
        h = h[0] if isinstance(h, tuple) else h
    assert_close(output.last_hidden_state, h, rtol=1e-5, atol=1e-6)
    assert_close(output.pooler_output, net.pooler(h), rtol=1e-5, atol=1e-6)


def test_an_output_of_hugging_face_keeps_its_class_and_attributes():
    transformers, config = bert()
    net = nn.ModuleDict({"bert": transformers.BertModel(config)})
    net.forward = lambda x: net["bert"](**x)
    x = tokens()
    plan = draw(ManifoldMixup(layers=["bert"]), net, x)
    clean = net(x)
    with mix_layer(net, plan):
        output = net(x)
    assert type(output) is type(clean)
    assert_close(output.last_hidden_state, plan.apply(clean.last_hidden_state))
    assert output["pooler_output"] is output.pooler_output
    assert_close(output.pooler_output, plan.apply(clean.pooler_output))


# -- layers found by a trial ----------------------------------------------------------


def found(net, x, method=None):
    method = method or ManifoldMixup()
    draw(method, net, x)
    return method.sites(net)


def test_auto_finds_the_stages_of_a_resnet():
    assert found(ResNet(), pixels()) == ["input", "stem", "layer1", "layer2"]


def test_auto_finds_the_layers_of_an_mlp_but_not_its_head():
    assert found(MLP(), numbers()) == ["input", "body.0", "body.3"]


def test_auto_leaves_token_ids_out():
    sites = found(EncoderNet(), ids())
    assert sites == ["embed", "encoder.layers.0", "encoder.layers.1"]


def test_auto_finds_the_encoder_layers_of_a_hugging_face_model():
    transformers, config = bert()
    net = transformers.BertForSequenceClassification(config)
    layers = [f"bert.encoder.layer.{i}" for i in range(3)]
    assert found(net, tokens()) == ["bert.embeddings", *layers, "bert.pooler"]


def test_auto_finds_what_is_inside_a_wrapper():
    class Wrapper(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = MLP()

        def forward(self, x):
            return self.model(x)

    sites = found(Wrapper(), numbers())
    assert sites == ["input", "model.body.0", "model.body.3"]


class TwoBranches(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = nn.Linear(5, 4)
        self.right = nn.Linear(2, 4)
        self.fuse = nn.Linear(8, 6)
        self.head = nn.Linear(6, 2)

    def forward(self, left, right):
        h = torch.cat((self.left(left), self.right(right)), 1)
        return self.head(self.fuse(h).relu())


def test_auto_never_mixes_one_branch_of_two():
    x = {"left": numbers(), "right": torch.rand(6, 2)}
    assert found(TwoBranches(), x) == ["input", "fuse"]


def test_auto_leaves_a_branch_out_whose_head_starts_at_zero():
    net = TwoBranches()
    nn.init.zeros_(net.head.weight)
    x = {"left": numbers(), "right": torch.rand(6, 2)}
    assert found(net, x) == ["input", "fuse"]


def test_auto_leaves_out_layers_that_run_twice():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.shared = nn.Linear(5, 5), nn.Linear(5, 5)
            self.head = nn.Linear(5, 2)

        def forward(self, x):
            return self.head(self.shared(self.shared(self.first(x))))

    assert found(Twice(), numbers()) == ["input", "first"]


def test_auto_leaves_out_layers_with_the_batch_second():
    class Second(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
            self.head = nn.Linear(4, 2)

        def forward(self, x):
            # Two steps: the shape of two rows does not tell.
            return self.head(self.second(self.first(x).transpose(0, 1)).mean(0))

    assert found(Second(), torch.rand(6, 2, 4)) == ["input", "first"]


def test_auto_without_any_place_says_so():
    net = nn.Sequential(nn.EmbeddingBag(20, 3))
    with pytest.raises(ValueError, match="found no layer of Sequential"):
        draw(ManifoldMixup(), net, ids())


def test_auto_finds_the_same_layers_every_time():
    net, x = ResNet(), pixels()
    assert found(copy.deepcopy(net), x) == found(copy.deepcopy(net), x[:1])


def test_the_layers_of_a_net_are_found_once():
    class Counted(MLP):
        runs = 0

        def forward(self, x):
            self.runs += 1
            return super().forward(x)

    net = Counted()
    draw(ManifoldMixup(), net, numbers())
    runs = net.runs
    draw(AlignMix(), net, numbers())
    assert net.runs == runs > 0


def test_auto_of_alignmix_is_the_last_feature_map():
    assert found(ResNet(), pixels(), AlignMix()) == ["input", "layer2"]


def test_auto_draws_every_place():
    net, x, source = MLP(), numbers(), generator()
    context = MixContext(module=net)
    sites = {
        ManifoldMixup().draw(x, generator=source, context=context).site
        for _ in range(40)
    }
    assert sites == {None, "body.0", "body.3"}


def test_auto_needs_no_rows_once_it_knows_the_net():
    net = MLP()
    assert draw(ManifoldMixup(), net, numbers()[:0]).is_identity
    draw(ManifoldMixup(), net, numbers())
    assert draw(ManifoldMixup(), net, numbers()[:0]).is_identity


# -- a trial leaves nothing behind ----------------------------------------------------


class Noisy(ResNet):
    """Counts in a buffer, and draws numbers, even in evaluation mode."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.seen = self.seen + 1
        return super().forward(x + 0 * torch.rand(1))


@pytest.mark.usefixtures("unchanged_random_state")
def test_a_trial_leaves_the_net_as_it_was():
    with torch.random.fork_rng(devices=[]):
        net, x, y = Noisy(), pixels(), torch.arange(6)
    net.train()
    net.layer1[0].bn1.eval()  # A frozen part.
    state = copy.deepcopy(net.state_dict())
    modes = [part.training for part in net.modules()]
    fused = torch.backends.mha.get_fastpath_enabled()
    try_layers(ManifoldMixup(layers="auto"), net, x, y)
    for key, value in net.state_dict().items():
        assert torch.equal(value, state[key]), key
    assert [part.training for part in net.modules()] == modes
    assert torch.backends.mha.get_fastpath_enabled() == fused
    assert no_hooks(net)
    assert all(p.grad is None for p in net.parameters())


def no_hooks(net):
    return not any(
        part._forward_hooks or part._forward_pre_hooks for part in net.modules()
    )


def test_hooks_of_the_user_stay():
    net, x = MLP(), numbers()
    seen = []
    net.body.register_forward_hook(lambda *_: seen.append(1))
    plan = draw(ManifoldMixup(layers=["body"]), net, x)
    with mix_layer(net, plan):
        net(x)
    net(x)
    assert len(seen) == 2
    assert len(net.body._forward_hooks) == 1


@pytest.mark.parametrize("layers", ["auto", ["body.0"]])
def test_an_error_in_the_net_leaves_no_hooks(layers):
    class Fails(MLP):
        def forward(self, x):
            super().forward(x)
            raise KeyError("inside")

    net, x = Fails(), numbers()
    with pytest.raises(KeyError, match="inside"):
        try_layers(ManifoldMixup(layers=layers), net, x, torch.arange(6))
    assert no_hooks(net)
    assert net.training
    plan = draw(ManifoldMixup(layers=["body.0"]), net, x)
    with pytest.raises(KeyError, match="inside"), mix_layer(net, plan):
        net(x)
    assert no_hooks(net)


# -- errors before training -----------------------------------------------------------


def attempt(method, net, x):
    try_layers(method, net, x, torch.arange(len(x)))


class Repeats(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.relu = nn.Linear(5, 5), nn.ReLU()
        self.spare, self.head = nn.Linear(5, 5), nn.Linear(5, 2)

    def forward(self, x):
        return self.head(self.relu(self.body(self.relu(x))))


WRAPPED = [
    lambda method: method,
    lambda method: Repeat(method),
    lambda method: OneOf([Mixup(), method]),
    lambda method: OneOf([Mixup(), Repeat(method)]),
]


@pytest.mark.parametrize("wrap", WRAPPED)
@pytest.mark.parametrize("layers", ["relu", ["input", "body", "relu"]])
def test_a_layer_that_runs_twice(wrap, layers):
    method = wrap(ManifoldMixup(layers=layers))
    with pytest.raises(RuntimeError, match="'relu' ran 2 times"):
        attempt(method, Repeats(), numbers())


@pytest.mark.parametrize("wrap", WRAPPED)
def test_a_layer_that_never_runs(wrap):
    method = wrap(ManifoldMixup(layers=["body", "spare"], p=0.01, per="row"))
    with pytest.raises(RuntimeError, match="'spare' ran 0 times"):
        attempt(method, Repeats(), numbers())


def test_a_layer_with_the_batch_second_is_found_whatever_its_shape():
    net, x = EncoderNet(batch_first=False), ids()[:, :2]
    attempt(ManifoldMixup(layers=["encoder.layers.0"]), net, x)
    method = ManifoldMixup(layers=["encoder.layers.0.linear1"])
    message = r"linear1' returns shape \(2, 2, 16\) for 2 rows.*not the first axis"
    with pytest.raises(ValueError, match=message):
        attempt(method, net, x)


def test_alignmix_needs_a_feature_map():
    with pytest.raises(ValueError, match=r"'body' gave shape \(2, 6\)"):
        attempt(AlignMix(layers=["body"]), MLP(), numbers())


def test_ids_that_would_be_drawn_are_refused():
    with pytest.raises(TypeError, match="Mix their embedding"):
        attempt(ManifoldMixup(layers=["input", "embed"]), EncoderNet(), ids())


def test_patterns_leave_out_lists_of_layers():
    net = EncoderNet()
    sites = ManifoldMixup(layers=["encoder.layers*", "embed"]).sites(net)
    assert "encoder.layers" not in sites
    assert {"encoder.layers.0", "encoder.layers.1", "embed"} <= set(sites)


def test_one_row_is_enough_for_a_trial():
    attempt(ManifoldMixup(), ResNet(), pixels()[:1])


def test_other_methods_are_not_tried():
    attempt(Mixup(), nn.Linear(100, 3), numbers())


# -- wrapped modules ------------------------------------------------------------------


def test_layers_of_a_compiled_net_have_their_plain_names():
    net, x = MLP(), numbers()
    compiled = torch.compile(net, backend="eager")
    compiled(x)
    assert found(compiled, x) == ["input", "body.0", "body.3"]
    names = ["_orig_mod.body.0", "body.2"]
    assert ManifoldMixup(layers=names).sites(compiled) == ["body.0", "body.2"]
    plan = draw(ManifoldMixup(layers=["body.0"]), compiled, x)
    net.eval()
    with mix_layer(compiled, plan):
        output = compiled(x)
    assert_close(output, net(x, "body.0", plan.apply))
    assert no_hooks(net)


def test_a_compiled_part_of_a_net():
    net, x = MLP(), numbers()
    by_hand = copy.deepcopy(net)
    net.body = torch.compile(net.body, backend="eager")
    net(x)
    assert "body.0" in found(net, x)
    (
        net.eval(),
        by_hand.load_state_dict(
            {k.replace("_orig_mod.", ""): v for k, v in net.state_dict().items()}
        ),
    )
    plan = draw(ManifoldMixup(layers=["body.0"]), net, x)
    with mix_layer(net, plan):
        output = net(x)
    assert_close(output, by_hand.eval()(x, "body.0", plan.apply))


def test_layers_inside_data_parallel_have_their_plain_names():
    net, x = MLP(), numbers()
    parallel = nn.DataParallel(net)
    plan = draw(ManifoldMixup(layers=["body.0"]), parallel, x)
    if len(parallel.device_ids) < 2:
        parallel.device_ids = [0, 1]  # As on a machine with two devices.
    with (
        pytest.raises(ValueError, match="DataParallel over 2"),
        mix_layer(parallel, plan),
    ):
        parallel(x)
