"""What a search has found, as a table for people."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from sk_mixup import MixupSearchCV
from tests.builders import blobs
from tests.model_selection.nets import classifier

X, Y = blobs(60)
GRID = {"alpha": [0, 0.2, 1.0]}


def searched(grid=GRID, **params):
    return MixupSearchCV(classifier(), grid, cv=3, **params).fit(X, Y)


def test_a_row_per_candidate_the_best_first():
    search = searched(scoring="neg_log_loss")
    frame = search.results_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame.index[0] == search.best_index_
    assert frame["score"].is_monotonic_decreasing
    assert frame["alpha"].tolist() == [GRID["alpha"][i] for i in frame.index]
    results = search.cv_results_
    folds = np.stack([results[f"split{i}_test_score"] for i in range(3)])[
        :, frame.index
    ]
    np.testing.assert_allclose(frame["score"], folds.mean(axis=0))
    np.testing.assert_allclose(
        frame["score_se"], folds.std(axis=0, ddof=1) / np.sqrt(3)
    )
    paired = search.paired_differences_["se_difference_score"][frame.index]
    np.testing.assert_allclose(frame["score_difference_se"], paired)
    assert frame["score_difference"].iloc[0] == 0
    assert (frame["fit_time"] > 0).all()


def test_every_metric_has_its_columns():
    search = searched(scoring=["accuracy", "neg_log_loss"], refit=False)
    frame = search.results_frame()
    for name in ("accuracy", "neg_log_loss"):
        assert {name, f"{name}_se", f"{name}_difference"} <= {*frame}


def test_parameters_that_a_candidate_lacks_are_missing():
    frame = searched([{"alpha": [0.2]}, {"lr": [0.01]}]).results_frame().sort_index()
    assert frame["alpha"].isna().tolist() == [False, True]
    assert frame["lr"].isna().tolist() == [True, False]


def test_a_notebook_shows_it_below_the_diagram():
    search = MixupSearchCV(classifier(), {"alpha": np.linspace(0, 1, 14)}, cv=2)
    assert "<th>score</th>" not in search._repr_html_()
    with pytest.raises(NotFittedError):
        search.results_frame()
    search.fit(X, Y)
    shown = search._repr_html_()
    assert "<th>score</th>" in shown
    assert "and 2 more" in shown
    assert search._repr_mimebundle_()["text/html"].endswith("more</p>")


def test_a_history_is_a_table_in_a_notebook():
    model = classifier(max_epochs=20).fit(X, Y)
    shown = model.history_._repr_html_()
    assert "<th>train_loss</th>" in shown
    assert "20 epochs" in shown
    assert "<td>...</td>" in shown
    assert model.history_._repr_mimebundle_()["text/plain"].startswith("20 epochs")
    assert (
        model.history_[-1, "train_loss"] == model.history_frame()["train_loss"].iloc[-1]
    )
    assert type(model.history_)()._repr_html_() == "<p>no epochs yet</p>"
