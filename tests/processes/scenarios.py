"""What processes do together in the tests, one after the other in one process group.

Each function returns what the tests look at: it says it of its own process alone.
"""

import pickle
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.distributed as dist
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.mixing import FixedLaw, Method, Mixup
from sk_mixup.mixing.plans import LinearPlan
from sk_mixup.processes import share_of_batch
from tests.builders import blobs, people, weights_of

X, Y = blobs(50, n_classes=3)


def net(*layers):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), *layers, nn.ReLU(), nn.Linear(8, 3))


def model(module=None, kind=MixupClassifier, **params):
    own = {"max_epochs": 3, "batch_size": 16, "random_state": 0, "lr": 0.05}
    own |= {"mix": None, "early_stopping": False}
    if params.get("mix") is not None:
        own["max_epochs"] = 5
    return kind(net() if module is None else module, **(own | params))


def outcome(fitted):
    """Return what a training has left behind."""
    return {
        "weights": weights_of(fitted),
        "history": [dict(row) for row in fitted.history_],
        "temperature": getattr(fitted, "temperature_", None),
        "n_iter": fitted.n_iter_,
    }


def both(fit, **params):
    """Return what is left by all processes, and by this one alone."""
    return {
        "together": outcome(fit(model(**params))),
        "alone": outcome(fit(model(distributed=None, **params))),
    }


def failure(call):
    """Return how a call fails, and how long that takes."""
    start = time.monotonic()
    try:
        call()
    except Exception as error:
        return type(error).__name__, str(error), time.monotonic() - start
    return None


def is_first():
    return dist.get_rank() == 0


