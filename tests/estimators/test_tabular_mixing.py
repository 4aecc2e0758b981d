"""Methods that move columns, in the estimators, on a raw table."""

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch import nn

from sk_mixup.mixing import (
    FeatMix,
    FeatureSwap,
    HidMix,
    Mixup,
    OneOf,
    Repeat,
)
from tests.builders import (
    assert_same_weights,
    blobs,
    classifier,
    people,
    regressor,
)

NAMES = ["feature_swap", "feat_mix", "hid_mix"]
every_name = pytest.mark.parametrize("name", NAMES)
moves_columns = pytest.mark.parametrize(
    "mix",
    [
        "feature_swap",
        "feat_mix",
        FeatureSwap(rate=0.2, per="row"),
        Repeat(FeatMix(), 2),
    ],
    ids=repr,
)

TABLE, LABELS, INCOME = people(40)


class Spy(Callback):
    """Keeps the tables that the module gets while it trains."""

    def __init__(self):
        self.tables = []

    def on_train_begin(self, net, **kwargs):
        self.handle = net.module_.register_forward_pre_hook(self.keep, with_kwargs=True)

    def on_train_end(self, net, **kwargs):
        self.handle.remove()

    def keep(self, module, args, kwargs):
        names = ("numeric", "categorical")
        table = dict(zip(names, args, strict=False)) | kwargs
        if module.training:
            self.tables.append((table, kwargs.get("mix")))


def spied_fit(mix):
    """Fit, and return the encoded rows, the columns, and the batches of the module."""
    spy = Spy()
    model = classifier(mix=mix, callbacks=[spy], max_epochs=5)
    model.fit(TABLE, LABELS)
    [kept] = [c for _, c in model.net_.callbacks_ if isinstance(c, Spy)]
    rows = model._source_.transform(TABLE)
    return rows, model._source_.columns, kept.tables


@every_name
def test_a_classifier_trains(name):
    model = classifier(mix=name).fit(TABLE, LABELS)
    assert model.predict_proba(TABLE).shape == (40, 2)
    assert np.isfinite([epoch["train_loss"] for epoch in model.history_]).all()


@every_name
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_regressor_trains(name, n_outputs):
    y = INCOME if n_outputs == 1 else np.c_[INCOME, -INCOME]
    model = regressor(mix=name).fit(TABLE, y)
    assert model.predict(TABLE).shape == y.shape


@every_name
@pytest.mark.usefixtures("unchanged_random_state")
def test_a_seed_decides_all(name):
    one, same = (classifier(mix=name).fit(TABLE, LABELS) for _ in range(2))
    assert_same_weights(one, same)


@every_name
def test_mixing_changes_the_training(name):
    mixed, plain = (classifier(mix=mix).fit(TABLE, LABELS) for mix in (name, None))
    with pytest.raises(AssertionError):
        assert_same_weights(mixed, plain)


@every_name
def test_alpha_zero_is_no_mixing(name):
    off = classifier(mix=name, alpha=0).fit(TABLE, LABELS)
    assert_same_weights(off, classifier(mix=None).fit(TABLE, LABELS))


def test_grid_search_over_methods_and_alpha():
    grid = [{"mix": [None]}, {"mix": NAMES, "mix__alpha": [0.2, 1.0]}]
    search = GridSearchCV(classifier(), grid, cv=2, error_score="raise")
    search.fit(TABLE, LABELS)
    assert len(search.cv_results_["params"]) == 7
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_grid_search_over_objects_and_their_parameters():
    grid = [
        {
            "mix": [FeatureSwap()],
            "mix__per": ["batch", "row"],
            "mix__rate": [None, 0.1],
        },
        {"mix": [FeatMix(), HidMix()], "mix__p": [0.5]},
    ]
    search = GridSearchCV(regressor(), grid, cv=2, error_score="raise")
    search.fit(TABLE, INCOME)
    assert len(search.cv_results_["params"]) == 6


@moves_columns
def test_the_net_gets_codes_of_real_categories(mix):
    # pytorch_tabular: integer codes are blended and become other categories.
    rows, _, tables = spied_fit(mix)
    assert tables
    for table, mix_inside in tables:
        assert mix_inside is None
        assert table["categorical"].dtype == torch.int64
        for column in range(rows["categorical"].shape[1]):
            seen = set(table["categorical"][:, column].tolist())
            assert seen <= set(rows["categorical"][:, column].tolist())


@moves_columns
def test_every_mixed_row_comes_from_two_parents(mix):
    rows, columns, tables = spied_fit(mix)
    joined = torch.cat([rows["numeric"], rows["categorical"].float()], 1)
    owner = torch.cat([columns["numeric"], columns["categorical"]])
    n_mixed = 0
    for table, _ in tables[:2]:
        mixed = torch.cat([table["numeric"], table["categorical"].float()], 1)
        # (mixed row, parent, column): whether the whole column is the parent's.
        entries = mixed.unsqueeze(1) == joined.unsqueeze(0)
        fits = torch.stack(
            [entries[:, :, owner == c].all(2) for c in range(int(owner.max()) + 1)], 2
        )
        pairs = (fits.unsqueeze(2) | fits.unsqueeze(1)).all(3)
        assert bool(pairs.flatten(1).any(1).all())
        n_mixed += int((~fits.all(2).any(1)).sum())
    assert n_mixed > 0


def test_hid_mix_mixes_inside_and_leaves_the_table_alone():
    rows, _, tables = spied_fit("hid_mix")
    known = torch.cat([rows["numeric"], rows["categorical"].float()], 1)
    assert any(mix_inside is not None for _, mix_inside in tables)
    for table, _ in tables:
        seen = torch.cat([table["numeric"], table["categorical"].float()], 1)
        assert bool((seen.unsqueeze(1) == known).all(2).any(1).all())


def test_methods_that_move_and_that_blend_share_a_training():
    mix = OneOf([FeatMix(), HidMix(), Mixup(per="row")])
    model = classifier(mix=mix, max_epochs=8).fit(TABLE, LABELS)
    assert model.score(TABLE, LABELS) > 0.5


def test_groups_of_columns_without_names_are_those_of_an_array():
    X, y = blobs()
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    for name in NAMES:
        model = classifier(module=module, mix=name).fit(X, y)
        assert model.predict(X).shape == (60,)


@every_name
def test_images_are_refused_before_training(name):
    X = np.zeros((20, 3, 6, 6), dtype=np.float32)
    module = nn.Sequential(nn.Flatten(), nn.Linear(108, 2))
    with pytest.raises(ValueError, match=r"columns.*use CutMix"):
        classifier(module=module, mix=name).fit(X, np.arange(20) % 2)


def test_hid_mix_needs_one_embedding_of_numbers():
    model = classifier(mix="hid_mix", module__mix_numeric="before")
    with pytest.raises(ValueError, match=r"HidMix needs to know.*mix_numeric='after'"):
        model.fit(TABLE, LABELS)


def test_wrong_information_is_found_before_training():
    model = classifier(mix=FeatMix(information=[1.0, 2.0]))
    with pytest.raises(ValueError, match=r"one weight for each of the 5 columns"):
        model.fit(TABLE, LABELS)
