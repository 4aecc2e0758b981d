"""A fitted model as one torch module: the same answers, for any number of rows."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sk_mixup import MixupClassifier, MixupSearchCV
from sk_mixup.export import to_torch
from tests.builders import blobs, bright_images, classifier, regressor
from tests.export.models import (
    NETS,
    answer_of,
    assert_close,
    fitted,
    strange,
    table,
    tensors,
)

KINDS = ["classifier", "regressor"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("net", NETS)
def test_answers_are_those_of_the_model(net, kind):
    model = fitted(kind, **NETS[net])
    X = strange(table()[0])
    program = to_torch(model)
    found = program(*tensors(model, program, X))
    assert found.dtype == torch.float64
    assert_close(found, answer_of(model, X), atol=1e-6)


@pytest.mark.parametrize("net", NETS)
def test_torch_export_takes_any_number_of_rows(net):
    model = fitted(KINDS[list(NETS).index(net) % 2], **NETS[net])
    X = strange(table()[0])
    program = to_torch(model)
    numbers, codes = tensors(model, program, X)
    rows = torch.export.Dim("rows")
    exported = torch.export.export(
        program,
        # A part of a frame, whose columns lie one after the other.
        (numbers[:9], codes[:9].clone()),
        dynamic_shapes={"numbers": {0: rows}, "codes": {0: rows}},
    ).module()
    for n in (1, 80):
        expected = answer_of(model, X)[:n]
        assert_close(exported(numbers[:n], codes[:n]), expected, atol=1e-6)


def test_the_encoding_is_that_of_the_model_to_the_bit():
    model = fitted("classifier")
    X = strange(table()[0])
    program = to_torch(model)
    numbers, _ = tensors(model, program, X)
    assert torch.equal(program.encoding(numbers), model.encode(X)["numeric"])
    singles = X.assign(**{name: np.float32(X[name]) for name in program.number_names})
    numbers = torch.from_numpy(singles[program.number_names].to_numpy())
    assert numbers.dtype == torch.float32
    assert torch.equal(program.encoding(numbers), model.encode(singles)["numeric"])


def test_columns_of_numbers_and_of_codes_are_named():
    program = to_torch(fitted("classifier"))
    assert program.number_names == ["age", "hours", "member", "tenths", "noise"]
    assert program.category_names == ["job", "region"]


def test_codes_that_no_level_has_count_as_unseen():
    model = fitted("classifier")
    program = to_torch(model)
    numbers, codes = tensors(model, program, table()[0])
    unseen, far = codes.clone(), codes.clone()
    unseen[:, 0], far[:, 0] = 1, 10**6
    assert torch.equal(program(numbers, far.int()), program(numbers, unseen))


def test_the_module_is_a_copy():
    model = fitted("classifier")
    X = table()[0]
    program = to_torch(model)
    before = model.predict_proba(X)
    with torch.no_grad():
        for value in program.net.parameters():
            value.zero_()
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_a_table_of_one_kind_of_columns_needs_one_argument():
    X, y, _ = table()
    numbers, categories = X[["age", "noise"]], X[["job", "region"]]
    model = classifier(max_epochs=2).fit(numbers, y)
    found = to_torch(model)(torch.from_numpy(numbers.to_numpy()))
    assert_close(found, model.predict_proba(numbers), atol=1e-6)
    model = classifier(max_epochs=2).fit(categories, y)
    program = to_torch(model)
    found = program(codes=model.encode(categories)["categorical"])
    assert_close(found, model.predict_proba(categories), atol=1e-6)
    with pytest.raises(TypeError, match="codes: the model reads the columns"):
        program(torch.zeros(2, 0))


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("labels", {}),
        ("outputs", {"target_kind": "outputs"}),
        ("soft", {"target_kind": "soft"}),
        ("two", {}),
        ("quantile", {"head": "quantile"}),
        ("gaussian", {"head": "gaussian"}),
    ],
)
def test_every_kind_of_target_is_answered(kind, params):
    X, labels = blobs(60, n_classes=3)
    targets = {
        "labels": np.c_[labels == 0, labels == 1].astype(int),
        "outputs": np.c_[labels, labels % 2],
        "soft": np.eye(3)[labels] * 0.7 + 0.1,
        "two": X[:, :2] * 1e4 + 1e6,
        "quantile": X[:, 0].astype(float),
        "gaussian": X[:, 0].astype(float),
    }
    make = classifier if kind in ("labels", "outputs", "soft") else regressor
    model = make(max_epochs=2, **params).fit(X, targets[kind])
    found = to_torch(model)(torch.from_numpy(X))
    expected = answer_of(model, X)
    if kind != "outputs":
        assert found.shape == expected.shape
        assert_close(found, expected, atol=1e-6)
        return
    assert len(found) == len(expected) == 2
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other, atol=1e-6)


@pytest.mark.parametrize("net", ["resnet", "convnet"])
def test_images_are_one_argument(net):
    X, y = bright_images()
    model = classifier(module=net, module__width=8).fit(X, y)
    program = to_torch(model)
    X = X[:7]
    assert program.row_shape == (1, 8, 8)
    assert_close(program(torch.from_numpy(X)), model.predict_proba(X))
    exported = torch.export.export(
        program,
        (torch.zeros(3, 1, 8, 8),),
        dynamic_shapes=({0: torch.export.Dim("n")},),
    ).module()
    assert_close(exported(torch.from_numpy(np.float32(X))), model.predict_proba(X))


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, X):
        return self.layer(X).squeeze(-1)


def test_modules_of_users_are_one_argument():
    X, y = blobs()
    for model in (classifier(module=Own), regressor(module=Own)):
        model.fit(X, y)
        found = to_torch(model)(torch.from_numpy(X.astype(float)))
        assert_close(found, answer_of(model, X), atol=1e-6)


def test_what_cannot_be_exported_is_told():
    X, y = blobs()
    with pytest.raises(NotFittedError):
        to_torch(MixupClassifier())
    model = classifier(module=Own)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    with pytest.raises(TypeError, match=r"got Pipeline. Of a pipeline give the last"):
        to_torch(pipeline)
    search = MixupSearchCV(model, {"alpha": [0.1]}, cv=2)
    with pytest.raises(TypeError, match=r"got MixupSearchCV.*Fit one"):
        to_torch(search)
    search.fit(X, y)
    with pytest.raises(TypeError, match=r"give search.best_estimator_"):
        to_torch(search)