def part(*arrays):
    """Return the rows of this process, of which the first has more."""
    n, size, rank = len(arrays[0]), dist.get_world_size(), dist.get_rank()
    bounds = [0, *(n * (r + 2) // (size + 1) for r in range(size))]
    rows = slice(bounds[rank], bounds[rank + 1])
    return [a.iloc[rows] if hasattr(a, "iloc") else a[rows] for a in arrays]


class Given(Method):
    """Mixes each process's rows of a batch backwards, in one process too."""

    short_name = ""

    def __init__(self, size, alone=False):
        self.size, self.alone = size, alone
        self.p, self.pairing, self.off_first, self.off_last = 1.0, "shuffle", 0, 0

    def _validate(self):
        pass

    def _draw(self, x, y, streams, context):
        n = len(x)
        parts = [slice(0, n)]
        if self.alone:
            parts = [share_of_batch(n, r, self.size) for r in range(self.size)]
        partner = torch.cat([torch.arange(p.stop - 1, p.start - 1, -1) for p in parts])
        lam = 0.6 + 0.4 * x[:, 0].sigmoid()
        return LinearPlan(partner, lam)


class Spy(Callback):
    """Keeps the rows and the plans of the batches of this process."""

    def __init__(self):
        self.rows, self.plans = [], []

    def on_batch_end(self, net, batch, training, **kwargs):
        if training:
            mixed = net.run_.mixed
            plan = mixed.plan
            self.rows.append((mixed.wide or batch)[0][:, 0].numpy().copy())
            self.plans.append(None if plan is None else (plan.partner, plan.lam))


# -- the same rows in all processes ------------------------------------------------


def plain():
    return both(lambda m: m.fit(X, Y))


def weighted_and_clipped():
    weight = np.linspace(0.0, 3.0, len(Y))
    params = {"accumulate": 2, "clip_norm": 0.1, "ema": 0.9, "batch_size": 8}
    return both(lambda m: m.fit(X, Y, sample_weight=weight), **params)


def asked_again():
    params = {"optimizer": torch.optim.LBFGS, "optimizer__max_iter": 2}
    return both(lambda m: m.fit(X, Y), batch_size=64, lr=0.1, **params)


def one_row_batches():
    return both(lambda m: m.fit(X[:7], Y[:7]), batch_size=2)


def given_plans():
    size = dist.get_world_size()
    together = model(mix=Given(size)).fit(X, Y)
    alone = model(mix=Given(size, alone=True), distributed=None).fit(X, Y)
    return {"together": outcome(together), "alone": outcome(alone)}


def validated():
    params = {"early_stopping": True, "validation_fraction": 0.3, "max_epochs": 30}
    params |= {"n_iter_no_change": 3, "lr": 0.3}
    return both(lambda m: m.fit(X, Y), **params)


def numbers():
    def fit(m):
        return m.fit(X, X[:, 0] * 100)

    torch.manual_seed(0)
    return both(fit, kind=MixupRegressor, module=nn.Linear(4, 1))


def normalised():
    return outcome(model(net(nn.BatchNorm1d(8)), mix="mixup").fit(X, Y))


def own_streams():
    spy = Spy()
    fitted = model(mix="mixup", alpha=1.0, callbacks=[spy], max_epochs=5).fit(X, Y)
    lams = [float(lam[0]) for _, lam in spy.plans]
    return outcome(fitted) | {"lams": lams, "rows": spy.rows}


def global_partners():
    spy = Spy()
    mix = Mixup(per="row", law=FixedLaw(0.75), partners="global")
    weight = np.linspace(1.0, 2.0, len(Y))
    fitted = model(mix=mix, callbacks=[spy])
    fitted.fit(X, Y, sample_weight=weight)
    far = [float((partner >= len(lam)).float().mean()) for partner, lam in spy.plans]
    return outcome(fitted) | {"far": far, "rows": spy.rows}


def global_partners_of_tables():
    table, y, _ = people(60)
    mix = Mixup(1.0, per="row", partners="global")
    return outcome(model("mlp", mix=mix).fit(table, y))


def table():
    rows, y, _ = people(80)
    fitted = MixupClassifier(max_epochs=2, random_state=0).fit(rows, y)
    return outcome(fitted) | {"proba": fitted.predict_proba(rows)}


def seedless():
    return outcome(model(random_state=None, mix="mixup").fit(X, Y))


def goes_on():
    fitted = model(mix="mixup", warm_start=True)
    for _ in range(2):
        fitted.fit(X, Y)
    return outcome(fitted.partial_fit(X, Y))


def data_sets():
    rows = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    return both(lambda m: m.fit(rows))


def loaders():
    return both(lambda m: m.fit(X, Y), iterator_train__num_workers=0)


def streams():
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return zip(torch.from_numpy(X), torch.from_numpy(Y), strict=True)

    return both(lambda m: m.fit(Stream(), classes=[0, 1, 2]))


def unused():
    """A weight that no process uses keeps its value, weight decay or not."""

    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.left = nn.Linear(4, 3), nn.Linear(4, 3)

        def forward(self, x):
            return self.used(x)

    torch.manual_seed(0)
    given = Half()
    fitted = model(given, optimizer__weight_decay=1.0).fit(X, Y)
    return torch.equal(fitted.module_.left.weight, given.left.weight)


def stops_together():
    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            if not is_first() and len(net.history) == 2:
                raise KeyboardInterrupt

    # As callbacks of skorch do it, which end a training.
    Stop.on_epoch_end.__globals__["__name__"] = "skorch.callbacks.stop"
    try:
        return model(callbacks=[Stop()], max_epochs=9).fit(X, Y).n_iter_
    finally:
        Stop.on_epoch_end.__globals__["__name__"] = __name__


# -- a part of the rows each -------------------------------------------------------


def parts():
    own = model(distributed="parts", mix="mixup").fit(*part(X, Y))
    return outcome(own)


def parts_of_one_batch():
    """Every step sees all rows: the order within it does not matter."""
    fitted = model(distributed="parts", batch_size=1000).fit(*part(X, Y))
    alone = model(distributed=None, batch_size=1000).fit(X, Y)
    return {"together": outcome(fitted), "alone": outcome(alone)}


def weighted_parts():
    weight = np.linspace(0.0, 3.0, len(Y))
    params = {"batch_size": 1000, "class_weight": "balanced"}
    rows, y, own = part(X, Y, weight)
    fitted = model(distributed="parts", **params).fit(rows, y, sample_weight=own)
    alone = model(distributed=None, **params).fit(X, Y, sample_weight=weight)
    return {"together": outcome(fitted), "alone": outcome(alone)}


def parts_of_tables():
    """A class, and a category, that one process alone has."""
    rows, y, _ = people(80)
    rows["town"] = pd.Categorical(np.where(np.arange(80) < 60, "here", "there"))
    y = np.where(np.arange(80) < 70, y, "other")
    own = part(rows, y)
    fitted = MixupClassifier(max_epochs=2, random_state=0, distributed="parts")
    fitted.fit(*own)
    return outcome(fitted) | {
        "proba": fitted.predict_proba(rows),
        "classes": list(fitted.classes_),
    }


def validated_parts():
    params = {"early_stopping": True, "validation_fraction": 0.3, "max_epochs": 30}
    fitted = model(distributed="parts", n_iter_no_change=3, lr=0.3, **params)
    return outcome(fitted.fit(*part(X, Y)))


# -- what goes wrong ---------------------------------------------------------------


def other_rows():
    n = 50 if is_first() else 40
    return failure(lambda: model().fit(X[:n], Y[:n]))


def other_targets():
    return failure(lambda: model().fit(X, Y if is_first() else Y[::-1]))


def other_epochs():
    return failure(lambda: model(max_epochs=3 + dist.get_rank()).fit(X, Y))


def no_rows():
    n = 50 if is_first() else 0
    return failure(lambda: model(distributed="parts").fit(X[:n], Y[:n]))


def no_rows_of_weight():
    weight = np.full(50, float(is_first()))
    return failure(lambda: model(distributed="parts").fit(X, Y, sample_weight=weight))


def bad_rows():
    rows = X.copy()
    rows[3, 1] = 0 if is_first() else np.nan
    return failure(lambda: model().fit(rows, Y))


def fails_in_training():
    class Fails(Callback):
        def on_batch_end(self, net, **kwargs):
            if not is_first() and len(net.history) == 2:
                raise OSError("the disk is full")

    return failure(lambda: model(callbacks=[Fails()]).fit(X, Y))


def checkpointed():
    return failure(lambda: model(checkpoint="here").fit(X, Y))


def accelerated():
    net = NeuralNetClassifier(nn.Linear(4, 3))
    net.accelerator = object()
    return failure(lambda: model(net, batch_size=None, lr=None).fit(X, Y))


def partners_of_one_of_several():
    mix = [Mixup(partners="global"), "cutmix"]
    return failure(lambda: model(mix=mix).fit(X, Y))


SCENARIOS = [
    *(accelerated, partners_of_one_of_several),
    *(plain, weighted_and_clipped, asked_again, one_row_batches, given_plans),
    *(validated, numbers, normalised, own_streams, global_partners),
    *(global_partners_of_tables, table, seedless, goes_on, data_sets, loaders),
    *(streams, unused, stops_together, parts, parts_of_one_batch, weighted_parts),
    *(parts_of_tables, validated_parts, other_rows, other_targets, other_epochs),
    *(no_rows, no_rows_of_weight, bad_rows, fails_in_training, checkpointed),
]


def main(folder, *only):
    dist.init_process_group("gloo")
    found = {}
    for scenario in SCENARIOS:
        if only and scenario.__name__ not in only:
            continue
        start = time.monotonic()
        found[scenario.__name__] = scenario()
        print(scenario.__name__, f"{time.monotonic() - start:.2f}", flush=True)
        # After a failure too, all go on together.
        dist.barrier()
    (Path(folder) / f"{dist.get_rank()}.pkl").write_bytes(pickle.dumps(found))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
