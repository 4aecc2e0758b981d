"""Models that a version before the rooms has pickled go on to predict."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch

from sk_mixup._moved import MOVED

# Written by version 0.1 as it was before its modules moved: the pickled model, rows,
# and what it said of them.
STORED = Path(__file__).parent / "data" / "version_0_1.pkl"


def test_a_model_of_the_version_before_predicts_the_same():
    stored = pickle.loads(STORED.read_bytes())
    now = {
        "scikit-learn": sklearn.__version__,
        "torch": torch.__version__.partition("+")[0],
    }
    if now != stored["versions"]:
        pytest.skip(f"pickles of {stored['versions']} do not serve {now}")
    model = pickle.loads(stored["model"])
    rows = pd.DataFrame(stored["rows"])
    np.testing.assert_array_equal(model.predict_proba(rows), stored["proba"])
    assert model.set_params(max_epochs=5).fit(rows, ["a", "b"] * 20).n_iter_ == 5


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_of_a_module_finds_what_is_in_the_new_one(old):
    found, new = importlib.import_module(old), importlib.import_module(MOVED[old])
    for name, value in vars(new).items():
        if getattr(value, "__module__", None) == new.__name__:
            assert getattr(found, name) is value


def test_a_name_that_never_was_is_still_an_error():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("sk_mixup._never_was")
