"""Other people's nets for tables: scikit-learn's MLP, and pytabkit's with defaults."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.peers.tabular_boosting import Categories
from benchmarks.tabular_data import TabularData


def build_mlp(data: TabularData, seed: int, threads: int, early: bool = False) -> Any:
    """Return scikit-learn's MLP behind the encoding that its users write.

    Parameters
    ----------
    data, seed, threads :
        NumPy has no parameter for threads and takes those of the environment.
    early : bool
        Two layers of 128 and early stopping instead of the defaults, which are one
        layer of 100 and 200 epochs, and overfit many tables.
    """
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    encode = make_column_transformer(
        (scaled, data.numbers),
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            data.words,
        ),
    )
    settings: dict[str, Any] = {"random_state": seed}
    if early:
        settings |= {"hidden_layer_sizes": (128, 128), "early_stopping": True}
    if data.is_classification:
        return make_pipeline(encode, MLPClassifier(**settings))
    net = make_pipeline(encode, MLPRegressor(**settings))
    return TransformedTargetRegressor(net, transformer=StandardScaler())


def build_pytabkit(
    data: TabularData,
    seed: int,
    threads: int,
    kind: str = "RealMLP_TD",
    for_log_loss: bool = False,
) -> Any:
    """Return a net of pytabkit.

    Parameters
    ----------
    data, seed, threads :
        As for all.
    kind : str
        ``"RealMLP_TD"``, ``"RealMLP_TD_S"`` or ``"TabM_D"``.
    for_log_loss : bool
        Choose the epoch by log-loss and not by errors, and smooth no labels, as its
        authors advise where probabilities matter. Of no meaning for regression.
    """
    import pandas as pd
    import pytabkit
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    base = ClassifierMixin if data.is_classification else RegressorMixin
    name = f"{kind}_{'Classifier' if data.is_classification else 'Regressor'}"
    settings: dict[str, Any] = {
        "random_state": seed,
        "n_threads": threads,
        "device": "cpu",
        "verbosity": 0,
    }
    if for_log_loss and data.is_classification:
        settings["val_metric_name"] = "cross_entropy"
        if kind.startswith("RealMLP"):
            settings["use_ls"] = False

    class Net(base, BaseEstimator):  # type: ignore[misc, valid-type]
        """Fill missing values, which these nets do not take, then train."""

        def fit(self, x: pd.DataFrame, y: Any) -> Net:
            """Train; a fifth is held out inside."""
            self.encode_ = Categories(data.words, missing="missing").fit(x)
            self.medians_ = x[data.numbers].median()
            self.net_ = getattr(pytabkit, name)(**settings)
            self.net_.fit(self._encoded(x), y)
            if data.is_classification:
                self.classes_ = np.asarray(self.net_.classes_)
            return self

        def _encoded(self, x: pd.DataFrame) -> pd.DataFrame:
            x = self.encode_.transform(x)
            x[data.numbers] = x[data.numbers].astype(float).fillna(self.medians_)
            return x

        def predict(self, x: pd.DataFrame) -> Any:
            """Predict classes or numbers."""
            return self.net_.predict(self._encoded(x))

        def predict_proba(self, x: pd.DataFrame) -> Any:
            """Predict probabilities."""
            return self.net_.predict_proba(self._encoded(x))

    return Net()
