"""Nets, folds and comparisons of the tests of packs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from sk_mixup.estimators import GivenRows, Settings, prepare, read
from sk_mixup.training import (
    PackMember,
    pack_key,
    train_together,
    unfusable_reason,
)

N_ROWS, WIDTH, N_CLASSES = 150, 5, 3


class DoubleNet(nn.Module):
    """Computes in double precision, where rounding is no excuse."""

    def __init__(self, n_outputs=N_CLASSES, norm=False, dropout=0.0):
        super().__init__()
        self.first = nn.Linear(WIDTH, 12, bias=not norm)
        self.norm = nn.BatchNorm1d(12) if norm else nn.Identity()
        self.drop = nn.Dropout(dropout)
        self.last = nn.Linear(12, n_outputs)
        self.double()

    def forward(self, x):
        hidden = torch.tanh(self.norm(self.first(x.double())))
        return self.last(self.drop(hidden))


def layered(norm=False, dropout=0.0):
    """Layers that are computed by hand, not by vmap."""
    return nn.Sequential(
        nn.Linear(WIDTH, 12, bias=not norm),
        nn.Sequential(nn.BatchNorm1d(12) if norm else nn.Identity(), nn.ReLU()),
        nn.Dropout(dropout),
        nn.Linear(12, 8),
        nn.LayerNorm(8),
        nn.GELU(),
        nn.Linear(8, N_CLASSES),
    )


def rows():
    """Return inputs and labels."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N_ROWS, WIDTH)).astype(np.float32)
    scores = x @ rng.normal(size=(WIDTH, N_CLASSES))
    y = (scores + rng.normal(size=scores.shape)).argmax(1)
    return x, y


# Of different length, with different last batches and numbers of batches.
FOLDS = [np.arange(130), np.arange(20, 150), np.arange(50, 132)]
PLAIN = {"max_epochs": 5, "batch_size": 16, "lr": 0.01, "random_state": 3}
NO_STOP = PLAIN | {"early_stopping": False}
STOPPING = PLAIN | {
    # Some folds stop early, others do not.
    "max_epochs": 12,
    "lr": 0.02,
    "early_stopping": True,
    "n_iter_no_change": 2,
    "validation_fraction": 0.3,
}
ALPHAS = [{"alpha": 0.0}, {"alpha": 0.1}, {"alpha": 0.5}, {"mix": None}]


def prepared(estimator, x, y, **given):
    settings = Settings.of(estimator, x)
    training = prepare(settings, read(settings, GivenRows(x, y, **given)))
    return training, as_member(training)


def as_member(training):
    d = training.data
    return PackMember(
        training.net,
        training.run,
        d.train,
        d.valid,
        training.n_epochs,
        training.knobs,
        training.schedule,
        d.streams.next_dropout_seed(),
    )


def fitted_together(estimators, parts, weights=None, **options):
    """Fit every estimator to its part (x, y), in one pack."""
    pairs = []
    for i, (estimator, (x, y)) in enumerate(zip(estimators, parts, strict=True)):
        given = {} if weights is None else {"sample_weight": weights[i]}
        pairs.append(prepared(estimator, x, y, **given))
    members = [member for _, member in pairs]
    assert [unfusable_reason(m) for m in members] == [None] * len(members)
    assert len({pack_key(m) for m in members}) == 1
    errors = train_together(members, **options)
    for estimator, (training, _), error in zip(estimators, pairs, errors, strict=True):
        if error is None:
            estimator._become(training)
    return errors


def check_equal(make, settings, data, tolerance, weight=None, folds=FOLDS):
    """Compare members of a pack with lone fits, in all that a fit leaves behind."""
    x, y = data
    jobs = [(one, rows) for rows in folds for one in settings]
    together = [make(**one) for one, _ in jobs]
    weights = None if weight is None else [weight[rows] for _, rows in jobs]
    parts = [(x[rows], y[rows]) for _, rows in jobs]
    errors = fitted_together(together, parts, weights)
    assert errors == [None] * len(jobs)
    for i, (estimator, (one, _)) in enumerate(zip(together, jobs, strict=True)):
        given = {} if weights is None else {"sample_weight": weights[i]}
        lone = make(**one).fit(*parts[i], **given)
        predict = "predict_proba" if hasattr(lone, "predict_proba") else "predict"
        np.testing.assert_allclose(
            getattr(estimator, predict)(x), getattr(lone, predict)(x), atol=tolerance
        )
        assert len(estimator.history_) == len(lone.history_)
        for epoch, wanted in zip(estimator.history_, lone.history_, strict=True):
            assert epoch.keys() == wanted.keys()
            for key in ("train_loss", "valid_loss", "train_acc_mixed", "valid_acc"):
                if key in wanted:
                    assert epoch[key] == pytest.approx(wanted[key], abs=1e-5)
        for mine, own in zip(generators(estimator), generators(lone), strict=True):
            assert np.array_equal(mine, own)


def generators(estimator):
    return estimator._streams_.__getstate__()["_generators"].values()
