"""A preview shows what a draw and its plan would do, and leaves no trace."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from sk_mixup.mixing import (
    CutMix,
    FixedLaw,
    ManifoldMixup,
    MemoryPairing,
    MixStreams,
    Mixup,
    OneOf,
    RegMixup,
    list_methods,
)
from tests.builders import generator

X = torch.rand(12, 3, 8, 8, generator=generator(1))
Y = torch.arange(12) % 5


@pytest.mark.parametrize(
    "method",
    [Mixup(1.0), Mixup(1.0, per="row"), CutMix(), OneOf([Mixup(), CutMix()])],
    ids=repr,
)
def test_it_shows_the_draw_of_the_first_rows(method):
    preview = method.preview(X, Y, n=5, generator=generator(3))
    plan = method.draw(X[:5], Y[:5], generator=generator(3))
    assert torch.equal(preview.plan.partner, plan.partner)
    assert torch.equal(preview.lam, plan.lam)
    assert torch.equal(preview.x, X[:5])
    assert torch.equal(preview.own, X[:5])
    assert torch.equal(preview.partners, X[:5][plan.partner])
    assert torch.equal(preview.mixed, plan.apply(X[:5]))
    assert torch.equal(preview.targets, plan.targets(Y[:5], 5))
    assert torch.equal(preview.label_weights[0], plan.label_weights[0])
    assert preview.site is None


def test_mixed_rows_are_blends_of_own_and_partner():
    preview = Mixup(1.0, per="row").preview(X, n=4, generator=generator())
    for own, partner, mixed, lam in zip(
        preview.own, preview.partners, preview.mixed, preview.lam, strict=True
    ):
        assert_close(mixed, lam * own + (1 - lam) * partner)


def test_it_says_which_method_it_was():
    preview = Mixup(0.4, per="row").preview(X, generator=generator())
    assert preview.name == "mixup"
    assert preview.method == "Mixup(alpha=0.4, per='row')"
    assert repr(preview) == (
        f"MixPreview(Mixup(alpha=0.4, per='row'), rows=8,"
        f" mean_lam={preview.lam.mean():.3f})"
    )


@pytest.mark.parametrize(
    "x",
    [
        X.numpy(),
        X.numpy()[:, :, ::-1],
        X.tolist(),
        X.numpy().astype(np.float64),
        (X * 255).byte().numpy(),
    ],
    ids=["array", "negative strides", "lists", "float64", "uint8"],
)
def test_anything_that_torch_can_read_is_taken(x):
    preview = CutMix().preview(x, Y.numpy(), n=4, generator=generator())
    assert isinstance(preview.mixed, torch.Tensor)
    assert_close(preview.x, torch.tensor(np.array(x)[:4].copy()), check_dtype=False)


def test_read_only_arrays_are_taken_and_stay_as_they_are():
    x = X.numpy().copy()
    x.flags.writeable = False
    before = x.copy()
    Mixup(1.0).preview(x, generator=generator())
    np.testing.assert_array_equal(x, before)


def test_fewer_rows_than_n_are_all_shown():
    assert Mixup(1.0).preview(X[:3], Y[:3]).lam.shape == (3,)


def test_classes_are_counted_over_all_labels():
    preview = Mixup(1.0).preview(X, Y, n=2)
    assert preview.targets.shape == (2, 5)
    assert Mixup(1.0).preview(X, Y, n=2, n_classes=7).targets.shape == (2, 7)


@pytest.mark.parametrize("y", [torch.rand(12), torch.rand(12, 4)])
def test_float_targets_are_blended(y):
    preview = Mixup(1.0).preview(X, y, n=4, generator=generator())
    assert_close(preview.targets, preview.plan.targets(y[:4]))


def test_without_targets_none_are_shown():
    assert Mixup(1.0).preview(X).targets is None


def test_several_inputs_are_shown_by_key():
    x = {"image": X, "row": X.numpy()[:, 0, 0]}
    preview = Mixup(1.0).preview(x, n=4, generator=generator())
    assert preview.mixed.keys() == preview.partners.keys() == x.keys()
    assert_close(
        preview.mixed["row"],
        preview.lam[:, None] * preview.own["row"]
        + (1 - preview.lam[:, None]) * preview.partners["row"],
    )
    parts = Mixup(1.0).preview((X, X.numpy()[:, 0]), n=4).mixed
    assert [part.shape for part in parts] == [(4, 3, 8, 8), (4, 8, 8)]


def test_a_hidden_layer_is_named_and_shows_no_mixed_input():
    preview = ManifoldMixup(layers=["body.1"]).preview(X, Y, generator=generator())
    assert preview.site == "body.1"
    assert preview.mixed is None
    assert preview.targets.shape == (8, 5)
    assert "site='body.1'" in repr(preview)


def test_each_of_several_copies_has_its_own_sample_and_partner():
    preview = RegMixup().preview(X, Y, n=4, generator=generator())
    assert len(preview.mixed) == len(preview.own) == len(preview.partners) == 8
    assert torch.equal(preview.x, X[:4])
    for row in range(8):
        lam = preview.lam[row]
        assert_close(
            preview.mixed[row],
            lam * preview.own[row] + (1 - lam) * preview.partners[row],
        )


def test_a_memory_of_earlier_batches_keeps_nothing_of_it():
    method = Mixup(1.0, pairing=MemoryPairing(8))
    method.draw(X[:2], Y[:2])
    for _ in range(3):
        method.preview(X[2:], Y[2:])
    plan = method.draw(X[2:4], Y[2:4])
    assert torch.equal(plan.pool[0], X[:2])


@pytest.mark.usefixtures("unchanged_random_state")
def test_a_generator_leaves_the_global_state_alone():
    Mixup(1.0).preview(X, Y, generator=generator())
    CutMix().preview(X, Y, generator=MixStreams(*map(generator, range(4))))


@pytest.mark.parametrize(
    "name",
    [
        "mixup",
        "reg_mixup",
        "noisy_feature_mixup",
        "cutmix",
        "resize_mix",
        "grid_mix",
        "smooth_mix",
        "f_mix",
        "remix",
        "ma_mix",
        "balanced_mixup",
        "one_of",
        "repeat",
        "per_key",
    ],
)
def test_every_method_for_images_can_be_looked_at(name):
    preview = list_methods()[name].method().preview(X, Y, generator=generator())
    n_rows = len(preview.lam)
    assert preview.mixed.shape == (n_rows, 3, 8, 8)
    assert preview.own.shape == preview.partners.shape == preview.mixed.shape
    assert preview.targets.shape == (n_rows, 5)


@pytest.mark.parametrize(
    ("x", "y", "options", "error", "message"),
    [
        (X, None, {"n": 0}, ValueError, "n must be an integer of at least 1; got 0"),
        (X, None, {"n": 2.5}, TypeError, "n must be an integer .* got 2.5"),
        (X[:0], None, {}, ValueError, r"one at least; got shape \(0, 3, 8, 8\)"),
        ([], None, {}, ValueError, r"one at least; got shape \(0,\)"),
        (3.0, None, {}, TypeError, "x must hold numbers.*got float"),
        ([["a", 1]], None, {}, TypeError, "x must hold numbers.*MixupClassifier"),
        (X, ["a"] * 12, {}, TypeError, "y must hold numbers"),
        (X, Y[:4], {}, ValueError, "drawn for 8 rows; got targets of shape"),
    ],
)
def test_bad_input_is_named(x, y, options, error, message):
    with pytest.raises(error, match=message):
        Mixup(1.0).preview(x, y, **options)


# -- in a notebook --------------------------------------------------------------------


def test_images_are_shown_as_pictures():
    images = torch.rand(3, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    shown = CutMix().preview(images, [0, 1, 0])._repr_html_()
    assert shown.count("<img") == 9
    assert "CutMix(alpha=1.0)" in shown
    first = re.search(r"base64,([^\"]+)", shown)
    assert first is not None
    data = base64.b64decode(first[1])
    plt = pytest.importorskip("matplotlib.pyplot")
    pixels = plt.imread(io.BytesIO(data))
    np.testing.assert_allclose(
        pixels, images[0].permute(1, 2, 0).numpy(), rtol=0, atol=0.003
    )


def test_numbers_are_shown_as_numbers_and_long_rows_are_cut():
    preview = Mixup(law=FixedLaw(0.75)).preview([[0.0], [10.0]], [0, 1])
    shown = preview._repr_html_()
    assert "<td>2.5</td><td>0.75</td><td>0.75 × 0 + 0.25 × 1</td>" in shown
    assert "<th>own</th><th>partner</th><th>mixed</th><th>λ</th>" in shown
    long = Mixup().preview(torch.arange(100.0).reshape(2, 50))._repr_html_()
    assert "7, ...</td>" in long


def test_texts_of_tables_are_no_markup():
    import pandas as pd

    from sk_mixup import MixupClassifier

    frame = pd.DataFrame({"a<b": [1.0, 2.0], "job": ["<script>", "smith"]})
    frame["known"] = pd.array([True, pd.NA], dtype="boolean")
    model = MixupClassifier(alpha=1.0, random_state=0)
    shown = model.preview(frame, ["no", "yes"], n=2)._repr_html_()
    assert "<script>" not in shown
    assert "job &lt;script&gt;" in shown
    assert "a&lt;b " in shown
    assert "known missing" in shown
