"""Gradients of clean rows in their input, and the loss that they can be kept as."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from sk_mixup.mixing.looks import (
    input_gradients,
    look_back,
    plain_criterion,
    ready_loss,
)
from tests.mixing.looks.nets import context_of, images, pooled


def numeric(net, x, y, step=1e-6):
    """Change one value after the other, and see what the loss of its row does."""
    net = net.double().eval()
    x = x.double()
    gradient = torch.zeros_like(x)
    for place in range(x[0].numel()):
        up, down = x.clone().flatten(1), x.clone().flatten(1)
        up[:, place] += step
        down[:, place] -= step
        losses = [
            functional.cross_entropy(net(rows.view_as(x)), y, reduction="none")
            for rows in (up, down)
        ]
        gradient.flatten(1)[:, place] = (losses[0] - losses[1]).detach() / (2 * step)
    return gradient


def test_each_row_has_the_gradient_of_its_own_loss():
    net, (x, y) = pooled(), images(3, (4, 3))
    net.double()
    seen = input_gradients(context_of(net), x.double(), y)
    assert_close(seen, numeric(net, x, y), atol=1e-8, rtol=1e-5)


@pytest.mark.parametrize("chunk", [1, 4, 6, 100])
def test_chunks_give_what_the_whole_gives(chunk):
    net, (x, y) = pooled(), images()
    whole = input_gradients(context_of(net), x, y)
    assert_close(input_gradients(context_of(net), x, y, chunk=chunk), whole)


def test_in_training_mode_dropout_is_on():
    net, (x, y) = pooled(), images()
    quiet = input_gradients(context_of(net), x, y)
    loud = input_gradients(context_of(net), x, y, evaluates=False)
    assert not torch.allclose(quiet, loud)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16])
def test_pixels_and_half_precision_become_floats(dtype):
    net, (x, y) = pooled(), images()
    x = (x * 10).to(dtype)
    seen = input_gradients(context_of(net), x, y)
    assert seen.dtype == torch.float32
    assert_close(seen, input_gradients(context_of(net), x.float(), y))


def test_the_criterion_of_the_training_is_taken():
    net, (x, y) = pooled(1), images()
    y = y.float()

    def criterion(output, target):
        return (output[:, 0] - target).abs()

    seen = input_gradients(context_of(net, criterion=criterion), x, y)
    squared = input_gradients(context_of(net), x, y)
    net.eval()
    off = (net(x)[:, 0] - y).detach().view(-1, 1, 1, 1)
    assert_close(squared, 2 * off.abs() * seen)


def test_without_a_criterion_the_kind_of_target_decides():
    output = torch.randn(4, 3)
    labels = torch.tensor([0, 2, 1, 1])
    soft = torch.rand(4, 3).softmax(1)
    numbers = torch.rand(4)
    hard = functional.cross_entropy(output, labels, reduction="none")
    assert_close(plain_criterion(output, labels), hard)
    assert_close(plain_criterion({"logits": output}, labels), hard)
    assert_close(plain_criterion((output, None), labels), hard)
    assert_close(plain_criterion(output, soft), -(output.log_softmax(1) * soft).sum(1))
    assert_close(plain_criterion(output[:, :1], numbers), (output[:, 0] - numbers) ** 2)


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_a_ready_loss_has_the_gradients_of_the_look(scale):
    net, (x, y) = pooled(), images()
    look = look_back(context_of(net), x, y, with_parameters=True)
    loss = ready_loss(look.loss.mean(), look.parameters, look.parameter_gradients)
    (scale * loss).backward()
    found = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    net.eval()
    expected = functional.cross_entropy(net(x), y)
    expected.backward()
    assert_close(loss.detach(), expected.detach())
    for gradient, parameter in zip(found, net.parameters(), strict=True):
        assert_close(gradient, scale * parameter.grad)


def test_a_ready_loss_adds_to_gradients_and_keeps_them():
    weight = torch.ones(2, requires_grad=True)
    known = torch.tensor([1.0, 2.0])
    loss = ready_loss(torch.tensor(3.0), [weight], [known])
    (loss + weight.sum()).backward(retain_graph=True)
    loss.backward()
    assert weight.grad.tolist() == [3.0, 5.0]
    assert known.tolist() == [1.0, 2.0]


def test_a_ready_loss_of_no_parameters_is_a_number():
    loss = ready_loss(torch.tensor(3.0), [], [])
    assert not loss.requires_grad


class CutOff(nn.Module):
    """A net through which no gradient goes."""

    def __init__(self, how):
        super().__init__()
        self.how, self.net = how, pooled()

    def forward(self, x):
        if self.how == "detach":
            return self.net(x.detach())
        with torch.no_grad():
            return self.net(x)


@pytest.mark.parametrize("how", ["detach", "no_grad"])
def test_a_net_without_gradients_is_named_with_a_remedy(how):
    net, (x, y) = CutOff(how), images()
    with pytest.raises(ValueError, match=r"PuzzleMix looks.*CutOff gives none.*cutmix"):
        input_gradients(context_of(net), x, y, who="PuzzleMix")


def test_a_look_at_the_loss_needs_targets():
    net, (x, _) = pooled(), images()
    for look in (input_gradients, look_back):
        with pytest.raises(ValueError, match=r"PuzzleMix.*got y=None. Give y to draw"):
            look(context_of(net), x, None, who="PuzzleMix")
