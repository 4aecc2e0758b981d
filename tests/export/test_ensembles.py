"""The nets of all folds as one program, and as one graph."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mixup import MixupSearchCV
from sk_mixup.export import to_onnx, to_torch
from tests.builders import blobs, classifier, regressor
from tests.export.models import answer_of, assert_close, table

X, Y = blobs(60, n_classes=3)


def ensemble(model, data, target, cv=2, **params):
    search = MixupSearchCV(model, {"alpha": [0, 0.4]}, cv=cv, ensemble="mean", **params)
    return search.fit(data, target).best_estimator_


def session_of(model, folder):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    to_onnx(model, folder / "model.onnx")
    return runtime.InferenceSession(folder / "model.onnx")


@pytest.mark.parametrize("make", [classifier, regressor])
def test_a_program_answers_with_the_mean(make):
    target = Y if make is classifier else X[:, 0] * 100
    model = ensemble(make(module="mlp", max_epochs=5), X, target)
    program = to_torch(model)
    found = program(torch.from_numpy(X))
    assert found.dtype == torch.float64
    assert_close(found, answer_of(model, X), atol=1e-6)
    rows = torch.export.Dim("rows")
    exported = torch.export.export(
        program, (torch.from_numpy(X[:4]),), dynamic_shapes=(({0: rows},),)
    ).module()
    assert_close(exported(torch.from_numpy(X)), answer_of(model, X), atol=1e-6)


def test_weights_are_those_of_the_ensemble():
    model = ensemble(classifier(module="mlp", max_epochs=5), X, Y)
    model.weights = [3.0, 1.0]
    found = to_torch(model)(torch.from_numpy(X))
    assert_close(found, model.predict_proba(X), atol=1e-6)


def rare():
    """A class that one of two folds never sees."""
    folds = np.arange(len(Y)) % 2
    labels = np.where((Y == 2) & (folds == 0), 0, Y)
    return labels, PredefinedSplit(folds)


@pytest.mark.filterwarnings("ignore:.*classes:UserWarning")
def test_a_class_that_a_fold_has_not_seen_has_probability_0_there(tmp_path):
    labels, cv = rare()
    model = ensemble(classifier(module="mlp", max_epochs=5), X, labels, cv)
    seen = [len(member.classes_) for member in model.estimators]
    assert sorted(seen) == [2, 3]
    found = to_torch(model)(torch.from_numpy(X))
    assert_close(found, model.predict_proba(X), atol=1e-6)
    session = session_of(model, tmp_path)
    feed = {f"x{j}": X[:, [j]].astype(np.float32) for j in range(X.shape[1])}
    (found,) = session.run(["probabilities"], feed)
    assert_close(found, model.predict_proba(X))


def test_one_graph_takes_the_texts_of_categories(tmp_path):
    data, target, _ = table()
    model = ensemble(classifier(module="mlp", max_epochs=5), data, target)
    with pytest.raises(ValueError, match=r"\['job', 'region'\] each in its own way"):
        to_torch(model)
    session = session_of(model, tmp_path)
    assert [one.name for one in session.get_inputs()] == data.columns.tolist()
    feed = {}
    for one in session.get_inputs():
        values = data[one.name]
        if one.type == "tensor(string)":
            texts = ["" if pd.isna(value) else str(value) for value in values]
            feed[one.name] = np.array(texts, dtype=object)[:, None]
        else:
            feed[one.name] = values.to_numpy(np.float32)[:, None]
    (found,) = session.run(["probabilities"], feed)
    assert_close(found, model.predict_proba(data))


def test_members_that_are_pipelines_are_refused():
    net = make_pipeline(StandardScaler(), classifier(module="mlp", max_epochs=5))
    search = MixupSearchCV(
        net, {"mixupclassifier__alpha": [0, 0.4]}, cv=2, ensemble="mean"
    )
    model = search.fit(X, Y).best_estimator_
    with pytest.raises(TypeError, match="a member of this FoldEnsembleClassifier is a"):
        to_torch(model)
