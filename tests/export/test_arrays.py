"""Models of several arrays and of texts as programs and as graphs."""

import numpy as np
import pytest
import torch
from torch import nn

from sk_mixup.export import to_onnx, to_torch
from sk_mixup.inputs import Rows
from tests.builders import blobs, classifier, regressor
from tests.export.models import answer_of, assert_close

X, Y = blobs()
X = X.astype(np.float32)
IDS = np.arange(len(X)) % 5
TEXTS = ["a good film", "a bad film", "good and long, very long", "bad"] * 8


class Pair(nn.Module):
    def __init__(self, n_outputs=2):
        super().__init__()
        self.layer, self.ids = nn.Linear(4, n_outputs), nn.Embedding(5, n_outputs)

    def forward(self, values, ids):
        return self.layer(values) + self.ids(ids)


def named():
    return Rows(values=X, ids=IDS)


def texts(net="text_bag", **params):
    pytest.importorskip("tokenizers")
    return classifier(module=net, **params).fit(TEXTS, [1, 0] * 16)


def test_arrays_by_name_are_arguments_in_their_order():
    model = classifier(module=Pair, mix=None).fit(named(), Y)
    program = to_torch(model)
    assert program.names == ["values", "ids"]
    arrays = torch.from_numpy(X).double(), torch.from_numpy(IDS)
    assert_close(program(*arrays), model.predict_proba(named()), atol=1e-6)
    with pytest.raises(TypeError, match=r"Give 2 arrays, \['values', 'ids'\]; got 1"):
        program(arrays[0])


def test_arrays_by_position_have_numbers_for_names():
    model = regressor(module=Pair, mix=None, module__n_outputs=1).fit((X, IDS), X[:, 0])
    program = to_torch(model)
    assert program.names == ["X0", "X1"]
    found = program(torch.from_numpy(X), torch.from_numpy(IDS))
    assert_close(found, model.predict((X, IDS)), atol=1e-6)


def test_torch_export_takes_any_number_of_rows():
    model = classifier(module=Pair, mix=None).fit(named(), Y)
    rows = torch.export.Dim("rows")
    exported = torch.export.export(
        to_torch(model),
        (torch.zeros(3, 4), torch.zeros(3, dtype=torch.int64)),
        dynamic_shapes=(({0: rows}, {0: rows}),),
    ).module()
    found = exported(torch.from_numpy(X), torch.from_numpy(IDS))
    assert_close(found, model.predict_proba(named()))


@pytest.mark.parametrize("net", ["text_bag", "text_cnn"])
def test_of_texts_the_ids_and_the_mask_are_arguments(net):
    model = texts(net)
    program = to_torch(model)
    assert program.names == ["ids", "mask"]
    new = ["good", "a long and unheard of film"]
    encoded = model.encode(new)
    found = program(encoded["ids"], encoded["mask"])
    assert_close(found, model.predict_proba(new), atol=1e-6)


def test_arrays_inside_of_others_are_refused():
    class Nested(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 2)

        def forward(self, values):
            return self.layer(values)

    model = classifier(module=Nested).fit(Rows(values=X), Y)
    assert to_torch(model).names == ["values"]
    model._source_.spec = {"values": model._source_.spec}
    with pytest.raises(ValueError, match="arrays inside of others"):
        to_torch(model)


def session_of(model, folder):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    to_onnx(model, folder / "model.onnx")
    return runtime.InferenceSession(folder / "model.onnx")


def test_a_graph_has_an_input_for_every_array(tmp_path):
    model = classifier(module=Pair, mix=None).fit(named(), Y)
    session = session_of(model, tmp_path)
    kinds = {one.name: one.type for one in session.get_inputs()}
    assert kinds == {"values": "tensor(float)", "ids": "tensor(int64)"}
    for n in (1, 32):
        (found,) = session.run(None, {"values": X[:n], "ids": IDS[:n]})
        assert_close(found, answer_of(model, named())[:n])


@pytest.mark.parametrize("net", ["text_bag", "text_cnn"])
def test_a_graph_of_texts_takes_any_number_of_tokens(net, tmp_path):
    model = texts(net)
    session = session_of(model, tmp_path)
    new = ["good", "a long and unheard of film"]
    given = {name: part.numpy() for name, part in model.encode(new).items()}
    (found,) = session.run(["probabilities"], given)
    assert_close(found, model.predict_proba(new))
    padded = {name: np.pad(part, ((0, 0), (0, 7))) for name, part in given.items()}
    (found,) = session.run(["probabilities"], padded)
    assert_close(found, model.predict_proba(new))


def test_names_that_outputs_have_are_refused(tmp_path):
    pytest.importorskip("onnxscript")

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 2)

        def forward(self, probabilities):
            return self.layer(probabilities)

    model = classifier(module=Own).fit(Rows(probabilities=X), Y)
    with pytest.raises(ValueError, match="an array is called 'probabilities'"):
        to_onnx(model, tmp_path / "model.onnx")
