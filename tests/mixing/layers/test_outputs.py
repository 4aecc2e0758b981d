"""What layers return: tensors, containers, sequences and states."""

from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import (
    ManifoldMixup,
    mix_layer,
)
from tests.mixing.layers.nets import bert, draw, generator, numbers, tokens


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
