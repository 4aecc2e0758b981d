"""Files that were written once are read for good."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

import sk_mixup
from tests.saving.damage import parts_of

FILE = Path(__file__).parents[1] / "data" / "model_version_1.skm"
ROWS = pd.DataFrame(
    {
        "age": [25.0, 61.0, np.nan, 40.0],
        "hours": [10, 50, 33, 7],
        "job": ["nurse", "cook", None, "pilot"],
        "region": ["north", "south", "south", "west"],
        "member": [True, False, True, True],
    }
)
# Of "high".
PROBA = [0.6388025452858517, 0.6312161447255482, 0.6805746677369302, 0.6270360106816575]


def test_version_1_is_read():
    model = sk_mixup.load(FILE)
    assert model.classes_.tolist() == ["high", "low"]
    proba = model.predict_proba(ROWS)[:, 0]
    np.testing.assert_allclose(proba, PROBA, rtol=0, atol=1e-6)
    params = model.get_params()
    assert params["module__d_hidden"] == 8
    assert params["optimizer"] is torch.optim.AdamW
    assert len(model.history_) == model.n_iter_ == 5


def test_version_1_is_small_and_says_so():
    data = FILE.read_bytes()
    assert len(data) < 30_000
    document, _ = parts_of(data)
    assert document["version"] == 1


def test_version_1_can_be_trained_further():
    model = sk_mixup.load(FILE)
    model.partial_fit(ROWS, ["high", "low", "low", "high"])
    assert model.n_iter_ == 6
