"""Processes that are killed while they fit: another one goes on, and ends the same."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sk_mixup import MixupSearchCV
from tests.estimators.checkpoints.kills import assert_ended_alike, counted_epochs
from tests.estimators.checkpoints.victim import victim

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys, warnings
warnings.simplefilter("ignore")
from tests.estimators.checkpoints.victim import fit_and_die
fit_and_die(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
"""


@pytest.mark.parametrize(
    ("kind", "n_files", "number"),
    [
        ("table", 3, signal.SIGKILL),
        ("module", 5, signal.SIGTERM),
        ("search", 2, signal.SIGKILL),
    ],
)
def test_another_process_ends_it_the_same(kind, n_files, number, tmp_path, threads):
    threads(1)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind, tmp_path, str(n_files), str(int(number))],
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == -number
    whole, X, y = victim(kind, None)
    with counted_epochs() as planned:
        whole.fit(X, y)
    again, _, _ = victim(kind, tmp_path)
    with counted_epochs() as left:
        again.fit(X, y)
    if isinstance(whole, MixupSearchCV):
        assert len(left) <= len(planned)
        scores = (one.cv_results_["mean_test_score"] for one in (whole, again))
        np.testing.assert_array_equal(*scores)
        whole, again = whole.best_estimator_, again.best_estimator_
    else:
        assert 0 < len(left) < len(planned)
    assert_ended_alike(whole, again, X)
