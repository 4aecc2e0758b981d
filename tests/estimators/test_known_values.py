"""Predictions do not depend on how a repeated number was stored."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sk_mixup import MixupClassifier, MixupRegressor

_STEP = np.random.default_rng(0).integers(1, 10, 300)
_ODD = np.array([0, 1, 1, 0, 1, 0, 0, 1, 1, 0])[_STEP]
X = pd.DataFrame(
    {"price": _STEP / 10, "other": np.random.default_rng(1).integers(0, 6, 300) / 3}
)


@pytest.mark.parametrize("module", [None, "mlp", "resnet", "ft_transformer"])
@pytest.mark.parametrize(
    ("in_fit", "asked"), [("f4", "f8"), ("f8", "f4"), ("f8", "f2")]
)
def test_classes(module, in_fit, asked):
    model = MixupClassifier(module, max_epochs=2, random_state=0, early_stopping=False)
    model.fit(X.astype(in_fit), _ODD)
    np.testing.assert_array_equal(
        model.predict_proba(X.astype(asked)), model.predict_proba(X.astype(in_fit))
    )


def test_numbers_computed_anew_and_read_from_a_file():
    model = MixupRegressor(max_epochs=2, random_state=0, early_stopping=False)
    model.fit(X, _ODD * 10.0)
    expected = model.predict(X)
    np.testing.assert_array_equal(model.predict(X * 3 / 3), expected)
    read = X.map(lambda value: float(f"{value:.6g}"))
    np.testing.assert_array_equal(model.predict(read), expected)
