"""Estimators that keep what they were given, and a table of every kind of column."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin


class Recorder(BaseEstimator):
    """Learns nothing and keeps all."""

    def __init__(self, categorical_features=None):
        self.categorical_features = categorical_features

    def fit(self, X, y, sample_weight=None):
        self.X_, self.y_, self.weights_ = X, y, sample_weight
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


class RecordingClassifier(ClassifierMixin, Recorder):
    """Takes labels."""


class RecordingRegressor(RegressorMixin, Recorder):
    """Takes numbers."""


def every_kind(n_rows=40, seed=0):
    """Return a table whose columns are of all kinds, and two labels."""
    random = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "float": random.standard_normal(n_rows),
            "single": random.standard_normal(n_rows).astype(np.float32),
            "integer": random.integers(0, 9, n_rows),
            "nullable": pd.array(random.integers(0, 9, n_rows), dtype="Int64"),
            "truth": random.random(n_rows) < 0.5,
            "text": random.choice(["a", "b", "c"], n_rows),
            "category": pd.Categorical(random.choice(["x", "y"], n_rows)),
            "date": pd.date_range("2020", periods=n_rows),
        },
        index=np.arange(n_rows)[::-1],
    )
    X.loc[::5, "float"] = np.nan
    X.loc[::4, "nullable"] = pd.NA
    return X, np.where(random.random(n_rows) < 0.3, "rare", "usual")
