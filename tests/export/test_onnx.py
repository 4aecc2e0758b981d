"""A fitted model as an ONNX graph: the answers of the model, from columns by name."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from sk_mixup.export import _onnx, to_onnx
from tests.builders import blobs, bright_images, classifier, regressor
from tests.export.models import NETS, answer_of, assert_close, fitted, strange, table


def session_of(model, folder, **params):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    to_onnx(model, folder / "model.onnx", **params)
    return runtime.InferenceSession(folder / "model.onnx")


def columns(session, X):
    """Return a table as a session takes it."""
    found = {}
    for one in session.get_inputs():
        values = X[one.name]
        if one.type == "tensor(string)":
            texts = ["" if pd.isna(value) else str(value) for value in values]
            found[one.name] = np.array(texts, dtype=object)[:, None]
        else:
            dtype = {"tensor(float)": np.float32, "tensor(double)": np.float64}
            found[one.name] = values.to_numpy(dtype[one.type])[:, None]
    return found


@pytest.mark.parametrize(
    ("net", "kind"),
    [
        ("folds", "classifier"),
        ("shared", "regressor"),
        *(
            pytest.param(net, kind, marks=pytest.mark.slow)
            for net in NETS
            for kind in ("classifier", "regressor")
        ),
    ],
)
def test_answers_are_those_of_the_model(net, kind, tmp_path):
    model = fitted(kind, **NETS[net])
    session = session_of(model, tmp_path)
    X = strange(table()[0])
    (output,) = session.get_outputs()
    name = "probabilities" if kind == "classifier" else "prediction"
    assert output.name == name
    for rows in (X, X[:1]):
        (found,) = session.run([name], columns(session, rows))
        assert_close(found, answer_of(model, rows))


def test_inputs_are_the_columns_in_their_order(tmp_path):
    X, y, _ = table()
    model = classifier(max_epochs=2, module="mlp").fit(X, y)
    session = session_of(model, tmp_path)
    kinds = {one.name: one.type for one in session.get_inputs()}
    assert list(kinds) == X.columns.tolist()
    assert kinds["job"] == kinds["region"] == "tensor(string)"
    assert kinds["member"] == kinds["age"] == "tensor(float)"
    assert [one.shape for one in session.get_inputs()] == [["N", 1]] * X.shape[1]
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == model.classes_.tolist()


def test_double_precision_tells_seconds_apart(tmp_path):
    random = np.random.default_rng(0)
    X = pd.DataFrame({"time": 1.6e9 + random.integers(0, 3600, 60)})
    model = regressor(module="mlp").fit(X, X["time"] % 3600)
    session = session_of(model, tmp_path, dtype="float64")
    (found,) = session.run(None, columns(session, X))
    assert_close(found, model.predict(X))


def test_images_are_one_input(tmp_path):
    X, y = bright_images()
    model = classifier(module="resnet", module__width=8).fit(X, y)
    session = session_of(model, tmp_path)
    (one,) = session.get_inputs()
    assert (one.name, one.type, one.shape) == ("X", "tensor(float)", ["N", 1, 8, 8])
    for rows in (X, X[:1]):
        (found,) = session.run(["probabilities"], {"X": np.float32(rows)})
        assert_close(found, model.predict_proba(rows))


class Undecided(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, X):
        return self.layer(X if X.sum().item() > 0 else -X)


@pytest.mark.slow
@pytest.mark.parametrize("net", ["resnet", "ft_transformer", "excelformer"])
def test_columns_that_all_repeat_values(net, tmp_path):
    X, y, _ = table()
    X = X[["hours", "tenths", "job"]]
    X = pd.concat([X] * 5, ignore_index=True)
    model = classifier(max_epochs=2, **NETS[net]).fit(X, np.tile(y, 5))
    session = session_of(model, tmp_path)
    (found,) = session.run(None, columns(session, X))
    assert_close(found, model.predict_proba(X))


def test_a_graph_with_other_answers_is_told(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = classifier(module="mlp").fit(*blobs())

    def wrong(module, program, dtype):
        found = exported(module, program, dtype)
        program.net.head.bias.data += torch.tensor([0.0, 1.0])
        return found

    exported = _onnx._exported
    monkeypatch.setattr(_onnx, "_exported", wrong)
    with pytest.raises(ValueError, match="of TabularNet answers otherwise"):
        to_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_module_that_torch_cannot_export_is_named(tmp_path):
    pytest.importorskip("onnxscript")
    model = classifier(module=Undecided).fit(*blobs())
    with pytest.raises(ValueError, match="torch cannot export the module Undecided"):
        to_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["probabilities", ""])
def test_columns_that_can_be_no_inputs_are_named(name, tmp_path):
    pytest.importorskip("onnxscript")
    X, y = blobs()
    X = pd.DataFrame(X, columns=[name, "b", "c", "d"])
    model = classifier(module="mlp").fit(X, y)
    with pytest.raises(ValueError, match=f"a column is called '{name}'"):
        to_onnx(model, tmp_path / "model.onnx")


def test_other_precisions_are_refused(tmp_path):
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64'"):
        to_onnx(None, tmp_path / "model.onnx", dtype="f")


def test_missing_packages_are_named(tmp_path, monkeypatch):
    model = classifier(module="mlp").fit(*blobs())
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install sk-mixup\[onnx\]"):
        to_onnx(model, tmp_path / "model.onnx")
    assert torch.is_grad_enabled()
