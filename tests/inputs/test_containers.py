"""Containers of arrays, of Python objects and of other machines' numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.model_selection import cross_val_score
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from sk_mixup import MixupClassifier
from sk_mixup.inputs import ArrayInput, DatasetRows, ShapedInput, TableInput

IMAGES = np.random.default_rng(0).random((12, 3, 4, 4), dtype=np.float32)
Y = np.arange(12) % 2
FORMS = {
    "list of arrays": list(IMAGES),
    "list of tensors": [torch.from_numpy(image) for image in IMAGES],
    "list of mixed": [torch.from_numpy(IMAGES[0]), *IMAGES[1:]],
    "nested lists": IMAGES.tolist(),
    "objects": np.array([*IMAGES, None], dtype=object)[:-1],
    "series": pd.Series(list(IMAGES)),
    "column": pd.DataFrame({"image": list(IMAGES)}),
    "big-endian": IMAGES.astype(">f4"),
    "list of big-endian": list(IMAGES.astype(">f4")),
}


def read(X, source=None):
    source = source or ArrayInput("Net")
    return source.fit_transform(source.check(X))


@pytest.mark.parametrize("form", FORMS)
def test_images_in_every_container_are_the_same_images(form):
    torch.testing.assert_close(read(FORMS[form]), torch.from_numpy(IMAGES))
    shaped = ShapedInput("Net", "resnet", (2,), "images")
    torch.testing.assert_close(read(FORMS[form], shaped), torch.from_numpy(IMAGES))


def test_a_fit_on_a_list_of_images():
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    model = MixupClassifier(net, max_epochs=2, mix=None, random_state=0)
    expected = model.fit(IMAGES, Y).predict_proba(IMAGES[:2])
    found = model.fit(list(IMAGES), Y).predict_proba(list(IMAGES[:2]))
    np.testing.assert_array_equal(found, expected)
    assert cross_val_score(model, list(IMAGES), Y, cv=2).shape == (2,)


@pytest.mark.parametrize(
    "rows",
    [
        [np.zeros((3, 4 + k % 2, 4)) for k in range(6)],
        pd.Series([np.zeros((3, 4 + k % 2, 4)) for k in range(6)]),
        [torch.zeros(3, 4 + k % 2, 4) for k in range(6)],
    ],
)
def test_images_of_different_sizes_are_named_by_row(rows):
    with pytest.raises(
        ValueError, match=r"\(3, 4, 4\) in row 0 and \(3, 5, 4\) in row 1"
    ):
        read(rows)


def test_arrays_beside_other_columns():
    frame = pd.DataFrame({"age": range(12), "image": list(IMAGES)})
    with pytest.raises(
        ValueError, match=r"columns \['image'\] hold arrays.*numpy.stack"
    ):
        read(frame)


@pytest.mark.parametrize("dtype", ["Int64", "UInt8", "int64[pyarrow]", object])
def test_ids_stay_integers(dtype):
    pytest.importorskip("pyarrow")
    ids = pd.DataFrame({"word": [1, 2, 3], "tag": [0, 1, 0]}).astype(dtype)
    expected = torch.tensor([[1, 0], [2, 1], [3, 0]])
    assert torch.equal(read(ids), expected)
    assert torch.equal(read(ids.to_numpy(dtype=object)), expected)


def test_nullable_ids_in_an_embedding_of_the_user():
    net = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(8, 2))
    ids = pd.DataFrame({"a": Y + 1, "b": Y}).astype("Int64")
    model = MixupClassifier(net, mix=None, max_epochs=2, random_state=0).fit(ids, Y)
    plain = MixupClassifier(net, mix=None, max_epochs=2, random_state=0)
    plain.fit(ids.astype(int), Y)
    np.testing.assert_array_equal(model.predict_proba(ids), plain.predict_proba(ids))


def test_missing_ids_are_named():
    ids = pd.DataFrame({"word": [1, None, 3]}, dtype="Int64")
    with pytest.raises(
        ValueError, match=r"NaN: column 'word' of dtype Int64.* in row 1"
    ):
        read(ids)


def test_objects_that_are_numbers_and_truths():
    mixed = np.array([[1, 2.5], [3, 4.0]], dtype=object)
    assert torch.equal(read(mixed), torch.tensor([[1.0, 2.5], [3.0, 4.0]]))
    truths = np.array([[True, False], [False, True]], dtype=object)
    assert torch.equal(read(truths), torch.tensor([[1.0, 0.0], [0.0, 1.0]]))


def test_all_columns_of_text_are_named():
    X = np.array([[1, "a", 2, "b"], [2, "c", 3, "d"]], dtype=object)
    with pytest.raises(ValueError, match=r"columns \['1', '3'\] hold no numbers"):
        read(X)
    frame = pd.DataFrame(X, columns=list("wxyz"))
    with pytest.raises(ValueError, match=r"columns \['x', 'z'\] hold no numbers"):
        read(frame)


def test_a_row_without_its_axis():
    source = ArrayInput("Net")
    source.fit_transform(source.check(IMAGES))
    with pytest.raises(ValueError, match=r"For one row give X\[None\]"):
        source.transform(source.check(IMAGES[0]))


# -- items ----------------------------------------------------------------------------


def test_a_list_of_pairs_is_a_data_set():
    pairs = [
        (torch.from_numpy(image), int(k)) for image, k in zip(IMAGES, Y, strict=True)
    ]
    rows = ArrayInput("Net").check(pairs)
    assert isinstance(rows, DatasetRows)
    assert rows.targets.tolist() == Y.tolist()
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    model = MixupClassifier(net, max_epochs=2, mix=None, random_state=0).fit(pairs)
    assert model.predict(pairs).shape == (12,)


def test_scikit_learn_splits_a_data_set():
    data = TensorDataset(torch.from_numpy(IMAGES), torch.from_numpy(Y))
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    model = MixupClassifier(net, max_epochs=1, mix=None, random_state=0)
    assert np.isfinite(cross_val_score(model, data, Y, cv=2)).all()


@pytest.mark.parametrize("nested", [False, True])
def test_items_that_are_lists_of_numbers(nested):
    class Lists(Dataset):
        def __len__(self):
            return 12

        def __getitem__(self, i):
            values = IMAGES[i, 0].tolist() if nested else IMAGES[i, 0, 0].tolist()
            return values, int(Y[i])

    rows = DatasetRows(Lists()).read(slice(0, 5))
    torch.testing.assert_close(
        rows, torch.from_numpy(IMAGES[:5, 0] if nested else IMAGES[:5, 0, 0])
    )


def test_items_of_another_byte_order():
    rows = DatasetRows([(image, 0) for image in IMAGES.astype(">f4")])
    torch.testing.assert_close(rows.read([3, 1]), torch.from_numpy(IMAGES[[3, 1]]))


@pytest.mark.parametrize("source", [ArrayInput("Net"), TableInput(None, 0, "Net")])
def test_what_cannot_be_counted_is_refused(source):
    loader = DataLoader(TensorDataset(torch.zeros(4, 2), torch.zeros(4)), batch_size=2)
    with pytest.raises(TypeError, match=r"Net: X is a DataLoader.*X.dataset"):
        source.check(loader)
    for X in ((row for row in IMAGES), iter([[1.0]]), {1.0, 2.0}, map(abs, [1])):
        with pytest.raises(
            TypeError, match=r"cannot be counted or picked. Give list\(X"
        ):
            source.check(X)
