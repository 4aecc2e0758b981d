"""A skorch net of one's own with mixing added: what its steps are."""

import copy

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import (
    BinaryCrossEntropy,
    CutMix,
    ManifoldMixup,
    Mixup,
    RegMixup,
)
from sk_mixup.skorch import MixupMixin
from tests.builders import no_hooks, same_weights
from tests.skorch.nets import TARGET, Net, Regressor, Seen, X, Y, fitted, net


def test_no_mixing_is_plain_skorch():
    def plain():
        torch.manual_seed(0)
        return NeuralNetClassifier(
            Net,
            criterion=nn.CrossEntropyLoss,
            max_epochs=2,
            verbose=0,
            batch_size=16,
            iterator_train__shuffle=True,
        ).fit(X, Y)

    assert same_weights(fitted(mix=None), plain())
    assert same_weights(fitted(alpha=0), plain())
    assert not same_weights(fitted(), plain())


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize(
    "criterion",
    [
        nn.CrossEntropyLoss(),
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0])),
        nn.CrossEntropyLoss(reduction="sum"),
        nn.CrossEntropyLoss(label_smoothing=0.1),
    ],
)
def test_a_step_is_the_mixed_loss_by_hand(per, criterion):
    model = net(mix=Mixup(1.0, per=per), criterion=criterion, lr=0.1, train_split=None)
    model.set_params(max_epochs=1, batch_size=-1, iterator_train__shuffle=False)
    model.initialize()
    by_hand = copy.deepcopy(model.module_)
    streams = copy.deepcopy(model.mix_streams_).mix
    model.partial_fit(X, Y)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    plan = Mixup(1.0, per=per).draw(x, y, generator=streams)
    output = by_hand(plan.apply(x))
    rows = copy.copy(criterion)
    rows.reduction = "none"
    lam = plan.lam
    terms = lam * rows(output, y) + (1 - lam) * rows(output, y[plan.partner])
    weight = torch.ones(2) if criterion.weight is None else criterion.weight
    total = (lam * weight[y] + (1 - lam) * weight[y[plan.partner]]).sum()
    if criterion.label_smoothing == 0 and criterion.reduction == "mean":
        loss = terms.sum() / total
    else:
        loss = terms.sum() if criterion.reduction == "sum" else terms.mean()
    loss.backward()
    assert model.history[-1, "train_loss"] == pytest.approx(loss.item(), rel=1e-5)
    for now, before in zip(
        model.module_.parameters(), by_hand.parameters(), strict=True
    ):
        assert_close(now.detach(), (before - 0.1 * before.grad).detach())


def test_validation_and_prediction_are_clean():
    seen = Seen()
    model = fitted(callbacks=[("seen", seen)], alpha=1.0)
    batch, output = seen.valid[-1]
    with torch.no_grad():
        expected = model.module_.eval()(torch.as_tensor(batch[0]))
    assert_close(output, expected)
    with torch.no_grad():
        expected = model.module_(torch.from_numpy(X)).argmax(1)
    np.testing.assert_array_equal(model.predict(X), expected)
    loss = nn.functional.cross_entropy(output, torch.as_tensor(batch[1]))
    assert len(seen.valid) == 2
    assert model.history[-1, "valid_loss"] == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize(
    "mix",
    ["mixup", "manifold", ["mixup", "manifold"], ManifoldMixup(layers=["first"]), None],
)
def test_every_kind_of_mix_learns_and_leaves_nothing_behind(mix):
    model = fitted(mix=mix, max_epochs=15, lr=0.3)
    assert model.score(X, Y) > 0.8
    assert no_hooks(model.module_)
    Net().load_state_dict(model.module_.state_dict())


def test_more_rows_than_the_batch():
    assert fitted(mix=RegMixup(), max_epochs=15, lr=0.3).score(X, Y) > 0.8


def test_images():
    pixels = np.random.default_rng(0).random((20, 1, 6, 6)).astype(np.float32)
    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(48, 2))
    fitted(module=module, mix=CutMix(), data=(pixels, np.arange(20) % 2))


