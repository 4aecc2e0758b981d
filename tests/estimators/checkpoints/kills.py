"""Trainings that end where a file is about to take its name, in this process."""

import os
from contextlib import contextmanager
from unittest import mock

import numpy as np

from tests.builders import same_weights


class Killed(BaseException):
    """Stands for the end of a process, which nobody catches."""


@contextmanager
def killed_at(n_files):
    """Let a training end as its n-th file is about to be there."""
    replace, left = os.replace, [n_files]

    def ends(*args):
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        replace(*args)

    try:
        with mock.patch("os.replace", ends):
            yield
    except Killed:
        return
    raise AssertionError("the training ended before it was killed")


@contextmanager
def counted_epochs():
    """Count the epochs that are trained in this process."""
    from sk_mixup.training import MixingMixin

    run, seen = MixingMixin.run_single_epoch, []

    def counted(net, iterator, training, **kwargs):
        seen.extend([1] * training)
        return run(net, iterator, training=training, **kwargs)

    with mock.patch.object(MixingMixin, "run_single_epoch", counted):
        yield seen


def history_of(model):
    """Return the history without what a clock says."""
    return [{k: v for k, v in row.items() if k != "dur"} for row in model.history_]


def assert_ended_alike(one, other, X):
    """Check that nothing tells two fitted models apart."""
    assert same_weights(one, other)
    assert history_of(one) == history_of(other)
    for name in ("temperature_", "alpha_", "n_iter_"):
        np.testing.assert_array_equal(getattr(one, name, 0), getattr(other, name, 0))
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
