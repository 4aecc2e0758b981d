"""The same seed gives the same net, and nothing global changes."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from sk_mixup.mixing import Mixup
from tests.builders import (
    Batches,
    assert_same_weights,
    blobs,
    classifier,
    people,
    regressor,
    weights_of,
)

TABLE, LABELS, INCOME = people(80)
X, Y = blobs(64)
LINEAR = nn.Linear(4, 1)

PROGRAM = """
import sys, torch
from tests.builders import classifier, people
torch.set_num_threads(int(sys.argv[1]))
table, labels, _ = people(80)
proba = classifier().fit(table, labels).predict_proba(table)
sys.stdout.write(proba.tobytes().hex())
"""


# -- the same seed --------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"mix": None},
        {"mix": Mixup(1.0, per="row")},
        {"mix": "manifold", "alpha": 1.0},
        {"mix": ["mixup", "manifold"]},
        {"early_stopping": True},
        {"class_weight": "balanced"},
        {"iterator_train__num_workers": 0},
    ],
    ids=str,
)
def test_the_same_seed_gives_the_same_predictions(params):
    one, other = (classifier(**params).fit(TABLE, LABELS) for _ in range(2))
    np.testing.assert_array_equal(one.predict_proba(TABLE), other.predict_proba(TABLE))
    assert_same_weights(one, other)
    assert one.history_[:, "train_loss"] == other.history_[:, "train_loss"]


def test_the_same_seed_gives_the_same_regressor():
    one, other = (regressor().fit(TABLE, INCOME) for _ in range(2))
    np.testing.assert_array_equal(one.predict(TABLE), other.predict(TABLE))


def test_the_same_seed_in_a_new_process():
    n_threads = torch.get_num_threads()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(n_threads)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )
    proba = classifier().fit(TABLE, LABELS).predict_proba(TABLE)
    assert done.stdout == proba.tobytes().hex()


@pytest.mark.filterwarnings("ignore:max_epochs=3")
def test_another_number_of_threads_is_close(threads):
    predictions = []
    for n_threads in (1, 2):
        threads(n_threads)
        model = classifier(max_epochs=3).fit(TABLE, LABELS)
        predictions.append(model.predict_proba(TABLE))
    np.testing.assert_allclose(*predictions, atol=1e-5)


def test_another_seed_gives_another_net():
    one, other = (classifier(random_state=s).fit(X, Y) for s in (0, 1))
    assert (one.predict_proba(X) != other.predict_proba(X)).any()


def test_a_random_state_goes_on_from_fit_to_fit():
    model = classifier(random_state=np.random.RandomState(0))
    first = model.fit(X, Y).predict_proba(X)
    assert (model.fit(X, Y).predict_proba(X) != first).any()


def test_without_a_seed_two_nets_differ():
    one, other = (classifier(random_state=None).fit(X, Y) for _ in range(2))
    assert (one.predict_proba(X) != other.predict_proba(X)).any()


def test_dropout_of_a_module_is_seeded():
    def net():
        return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2))

    assert_same_weights(*(classifier(module=net).fit(X, Y) for _ in range(2)))


def test_global_seeds_do_not_matter():
    one = classifier().fit(X, Y)
    state = torch.get_rng_state()
    torch.manual_seed(99)
    try:
        assert_same_weights(one, classifier().fit(X, Y))
    finally:
        torch.set_rng_state(state)


def test_partial_fit_is_reproducible_after_pickling():
    import pickle

    model = classifier().partial_fit(X, Y)
    twin = pickle.loads(pickle.dumps(model))
    assert_same_weights(model.partial_fit(X, Y), twin.partial_fit(X, Y))


# -- nothing global changes -----------------------------------------------------------


@pytest.mark.usefixtures("unchanged_random_state")
@pytest.mark.parametrize("early_stopping", [False, True])
def test_global_states_stay_as_they_are(early_stopping):
    model = classifier(early_stopping=early_stopping, random_state=None)
    model.fit(TABLE, LABELS).predict(TABLE)


@pytest.mark.usefixtures("unchanged_random_state")
def test_global_states_stay_as_they_are_after_an_error():
    with pytest.raises(FloatingPointError):
        regressor(module=LINEAR, lr=1e30, optimizer=torch.optim.SGD, max_epochs=9).fit(
            X, X[:, 0]
        )


def test_fit_leaves_the_number_of_threads(threads):
    threads(2)
    counts = []

    class Count(Callback):
        def on_batch_begin(self, net, **kwargs):
            counts.append(torch.get_num_threads())

    classifier(callbacks=[Count()]).fit(X, Y).predict(X)
    assert set(counts) == {2}
    assert torch.get_num_threads() == 2


# -- paired comparisons ---------------------------------------------------------------


def test_a_sweep_over_alpha_begins_with_the_same_weights():
    nets = [
        classifier(alpha=alpha, lr=1e-30).fit(X, Y).module_ for alpha in (0, 0.2, 1.0)
    ]
    for net in nets[1:]:
        for a, b in zip(nets[0].parameters(), net.parameters(), strict=True):
            # Biases begin at zero, where the least step is seen.
            assert torch.allclose(a, b, rtol=0.0, atol=1e-20)


def test_a_sweep_over_alpha_sees_the_same_batches():
    seen = []
    for mix, alpha in ((None, None), ("mixup", 0), ("mixup", 0.2), ("mixup", 1.0)):
        batches = Batches()
        net = nn.Linear(4, 2)
        params = {"module": net, "mix": mix, "alpha": alpha, "batch_size": 24}
        classifier(callbacks=[batches], **params).fit(X, Y)
        seen.append(torch.cat(batches.seen))
    for other in seen[1:]:
        assert torch.equal(seen[0], other)


def test_alpha_0_is_no_mixing():
    plain = classifier(mix=None).fit(X, Y)
    assert_same_weights(plain, classifier(alpha=0).fit(X, Y))


def test_the_order_of_rows_changes_from_epoch_to_epoch():
    batches = Batches()
    classifier(module=nn.Linear(4, 2), callbacks=[batches], batch_size=64).fit(X, Y)
    assert not torch.equal(batches.seen[0], batches.seen[1])
    assert torch.equal(*(batch.sort(0).values for batch in batches.seen[:2]))


def test_warm_start_with_other_settings_keeps_what_was_learnt():
    model = classifier(warm_start=True).fit(X, Y)
    last = [np.array(value) for value in weights_of(model)]
    model.set_params(lr=1e-30, alpha=0.4).fit(X, Y)
    for a, b in zip(last, weights_of(model), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


# -- predictions ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    return classifier().fit(TABLE, LABELS)


def test_a_prediction_does_not_depend_on_the_rows_beside_it(model):
    import pandas as pd

    many = pd.concat([TABLE] * 20, ignore_index=True)
    together = model.predict_proba(many)
    alone = np.concatenate([model.predict_proba(TABLE[i : i + 1]) for i in range(80)])
    np.testing.assert_allclose(together[:80], alone, atol=1e-6)
    shuffled = np.random.default_rng(0).permutation(len(many))
    again = model.predict_proba(many.iloc[shuffled])
    np.testing.assert_allclose(again, together[shuffled], atol=1e-6)


def test_predicting_twice_gives_the_same(model):
    first = model.predict_proba(TABLE)
    np.testing.assert_array_equal(first, model.predict_proba(TABLE))


@pytest.mark.usefixtures("unchanged_random_state")
def test_predicting_changes_no_weight(model):
    before = [value.copy() for value in weights_of(model)]
    model.predict(TABLE)
    for a, b in zip(before, weights_of(model), strict=True):
        np.testing.assert_array_equal(a, b)
