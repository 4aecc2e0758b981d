"""A look leaves no trace, whatever it asks and however it ends."""

import pytest
import torch
from torch import nn

from sk_mixup.mixing import MixContext
from sk_mixup.mixing.looks import (
    asked,
    check_images,
    class_activations,
    feature_map,
    input_gradients,
    last_map_layer,
    look_back,
)
from tests.mixing.looks.nets import assert_alike, context_of, images, pooled, snapshot

LOOKS = {
    "gradient": lambda c, x, y: input_gradients(c, x, y),
    "gradient in training mode": lambda c, x, y: input_gradients(
        c, x, y, evaluates=False
    ),
    "parameters": lambda c, x, y: look_back(c, x, y, with_parameters=True),
    "map": lambda c, x, y: feature_map(c, x),
    "map in training mode": lambda c, x, y: feature_map(c, x, evaluates=False),
    "activations": lambda c, x, y: class_activations(c, x, y),
}
every_look = pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))


@every_look
@pytest.mark.parametrize("mode", ["train", "eval", "mixed"])
def test_nothing_of_a_look_stays(look, mode):
    net, (x, y) = pooled(), images()
    # In the midst of an accumulation: gradients wait for their step.
    net(x).sum().backward()
    net.train(mode != "eval")
    if mode == "mixed":
        net[1].eval()
    before, x_before = snapshot(net), x.clone()
    look(context_of(net), x, y)
    assert_alike(before, snapshot(net))
    assert torch.equal(x, x_before)
    assert x.grad is None


@every_look
def test_a_training_goes_on_as_without_a_look(look):
    weights = []
    for looks in (False, True):
        net, (x, y) = pooled(), images()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        torch.manual_seed(1)
        for _ in range(3):
            if looks:
                look(context_of(net), x, y)
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()
        weights.append(torch.cat([p.detach().flatten() for p in net.parameters()]))
    assert torch.equal(*weights)


@every_look
def test_a_look_that_fails_leaves_nothing_either(look):
    net, (x, y) = pooled(), images()

    def call(rows):
        net(rows)
        raise RuntimeError("out of memory")

    before = snapshot(net)
    with pytest.raises(RuntimeError, match="out of memory"):
        look(context_of(net, call=call), x, y)
    assert_alike(before, snapshot(net))


@every_look
@pytest.mark.parametrize("outer", [torch.no_grad, torch.inference_mode])
def test_a_look_works_where_no_gradients_are_recorded(look, outer):
    net, (x, y) = pooled(), images()
    expected = look(context_of(net), x, y)
    with outer():
        seen = look(context_of(net), x, y)
    torch.testing.assert_close(seen[0], expected[0])


@every_look
def test_a_step_in_the_same_autocast_learns_as_before(look):
    # Casts of weights that were made without gradients must not be found by the step.
    net, (x, y) = pooled(), images()
    net.eval()
    with torch.autocast("cpu", torch.bfloat16):
        look(context_of(net), x, y)
        net(x).float().sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_hooks_of_the_user_stay():
    net, (x, y) = pooled(), images()
    seen = []
    handle = net[4].register_forward_hook(lambda *_: seen.append(1))
    input_gradients(context_of(net), x, y)
    feature_map(context_of(net), x)
    net(x)
    assert len(net[4]._forward_hooks) == 1
    assert seen
    handle.remove()


def test_the_training_says_how_the_net_is_called():
    net, (x, y) = pooled(), images()
    calls = []

    def call(rows):
        calls.append(len(rows))
        return net(rows * 2)

    seen = input_gradients(context_of(net, call=call), x, y)
    assert calls == [6]
    torch.testing.assert_close(seen, 2 * input_gradients(context_of(net), 2 * x, y))


def test_a_module_that_works_in_place_reaches_nothing():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = pooled()

        def forward(self, x):
            x -= 0.5
            return self.net(x)

    net, (x, y) = InPlace(), images()
    before = x.clone()
    seen = input_gradients(context_of(net), x, y)
    feature_map(context_of(net), x)
    class_activations(context_of(net), x, y)
    assert torch.equal(x, before)
    torch.testing.assert_close(seen, input_gradients(context_of(net.net), x - 0.5, y))


@pytest.mark.parametrize("context", [None, MixContext()])
def test_without_a_net_the_remedy_is_named(context):
    x, y = images()
    for look in LOOKS.values():
        with pytest.raises(ValueError, match=r"context=MixContext\(module=net\)"):
            look(context, x, y)
    with (
        pytest.raises(ValueError, match="PuzzleMix looks at"),
        asked(context, "PuzzleMix"),
    ):
        pass


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.rand(4, 6), ValueError, r"shape \(4, 6\). Use CutMix"),
        (torch.rand(4, 3, 6), ValueError, r"x.unsqueeze\(1\)"),
        (torch.rand(4, 3, 0, 6), ValueError, r"shape \(4, 3, 0, 6\)"),
        (torch.ones(4, 3, 5, 6).long(), TypeError, "dtype torch.int64"),
        ({"image": torch.rand(4, 3, 5, 6)}, ValueError, "an input of type dict"),
    ],
)
def test_what_is_no_image_is_refused(x, error, message):
    with pytest.raises(error, match=f"SaliencyMix looks at images.*{message}"):
        check_images("SaliencyMix", x)


def test_floats_and_pixels_are_images():
    for dtype in (torch.float16, torch.float32, torch.float64, torch.uint8):
        x = torch.ones(2, 1, 3, 3).to(dtype)
        assert check_images("SaliencyMix", x) is x


@pytest.mark.filterwarnings("ignore:.*:FutureWarning")
def test_a_compiled_net_is_asked_as_plain_code(empty_dynamo):
    net, (x, y) = pooled(), images()
    compiled = torch.compile(net, backend="eager")
    assert last_map_layer(context_of(compiled), x) == "4"
    for look in LOOKS.values():
        torch.testing.assert_close(
            look(context_of(compiled), x, y)[0], look(context_of(net), x, y)[0]
        )
