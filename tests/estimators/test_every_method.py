"""Every method by its short name, on every kind of input that suits it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.mixing import list_methods

NAMES = list(list_methods())
OF_PLACES = {"cutmix", "resize_mix", "grid_mix", "smooth_mix", "f_mix"}
OF_COLUMNS = {"feature_swap", "feat_mix", "hid_mix"}
OF_CLASSES = {"remix", "ma_mix", "balanced_mixup"}
OF_NUMBERS = {"c_mixup"}
OF_MAPS = {"align_mix"}
OF_SOUNDS = {"waveform_mix"}
NOT_FOR_MAPS = OF_COLUMNS | OF_SOUNDS
LOOKS_AT = {n: getattr(list_methods()[n].method, "looks_at", None) for n in NAMES}
OF_IMAGES = {name for name, what in LOOKS_AT.items() if what == "images"}
OF_EMBEDDINGS = {name for name, what in LOOKS_AT.items() if what == "embeddings"}
LOOKING = OF_IMAGES | OF_EMBEDDINGS
HIDDEN = {"manifold", "align_mix"}

N_ROWS = 48


class Convolution(nn.Module):
    """A net for inputs of one to three spatial axes."""

    def __init__(self, n_axes, n_outputs=3):
        super().__init__()
        layer = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[n_axes]
        self.maps = layer(2, 4, 3, padding=1)
        self.head = nn.Linear(4, n_outputs)

    def forward(self, x):
        return self.head(self.maps(x).relu().flatten(2).mean(2))


class Dense(nn.Module):
    """A net for rows of numbers."""

    def __init__(self, n_outputs=3):
        super().__init__()
        self.maps = nn.Linear(6, 8)
        self.head = nn.Linear(8, n_outputs)

    def forward(self, x):
        return self.head(self.maps(x).relu())


def table():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "size": rng.normal(size=N_ROWS),
            "age": rng.integers(0, 90, N_ROWS).astype(float),
            "town": rng.choice(["Ulm", "Trier", "Jena"], N_ROWS),
        }
    )
    X.loc[::7, "age"] = np.nan
    return X


def array(*shape):
    rng = np.random.default_rng(0)
    return rng.standard_normal((N_ROWS, *shape)).astype(np.float32)


def classes():
    return np.arange(N_ROWS) % 3


def numbers():
    return np.linspace(-1, 1, N_ROWS)


# Three axes may also be embedded columns: column methods take sequences.
KINDS = {
    "table": (table, None, {}, OF_PLACES | OF_MAPS | OF_SOUNDS | LOOKING),
    "vectors": (lambda: array(6), Dense, {}, OF_PLACES | OF_MAPS | LOOKING),
    "sequences": (lambda: array(2, 9), Convolution, {"n_axes": 1}, OF_IMAGES),
    "images": (
        lambda: array(2, 8, 6),
        Convolution,
        {"n_axes": 2},
        OF_COLUMNS | OF_SOUNDS | OF_EMBEDDINGS,
    ),
    "volumes": (
        lambda: array(2, 4, 5, 3),
        Convolution,
        {"n_axes": 3},
        OF_COLUMNS | OF_SOUNDS | LOOKING,
    ),
}


def suited(kind, *, regression):
    without = KINDS[kind][3] | (OF_CLASSES if regression else OF_NUMBERS)
    return [name for name in NAMES if name not in without]


def estimator(name, kind, *, regression=False, **params):
    _, module, arguments, _ = KINDS[kind]
    arguments = {f"module__{key}": value for key, value in arguments.items()}
    if module is not None and name in HIDDEN:
        arguments["mix__layers"] = "maps"
    if regression and module is not None:
        arguments["module__n_outputs"] = 1
    cls = MixupRegressor if regression else MixupClassifier
    params = {"max_epochs": 5, "batch_size": 16, "random_state": 0} | params
    return cls(module, mix=name, **params, **arguments)


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for kind in KINDS for name in suited(kind, regression=False)],
)
def test_a_classifier_fits_with_every_name(name, kind):
    X, y = KINDS[kind][0](), classes()
    clf = estimator(name, kind).fit(X, y)
    assert clf.n_iter_ == 5
    assert np.isfinite(clf.history_[:, "train_loss"]).all()
    probabilities = clf.predict_proba(X)
    assert probabilities.shape == (N_ROWS, 3)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert 0 <= clf.history_[-1, "train_acc_mixed"] <= 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for kind in KINDS for name in suited(kind, regression=True)],
)
def test_a_regressor_fits_with_every_name(name, kind):
    X = KINDS[kind][0]()
    reg = estimator(name, kind, regression=True).fit(X, numbers())
    assert np.isfinite(reg.predict(X)).all()


@pytest.mark.parametrize("name", suited("table", regression=False))
def test_two_fits_with_one_seed_are_the_same(name):
    X, y = table(), classes()
    first = estimator(name, "table").fit(X, y).predict_proba(X)
    second = estimator(name, "table").fit(X, y).predict_proba(X)
    assert np.array_equal(first, second)


@pytest.mark.parametrize("kind", ["table", "images"])
def test_the_names_are_a_grid_of_their_own(kind):
    names = [n for n in suited(kind, regression=False) if n not in HIDDEN]
    search = GridSearchCV(estimator("mixup", kind), {"mix": names}, cv=2)
    search.fit(KINDS[kind][0](), classes())
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    "name",
    [
        n
        for n in suited("table", regression=False)
        if "alpha" in list_methods()[n].defaults
    ],
)
def test_alpha_is_swept_for_every_method_that_has_one(name):
    grid = {"mix__alpha": [0, 0.5]}
    search = GridSearchCV(estimator(name, "table"), grid, cv=2)
    search.fit(table(), classes())
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for kind in KINDS for name in sorted(KINDS[kind][3])],
)
def test_an_input_that_does_not_suit_is_refused_with_the_methods_name(name, kind):
    clf = estimator(name, kind)
    method = list_methods()[name].method.__name__
    with pytest.raises(ValueError, match=method):
        clf.fit(KINDS[kind][0](), classes())
    assert not hasattr(clf, "net_")


@pytest.mark.parametrize("name", sorted(OF_NUMBERS))
def test_methods_for_numbers_refuse_classes(name):
    with pytest.raises((TypeError, ValueError), match=r"CMixup.*For classes"):
        estimator(name, "table").fit(table(), classes())


@pytest.mark.parametrize("name", sorted(OF_CLASSES))
def test_methods_for_classes_refuse_numbers(name):
    method = list_methods()[name].method.__name__
    with pytest.raises((TypeError, ValueError), match=method):
        estimator(name, "table", regression=True).fit(table(), numbers())
