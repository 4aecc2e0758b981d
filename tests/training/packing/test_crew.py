"""Packs that train beside each other in threads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from sk_mixup import MixupClassifier
from sk_mixup.training.packing import _crew
from tests.training.packing.packs import (
    ALPHAS,
    NO_STOP,
    STOPPING,
    WIDTH,
    DoubleNet,
    check_equal,
    fitted_together,
    layered,
    rows,
)


class OwnDropout(nn.Module):
    """Reads torch's global generator by itself."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(WIDTH, 3)

    def forward(self, x):
        return self.linear(functional.dropout(x, 0.5, self.training))


@pytest.fixture(scope="module")
def data():
    return rows()


@pytest.fixture(autouse=True)
def two_threads(threads):
    threads(2)


@pytest.fixture
def shapes(monkeypatch):
    """Return sizes of packs and numbers of threads of every crew."""
    seen = []
    real = _crew._shape

    def noted(members):
        seen.append(real(members))
        return seen[-1]

    monkeypatch.setattr(_crew, "_shape", noted)
    return seen


@pytest.mark.parametrize("settings", [NO_STOP, STOPPING], ids=["full", "stopping"])
def test_members_of_several_packs_equal_lone_fits(data, settings, shapes, monkeypatch):
    monkeypatch.setattr(_crew, "_CACHED_BYTES", 30_000)

    def make(**one):
        return MixupClassifier(DoubleNet, module__norm=True, **settings, **one)

    check_equal(make, ALPHAS, data, 1e-9)
    ((sizes, n_threads),) = shapes
    assert len(sizes) > 2
    assert sum(sizes) == 12
    assert n_threads == 2


def test_every_thread_has_a_pack(data, shapes):
    fitted_together([MixupClassifier(layered, **NO_STOP) for _ in range(5)], [data] * 5)
    assert shapes == [([3, 2], 2)]


def test_one_thread_has_one_pack_of_small_nets(data, shapes):
    torch.set_num_threads(1)
    fitted_together([MixupClassifier(layered, **NO_STOP) for _ in range(5)], [data] * 5)
    assert shapes == [([5], 1)]


@pytest.mark.parametrize("module", [layered])
def test_dropout_does_not_depend_on_which_pack_is_faster(data, module):
    results = []
    for _ in range(3):
        given = {"module__dropout": 0.5} if module is layered else {}
        members = [MixupClassifier(module, **given, **NO_STOP) for _ in range(4)]
        fitted_together(members, [data] * 4)
        results.append([member.predict_proba(data[0]) for member in members])
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_a_pack_of_members_that_all_fail_harms_no_other(data):
    bad = [MixupClassifier(DoubleNet, **(NO_STOP | {"lr": 1e200})) for _ in range(2)]
    good = [MixupClassifier(DoubleNet, **NO_STOP) for _ in range(2)]
    errors = fitted_together([*bad, *good], [data] * 4)
    assert [type(error) for error in errors[:2]] == [FloatingPointError] * 2
    assert errors[2:] == [None, None]


def test_an_error_of_a_pack_is_raised_and_the_threads_are_put_back(data, monkeypatch):
    def broken(self, epoch, rests):
        raise MemoryError("no more")

    monkeypatch.setattr(_crew.Pack, "run_epoch", broken)
    with pytest.raises(MemoryError, match="no more"):
        fitted_together([MixupClassifier(layered, **NO_STOP)] * 2, [data] * 2)
    assert torch.get_num_threads() == 2
