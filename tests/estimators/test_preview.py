"""What an estimator shows of the rows that its net would be trained on."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from torch import nn

from sk_mixup.mixing import (
    CutMix,
    FeatureSwap,
    FixedLaw,
    LinearSchedule,
    ManifoldMixup,
    Mixup,
    RegMixup,
    UniformLaw,
)
from tests.builders import blobs, classifier, people, regressor

X, Y, INCOME = people()


def mixed_by_hand(own, partner, lam):
    """Mix one value of a table as a person would write it down."""
    if own == partner or (pd.isna(own) and pd.isna(partner)):
        return own
    if isinstance(own, str) or pd.isna(own) or pd.isna(partner):
        a, b = (
            "missing" if pd.isna(v) else v if isinstance(v, str) else f"{v:g}"
            for v in (own, partner)
        )
        return f"{100 * lam:.0f} % {a}, {100 * (1 - lam):.0f} % {b}"
    return lam * own + (1 - lam) * partner


def test_rows_of_a_table_stand_beside_their_partners():
    preview = classifier(mix=Mixup(1.0, per="row")).preview(X, Y, n=20)
    table = preview.table
    assert len(table) == 20
    pd.testing.assert_frame_equal(table["own"], X[:20], check_dtype=False)
    partners = preview.plan.partner.numpy()
    for name in X:
        expected = X[name].iloc[partners].tolist()
        assert list(map(repr, table["partner"][name].tolist())) == list(
            map(repr, expected)
        )
    assert_allclose(table["lambda"], preview.lam)


def test_mixed_values_are_blends_in_the_units_of_the_table():
    mix = Mixup(law=UniformLaw(0.1, 0.9), per="row")
    table = classifier(mix=mix).preview(X, Y, n=20).table
    for i, lam in enumerate(table["lambda"]):
        for name in X:
            found = table["mixed"][name].iloc[i]
            own, partner = (table[part][name].iloc[i] for part in ("own", "partner"))
            expected = mixed_by_hand(own, partner, lam)
            if isinstance(expected, str):
                assert found == expected
            else:
                assert_allclose(float(found), float(expected))


def test_swapped_values_are_those_of_one_of_the_two():
    # Missing values and their indicators must move together.
    preview = classifier(mix=FeatureSwap(1.0, per="row")).preview(X, Y, n=30)
    table, lam = preview.table, preview.lam.numpy()
    kept = np.zeros((30, X.shape[1]), dtype=bool)
    equal = np.zeros_like(kept)
    for j, name in enumerate(X):
        own, partner, mixed = (
            list(map(repr, table[part][name].tolist()))
            for part in ("own", "partner", "mixed")
        )
        for i in range(30):
            assert mixed[i] in (own[i], partner[i])
            kept[i, j] = mixed[i] == own[i]
            equal[i, j] = own[i] == partner[i]
    n_kept = np.rint(lam * X.shape[1])
    assert (n_kept <= kept.sum(1)).all()
    assert (n_kept >= (kept & ~equal).sum(1)).all()


def test_targets_of_a_classifier_are_labels_and_their_shares():
    preview = classifier(alpha=1.0).preview(X, Y, n=20)
    target = preview.table["target"]
    assert target["own"].tolist() == list(Y[:20])
    assert target["partner"].tolist() == list(Y[preview.plan.partner])
    for own, partner, mixed in target.to_numpy():
        lam = float(preview.lam[0])
        assert mixed == mixed_by_hand(own, partner, lam)
    assert_allclose(preview.targets.sum(1), 1, rtol=1e-6)


def test_targets_of_a_regressor_keep_their_units():
    preview = regressor(alpha=1.0).preview(X, INCOME, n=10)
    partner = INCOME[preview.plan.partner]
    lam = preview.lam.numpy()
    expected = lam * INCOME[:10] + (1 - lam) * partner
    assert_allclose(preview.targets, expected, rtol=1e-6)
    assert_allclose(preview.table["target"]["mixed"], expected, rtol=1e-6)


def test_several_outputs_have_a_column_each():
    y = pd.DataFrame({"income": INCOME, "half": INCOME / 2})
    target = regressor(alpha=1.0).preview(X, y, n=4).table["target"]
    assert_allclose(target["mixed income"], 2 * target["mixed half"])


def test_copies_of_a_batch_have_a_row_each():
    preview = classifier(mix=RegMixup()).preview(X.set_index(X.index + 100), Y, n=4)
    assert preview.table.index.tolist() == [100, 101, 102, 103] * 2
    assert preview.table["lambda"].iloc[:4].tolist() == [1.0] * 4


def test_an_array_is_a_table_too():
    numbers, labels = blobs(20)
    table = classifier(alpha=1.0).preview(numbers, labels, n=5).table
    lam = table["lambda"].to_numpy()[:, None]
    expected = lam * table["own"] + (1 - lam) * table["partner"]
    assert_allclose(table["mixed"], expected, rtol=1e-6)


# -- where nothing is mixed at the input ----------------------------------------------


@pytest.mark.parametrize("fitted", [False, True])
def test_a_hidden_layer_is_named_and_has_no_mixed_values(fitted):
    model = classifier(mix=ManifoldMixup(layers=["hidden.0"]))
    if fitted:
        model.fit(X, Y)
    preview = model.preview(X, Y)
    assert preview.site == "hidden.0"
    assert preview.mixed is None
    assert set(preview.table.columns.get_level_values(0)) == {
        "lambda",
        "own",
        "partner",
        "target",
    }


@pytest.mark.parametrize(
    "mix",
    [
        "mixup",
        "reg_mixup",
        "noisy_feature_mixup",
        "manifold",
        "feature_swap",
        "feat_mix",
        "hid_mix",
        "remix",
        "ma_mix",
        "balanced_mixup",
        "one_of",
        "repeat",
        "per_key",
    ],
)
def test_every_method_for_tables_can_be_looked_at(mix):
    preview = classifier(mix=mix).preview(X, Y)
    assert len(preview.table) == len(preview.lam)
    assert preview.targets.shape == (len(preview.lam), 2)


# -- modules of one's own -------------------------------------------------------------


def never_built():
    raise AssertionError("this preview needs no net")


def test_images_are_mixed_as_the_module_gets_them():
    images = np.random.default_rng(0).integers(0, 256, (10, 3, 6, 6), dtype=np.uint8)
    model = classifier(module=never_built, mix=CutMix())
    preview = model.preview(images, np.arange(10) % 2, n=6)
    assert preview.mixed.dtype == torch.uint8
    assert preview.mixed.shape == (6, 3, 6, 6)
    assert_array_equal(preview.partners, images[:6][preview.plan.partner])
    assert "own" not in preview.table
    assert preview.table["target"].shape == (6, 3)


def test_numbers_for_a_module_are_shown_as_a_table():
    numbers, labels = blobs(20)
    preview = classifier(module=never_built, alpha=1.0).preview(numbers, labels, n=5)
    assert_allclose(preview.table["mixed"], preview.mixed)
    assert_allclose(preview.table["own"], numbers[:5])


def test_layers_of_a_module_are_found_before_a_fit():
    numbers, labels = blobs(20)
    net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))
    before = copy.deepcopy(net.state_dict())
    model = classifier(module=net, mix=ManifoldMixup(layers=["[01]"]))
    assert model.preview(numbers, labels).site in ("0", "1")
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])


# -- no trace -------------------------------------------------------------------------


def test_a_fit_on_the_same_rows_changes_nothing_of_it():
    model = classifier(mix=Mixup(1.0, per="row"))
    before = model.preview(X, Y)
    after = model.fit(X, Y).preview(X, Y)
    pd.testing.assert_frame_equal(before.table, after.table)


@pytest.mark.usefixtures("unchanged_random_state")
@pytest.mark.parametrize("mix", ["mixup", "manifold"])
def test_looking_twice_shows_the_same_and_leaves_no_trace(mix):
    state = np.random.RandomState(5)
    model = classifier(mix=mix, random_state=state)
    before = dict(vars(model))
    one, other = model.preview(X, Y), model.preview(X, Y)
    pd.testing.assert_frame_equal(one.table, other.table)
    assert vars(model) == before
    assert state.randint(1000) == np.random.RandomState(5).randint(1000)


def test_without_a_random_state_it_shows_the_same_rows_too():
    model = classifier(mix="mixup", random_state=None)
    pd.testing.assert_frame_equal(model.preview(X, Y).table, model.preview(X, Y).table)


def test_a_fitted_estimator_predicts_as_before():
    model = classifier(mix="manifold").fit(X, Y)
    proba, keys = model.predict_proba(X), set(vars(model))
    model.preview(X[:10], Y[:10])
    assert_array_equal(model.predict_proba(X), proba)
    assert set(vars(model)) == keys
    trained_once = classifier(mix="manifold").fit(X, Y).partial_fit(X, Y)
    assert_array_equal(
        model.partial_fit(X, Y).predict_proba(X), trained_once.predict_proba(X)
    )


def test_the_table_of_the_caller_stays_as_it_is():
    frame = X.copy()
    classifier(mix="mixup").preview(frame, Y)
    pd.testing.assert_frame_equal(frame, X)


def test_new_rows_are_read_with_what_the_fit_learnt():
    model = classifier(alpha=1.0).fit(X, Y)
    few = X.iloc[:3].assign(job=["pilot", None, "cook"])
    table = model.preview(few, Y[:3]).table
    assert table["own"]["job"].tolist()[0] == "pilot"
    with pytest.raises(ValueError, match="feature names"):
        model.preview(X.rename(columns={"job": "work"}), Y)


def test_another_module_after_a_fit_is_looked_at_as_a_new_one():
    numbers, labels = blobs(20)
    model = classifier().fit(X, Y)
    model.set_params(module=never_built, mix=Mixup(1.0))
    assert model.preview(numbers, labels).mixed.shape == (8, 4)


def test_schedules_are_read_halfway():
    model = classifier(
        mix=Mixup(LinearSchedule(0.0, 2.0), off_first=2, off_last=1), max_epochs=10
    )
    same = clone(model).set_params(mix=Mixup(1.0))
    assert_array_equal(model.preview(X, Y).lam, same.preview(X, Y).lam)


def test_no_mixing_by_alpha_shows_clean_rows():
    table = classifier(alpha=0).preview(X, Y).table
    assert table["lambda"].tolist() == [1.0] * 8
    assert table["mixed"]["hours"].tolist() == X["hours"][:8].tolist()


@pytest.mark.parametrize(
    ("params", "n", "message"),
    [
        ({"mix": None}, 8, "mix=None does not mix, so there is nothing to preview"),
        ({}, 0, "n must be an int of at least 1; got 0"),
        ({}, None, "n must be an int of at least 1; got None"),
        ({"mix": "cutmix"}, 8, "CutMix"),
        ({"mix": "mixupp"}, 8, "Did you mean"),
        ({"max_epochs": 0}, 8, "max_epochs"),
    ],
)
def test_bad_parameters_are_named(params, n, message):
    with pytest.raises(ValueError, match=message):
        classifier(**params).preview(X, Y, n=n)


def test_what_auto_does_not_mix_is_not_shown():
    with pytest.raises(ValueError, match="mix='auto' does not mix a table unless"):
        classifier().preview(X, Y)


def test_targets_of_another_length_are_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        classifier(mix="mixup").preview(X, Y[:-1])


def test_a_share_of_next_to_nothing_is_not_rounded_away():
    mix = Mixup(law=FixedLaw(0.9982))
    jobs = pd.DataFrame({"job": ["cook", "clerk"]})
    table = classifier(mix=mix).preview(jobs, ["a", "b"]).table
    assert table["mixed"]["job"][0] == "99.82 % cook, 0.18 % clerk"
