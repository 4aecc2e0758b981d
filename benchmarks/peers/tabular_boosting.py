"""Gradient boosting with its defaults, on tables as users have them."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline

from benchmarks.tabular_data import TabularData


class Categories(TransformerMixin, BaseEstimator):
    """Turn columns of words into pandas categories; unknown words become missing.

    Parameters
    ----------
    words : list of str
        The columns.
    missing : str or None
        A category of its own for missing values; None: they stay missing.
    """

    def __init__(self, words: list[str], missing: str | None = None) -> None:
        self.words = words
        self.missing = missing

    def fit(self, x: pd.DataFrame, y: Any = None) -> Categories:
        """Learn the words."""
        filled = self._filled(x)
        self.kinds_ = {
            word: pd.CategoricalDtype(sorted(filled[word].dropna().unique()))
            for word in self.words
        }
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        """Return the table with the same codes on both sides."""
        x = self._filled(x)
        for word, kind in self.kinds_.items():
            x[word] = x[word].where(x[word].isin(kind.categories)).astype(kind)
        return x

    def _filled(self, x: pd.DataFrame) -> pd.DataFrame:
        x = x.astype(dict.fromkeys(self.words, object))
        if self.missing is not None and self.words:
            x[self.words] = x[self.words].fillna(self.missing)
        return x


class Strings(TransformerMixin, BaseEstimator):
    """Make missing words a word, as CatBoost wants them."""

    def __init__(self, words: list[str]) -> None:
        self.words = words

    def fit(self, x: pd.DataFrame, y: Any = None) -> Strings:
        """Learn nothing."""
        self.fitted_ = True
        return self

    def transform(self, x: pd.DataFrame) -> pd.DataFrame:
        """Return the table without missing words."""
        x = x.astype(dict.fromkeys(self.words, object))
        if self.words:
            x[self.words] = x[self.words].fillna("missing")
        return x


def build_lightgbm(data: TabularData, seed: int, threads: int) -> Any:
    """Return LightGBM on category columns."""
    import lightgbm

    kind = "LGBMClassifier" if data.is_classification else "LGBMRegressor"
    model = getattr(lightgbm, kind)(random_state=seed, n_jobs=threads, verbose=-1)
    return make_pipeline(Categories(data.words), model)


def build_histogram(data: TabularData, seed: int, threads: int) -> Any:
    """Return scikit-learn's gradient boosting on category columns.

    It has no parameter for threads and takes those of OpenMP.
    """
    from sklearn import ensemble

    kind = "Classifier" if data.is_classification else "Regressor"
    build = getattr(ensemble, f"HistGradientBoosting{kind}")
    return make_pipeline(
        Categories(data.words),
        build(categorical_features="from_dtype", random_state=seed),
    )


def build_xgboost(data: TabularData, seed: int, threads: int) -> Any:
    """Return XGBoost on category columns."""
    import xgboost

    kind = "XGBClassifier" if data.is_classification else "XGBRegressor"
    model = getattr(xgboost, kind)(
        enable_categorical=True, random_state=seed, n_jobs=threads
    )
    return make_pipeline(Categories(data.words), model)


def build_catboost(data: TabularData, seed: int, threads: int) -> Any:
    """Return CatBoost with its columns of words named."""
    import catboost

    kind = "CatBoostClassifier" if data.is_classification else "CatBoostRegressor"
    model = getattr(catboost, kind)(
        cat_features=data.words,
        random_seed=seed,
        thread_count=threads,
        verbose=False,
        allow_writing_files=False,
    )
    return make_pipeline(Strings(data.words), model)
