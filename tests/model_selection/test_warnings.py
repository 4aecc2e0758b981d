"""Warnings point at the user's line, once per search and not per fit."""

import linecache
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sk_mixup import MixupSearchCV, MixupWarning
from sk_mixup.exceptions import warn_caller
from tests.builders import blobs, classifier

GRID = {"alpha": [0.1, 0.2]}


def short(**params):
    """Return a classifier of which every fit warns: mixing wants more epochs."""
    params = {"module": lambda: nn.Linear(4, 2), "max_epochs": 1} | params
    return classifier(early_stopping=False, **params)


def warned(action):
    """Return the lines that warnings are about, and what they say."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    found = [w for w in caught if issubclass(w.category, MixupWarning)]
    return [(w.filename, linecache.getline(w.filename, w.lineno)) for w in found]


def grid(model):
    return GridSearchCV(model, GRID, cv=3)


ACTIONS = {
    "fit": lambda data: short().fit(*data),
    "pipeline": lambda data: make_pipeline(StandardScaler(), short()).fit(*data),
    "grid": lambda data: grid(short()).fit(*data),
    "search": lambda data: MixupSearchCV(short(), GRID, cv=3).fit(*data),
    "cross-validation": lambda data: cross_val_score(short(), *data, cv=3),
    "nested": lambda data: cross_val_score(grid(short()), *data, cv=2),
    "bagging": lambda data: BaggingClassifier(short(), n_estimators=3).fit(*data),
}


@pytest.mark.parametrize("name", list(ACTIONS))
def test_one_warning_at_the_line_of_the_user(name):
    data = blobs()
    found = warned(lambda: ACTIONS[name](data))
    assert len(found) == 1
    file, line = found[0]
    assert file == __file__
    assert f'"{name}"' in line


def test_every_search_says_it_again():
    data = blobs()
    search = grid(short())
    assert len(warned(lambda: (search.fit(*data), search.fit(*data)))) == 2


def test_different_warnings_of_one_search_are_all_said():
    data = blobs()
    search = GridSearchCV(short(max_epochs=5), {"alpha": [2.0, 3.0]}, cv=2)
    assert len(warned(lambda: search.fit(*data))) == 2


def test_warnings_about_columns_point_at_the_line_of_the_user():
    X = pd.DataFrame({"a": [*map(str, range(200)), "?"]})
    y = np.arange(len(X)) % 2
    found = warned(lambda: classifier(max_epochs=5).fit(X, y))
    assert len(found) == 1
    assert found[0][0] == __file__


def test_where_warnings_are_errors_every_fit_of_a_search_fails():
    search = GridSearchCV(short(), GRID, cv=2, error_score=np.nan, refit=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", MixupWarning)
        with pytest.raises(ValueError, match="All the 4 fits failed"):
            search.fit(*blobs())


def test_outside_of_searches_everything_is_said():
    assert len(warned(lambda: (warn_caller("a"), warn_caller("a")))) == 2