def test_schedules_see_the_epoch():
    epochs = []

    class Recorded(Mixup):
        def draw(self, x, y=None, *, generator=None, context=None):
            epochs.append((context.epoch, context.n_epochs))
            return super().draw(x, y, generator=generator, context=context)

    model = fitted(mix=Recorded(off_last=1), max_epochs=3, batch_size=-1)
    model.partial_fit(X, Y)
    drawn = [(0, 3), (1, 3), (2, 3)]
    assert [e for e in epochs if e[1] == 3] == drawn * 2


@pytest.mark.parametrize("mix", ["remix", "balanced_mixup"])
def test_methods_that_count_classes(mix):
    fitted(mix=mix)


@pytest.mark.parametrize("per", ["batch", "row"])
def test_softmax_and_nll(per):
    model = fitted(
        criterion=nn.NLLLoss,
        module__softmax=True,
        mix__per=per,
        max_epochs=15,
        lr=0.3,
    )
    assert model.score(X, Y) > 0.8
    # The logarithm that skorch takes, and no other.
    logits = fitted(mix__per=per, max_epochs=15, lr=0.3)
    np.testing.assert_allclose(
        model.history[-1, "train_loss"], logits.history[-1, "train_loss"], rtol=1e-3
    )


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("criterion", [nn.MSELoss, nn.L1Loss])
def test_a_regressor(per, criterion):
    model = fitted(
        Regressor,
        criterion=criterion,
        module__n_outputs=1,
        mix__per=per,
        max_epochs=25,
        lr=0.05,
        data=(X, TARGET),
    )
    assert model.score(X, TARGET) > 0.8


def test_a_criterion_that_takes_soft_targets():
    model = fitted(criterion=BinaryCrossEntropy, max_epochs=15, lr=1.0)
    assert model.score(X, Y) > 0.8
    assert np.isfinite(model.history[-1, "valid_loss"])


def test_a_criterion_of_one_number_serves_one_lambda_per_batch():
    class Squared(nn.Module):
        def forward(self, output, y):
            return (output - y).square().mean()

    params = {"criterion": Squared, "module__n_outputs": 1, "data": (X, TARGET)}
    assert np.isfinite(fitted(Regressor, **params).history[-1, "train_loss"])
    with pytest.raises(ValueError, match=r"Squared returned a scalar.*mix__per"):
        fitted(Regressor, mix__per="row", **params)


@pytest.mark.parametrize("mix", [CutMix(), CutMix(per="row"), Mixup(1.0)], ids=repr)
def test_masks_are_mixed_as_their_images(mix):
    images = np.random.default_rng(0).standard_normal((8, 1, 6, 6)).astype(np.float32)
    y = (images[:, 0] > 0).astype(np.int64)
    module = nn.Conv2d(1, 2, 3, padding=1)
    plans = []

    class Spying(MixupMixin, NeuralNetClassifier):
        def train_step_single(self, batch, **fit_params):
            plans.append((*batch, self.mix_run_.plan))
            return super().train_step_single(batch, **fit_params)

    params = {"max_epochs": 1, "batch_size": 8, "train_split": None, "verbose": 0}
    torch.manual_seed(0)
    model = Spying(
        module, criterion=nn.CrossEntropyLoss, mix=mix, lr=0.0, **params
    ).fit(images, y)
    rows, labels, plan = plans[0]
    with torch.no_grad():
        output = module(plan.apply(torch.as_tensor(rows)))
        targets = plan.apply_masks(torch.as_tensor(labels), 2)
        expected = nn.functional.cross_entropy(output, targets)
    assert model.history[0, "train_loss"] == pytest.approx(float(expected), rel=1e-5)
    with pytest.raises(ValueError, match="shares of its own"):
        Spying(module, criterion=nn.CrossEntropyLoss, mix="smooth_mix", **params).fit(
            images, y
        )
