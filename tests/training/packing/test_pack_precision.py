"""Members of a pack that train in mixed precision."""

import numpy as np
import pytest
import torch

from sk_mixup import MixupClassifier
from sk_mixup.training import pack_key, unfusable_reason
from tests.training.packing.packs import (
    NO_STOP,
    fitted_together,
    layered,
    prepared,
    rows,
)


@pytest.fixture(scope="module")
def data():
    return rows()


def heavy(**settings):
    """Return a net that takes a pack of its own."""
    return MixupClassifier("tabm", module__d_hidden=256, **settings)


def light(**settings):
    """Return a net that vmap goes through."""
    return MixupClassifier("mlp", **settings)


def layers(**settings):
    """Return layers that are computed by hand."""
    settings.pop("module__dropout")
    return MixupClassifier(layered, **settings)


@pytest.mark.parametrize("make", [layers, light, heavy])
def test_bfloat16_members_differ_from_lone_fits_by_rounding(data, make):
    x, y = data
    settings = NO_STOP | {"lr": 1e-3, "mix": None, "module__dropout": 0.0}
    seeds = range(4)

    def models(precision):
        return [
            make(**(settings | {"precision": precision, "random_state": seed}))
            for seed in seeds
        ]

    together = models("bfloat16")
    fitted_together(together, [data] * len(seeds))
    half, full = ([m.fit(x, y) for m in models(p)] for p in ("bfloat16", "float32"))
    # Both round their products, at other places: no more than rounding itself does.
    assert distance(together, half, x) < 2 * distance(half, full, x)
    assert distance(together, full, x) > 1e-5


def distance(models, others, x):
    """Return the mean difference of probabilities."""
    pairs = zip(models, others, strict=True)
    parts = [np.abs(a.predict_proba(x) - b.predict_proba(x)) for a, b in pairs]
    return np.mean(parts)


def test_a_pack_of_one_rounds_as_a_lone_fit(data):
    settings = NO_STOP | {"mix": None, "module__dropout": 0.0}
    together, lone = (heavy(precision="bfloat16", **settings) for _ in range(2))
    fitted_together([together], [data])
    lone.fit(*data)
    assert distance([together], [lone], data[0]) < 1e-6


def test_members_of_one_pack_have_one_precision(data):
    keys = {
        pack_key(prepared(MixupClassifier(layered, precision=p, **NO_STOP), *data)[1])
        for p in ("float32", "bfloat16")
    }
    assert None not in keys
    assert len(keys) == 2


def test_a_gradient_scaler_belongs_to_one_net(data):
    member = prepared(MixupClassifier(layered, **NO_STOP), *data)[1]
    member.knobs = type(member.knobs)(precision=torch.float16)
    assert "precision='float16'" in unfusable_reason(member)
