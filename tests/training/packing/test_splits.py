"""How members are split into packs and threads changes nothing but rounding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from sk_mixup import MixupClassifier
from sk_mixup.nets import Dropout
from sk_mixup.training.packing import _crew
from sk_mixup.training.packing.programs import Call, DropMasks
from tests.training.packing.packs import (
    FOLDS,
    N_CLASSES,
    NO_STOP,
    STOPPING,
    WIDTH,
    DoubleNet,
    fitted_together,
    rows,
)

CPU = torch.device("cpu")


class DoubleChain(nn.Module):
    """Computed by hand, with this package's dropout and torch's."""

    def __init__(self, dropout=0.3):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(WIDTH, 12),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(12, 12),
            nn.Tanh(),
            nn.Dropout(0.2),
            nn.Linear(12, N_CLASSES),
        ).double()

    def forward(self, x):
        return self.layers(x.double())


class DoubleGate(nn.Module):
    """Goes through vmap, and calls one layer of dropout twice."""

    def __init__(self, dropout=0.3):
        super().__init__()
        self.first = nn.Linear(WIDTH, 12).double()
        self.last = nn.Linear(12, N_CLASSES).double()
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        hidden = self.drop(self.first(x.double()))
        return self.last(self.drop(hidden.softmax(1) * hidden))


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def probabilities(module, settings, **options):
    """Return what members of two folds and several alphas, rates and seeds predict."""
    x, y = rows()
    settings = settings | {"batch_size": 48, "module__dropout": 0.5}
    kinds = [
        {"alpha": 0.0},
        {"alpha": 0.4, "module__dropout": 0.1},
        {"alpha": 0.4, "random_state": 7},
    ]
    jobs = [(kind, fold) for kind in kinds for fold in FOLDS[1:]]
    made = [MixupClassifier(module, **(settings | kind)) for kind, _ in jobs]
    errors = fitted_together(made, [(x[fold], y[fold]) for _, fold in jobs], **options)
    assert errors == [None] * len(made)
    return [one.predict_proba(x) for one in made]


@pytest.mark.parametrize(
    ("module", "settings"),
    [
        (DoubleChain, NO_STOP),
        (DoubleGate, NO_STOP),
        (DoubleNet, STOPPING | {"max_epochs": 6}),
    ],
    ids=["by hand", "vmap", "stopping"],
)
def test_members_learn_the_same_however_they_are_split(
    module, settings, threads, monkeypatch
):
    threads(1)
    wanted = probabilities(module, settings)
    split = {"one at a time": probabilities(module, settings, memory_limit=1)}
    split["in step"] = probabilities(module, settings, memory_limit=1, in_step=True)
    monkeypatch.setattr(_crew, "_CACHED_BYTES", 20_000)
    threads(2)
    split["in two threads"] = probabilities(module, settings)
    for found in split.values():
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", [Dropout, nn.Dropout])
def test_a_mask_is_that_of_the_member_bit_for_bit(kind):
    seeds, rates = [3, 3, 5, 3], [0.5, 0.2, 0.5, 0.5]
    x = torch.ones(4, 6, 40)

    def drawn(low, high, n_rows=6):
        masks = DropMasks(seeds[low:high], [rates[low:high]] * 2, CPU)
        masks.start(2, 7)
        call = Call(True, masks)
        part = x[low:high, :n_rows]
        return torch.stack([call.drop(part, layer, kind) for layer in (0, 1)], 1)

    whole = drawn(0, 4)
    for low, high in [(0, 1), (1, 2), (2, 3), (3, 4), (0, 2), (1, 4)]:
        assert torch.equal(drawn(low, high), whole[low:high])
    assert torch.equal(whole[0], whole[3])
    assert not torch.equal(whole[0], whole[2])
    assert not torch.equal(whole[0, 0], whole[0, 1])


def test_masks_do_not_depend_on_how_values_lie_in_memory():
    masks = DropMasks([0, 1], [[0.5, 0.5]], CPU)
    plain = masks.draw(torch.ones(2, 6, 40), 0, Dropout)
    masks.start(0, 0)
    turned = torch.ones(6, 2, 40).transpose(0, 1)
    assert torch.equal(masks.draw(turned, 0, Dropout), plain)


@pytest.mark.parametrize("kind", [Dropout, nn.Dropout])
def test_masks_of_other_steps_and_epochs_are_others(kind):
    masks = DropMasks([0], [[0.5]], CPU)
    seen = []
    for position in [(0, 0), (0, 1), (1, 0)]:
        masks.start(*position)
        seen += [masks.draw(torch.ones(1, 8, 40), 0, kind) for _ in range(2)]
    for number, one in enumerate(seen):
        assert abs(float((one > 0).double().mean()) - 0.5) < 0.1
        assert not any(torch.equal(one, other) for other in seen[:number])


@pytest.mark.parametrize("kind", [Dropout, nn.Dropout])
def test_the_rate_is_that_of_the_member(kind):
    masks = DropMasks([0, 0, 0], [[0.0, 0.25, 1.0]], CPU)
    mask = masks.draw(torch.ones(3, 100, 100), 0, kind)
    assert mask.mean(dim=(1, 2)).tolist() == pytest.approx([1.0, 1.0, 0.0], abs=0.03)
    assert float((mask[1] == 0).double().mean()) == pytest.approx(0.25, abs=0.03)
