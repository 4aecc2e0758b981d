"""Searches whose packs are trained by the workers of a cluster."""

import os
import sys
from unittest import mock

import joblib
import numpy as np
import pytest
from torch import nn

from sk_mixup import MixupSearchCV
from tests.builders import blobs, classifier

GRID = {"alpha": [0, 0.2, 0.5]}
# What these packages say of themselves is no matter of ours.
pytestmark = pytest.mark.filterwarnings("ignore")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x):
        return self.layers(x)


def search(**params):
    net = classifier(module=Net, early_stopping=False)
    own = {"cv": 3, "scoring": "neg_log_loss"}
    return MixupSearchCV(net, GRID, **(own | params))


def scores(fitted):
    return fitted.cv_results_["mean_test_score"]


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    # Workers read this file to know its net.
    with (
        mock.patch.dict(os.environ, {"PYTHONPATH": os.pathsep.join(sys.path)}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
        ) as cluster,
        distributed.Client(cluster) as one,
    ):
        yield one


def dies_once(folder):
    """Return a layer that ends the first process that makes it."""

    class Dies(nn.Linear):
        def __init__(self):
            deaths = os.path.join(folder, "deaths")
            if not os.path.exists(deaths):
                open(deaths, "w").close()
                os._exit(1)
            super().__init__(4, 3)

    return Dies


def test_workers_of_dask_find_what_this_process_finds(client):
    X, y = blobs(90, n_classes=3)
    with joblib.parallel_config(backend="dask"):
        found = search().fit(X, y)
    np.testing.assert_allclose(scores(found), scores(search().fit(X, y)), rtol=1e-5)


def test_rows_are_sent_to_the_workers_of_dask_once(client):
    X, y = blobs(20_000, n_classes=3)
    sent = []
    scatter = type(client).scatter

    def counted(self, data, *args, **params):
        sent.extend(x.nbytes for x in data if isinstance(x, np.ndarray))
        return scatter(self, data, *args, **params)

    with (
        mock.patch.object(type(client), "scatter", counted),
        joblib.parallel_config(backend="dask", scatter=[X, y]),
    ):
        search(refit=False).fit(X, y)
    assert sent.count(X.nbytes) == 1


def test_a_worker_of_dask_that_dies_is_no_loss(client, tmp_path):
    X, y = blobs(90, n_classes=3)
    (tmp_path / "deaths").touch()
    module = dies_once(str(tmp_path))
    net = classifier(module=module, early_stopping=False)
    one = MixupSearchCV(net, GRID, cv=3, refit=False, scoring="neg_log_loss")

    def armed(*args, **params):
        (tmp_path / "deaths").unlink()
        return train(*args, **params)

    from sk_mixup.model_selection import _sweep

    train = _sweep.train_elsewhere
    with (
        mock.patch.object(_sweep, "train_elsewhere", armed),
        joblib.parallel_config(backend="dask"),
    ):
        one.fit(X, y)
    assert (tmp_path / "deaths").exists()
    assert np.isfinite(scores(one)).all()


def test_workers_of_ray_find_what_this_process_finds():
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    X, y = blobs(90, n_classes=3)
    path = os.pathsep.join(sys.path)
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        runtime_env={"env_vars": {"PYTHONPATH": path}},
    )
    try:
        register_ray()
        with joblib.parallel_config(backend="ray", n_jobs=2):
            found = search().fit(X, y)
    finally:
        ray.shutdown()
    np.testing.assert_allclose(scores(found), scores(search().fit(X, y)), rtol=1e-5)
