"""Folders of images."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.model_selection import cross_val_score

from sk_mixup.inputs import DatasetRows, ImageFolder
from tests.builders import classifier
from tests.inputs.kinds import Flat


def save(path, value, size=(8, 6), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = value if mode == "L" else (value, 20, 0)
    Image.new(mode, size, colour).save(path)


@pytest.fixture
def folder(tmp_path):
    for i in range(8):
        save(tmp_path / "dark" / f"{i}.png", 10 + i)
        save(tmp_path / "light" / "deep" / f"{i}.JPG", 240 + i)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "dark" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def test_folders_are_classes(folder):
    images = ImageFolder(folder)
    assert images.classes == ["dark", "light"]
    assert images.targets.tolist() == [0] * 8 + [1] * 8
    assert len(images) == 16
    assert repr(images).endswith("16 images, 2 classes)")


def test_images_are_bytes_with_channels_first(folder):
    image, target = ImageFolder(str(folder))[3]
    assert (image.dtype, tuple(image.shape), target) == (torch.uint8, (3, 6, 8), 0)
    assert image[:, 0, 0].tolist() == [13, 20, 0]


def test_size_and_mode(folder):
    save(folder / "dark" / "other.png", 9, size=(30, 20))
    images = ImageFolder(folder, size=(4, 5), mode="L")
    assert {tuple(images[i][0].shape) for i in range(len(images))} == {(1, 4, 5)}
    assert ImageFolder(folder, size=7)[0][0].shape == (3, 7, 7)


def test_estimators_predict_the_names(folder):
    images = ImageFolder(folder)
    model = classifier(module=Flat, batch_size=4, lr=1e-2, max_epochs=20).fit(images)
    assert model.classes_.tolist() == ["dark", "light"]
    assert model.predict(images).tolist() == ["dark"] * 8 + ["light"] * 8
    assert model.score(images) == 1


def test_a_bundled_net_reads_a_folder(folder):
    model = classifier(module="resnet", batch_size=8).fit(ImageFolder(folder, size=16))
    assert model.predict_proba(ImageFolder(folder, size=16)).shape == (16, 2)


def test_cross_validation_on_a_folder(folder):
    rows = DatasetRows(ImageFolder(folder))
    model = classifier(module=Flat, batch_size=4, lr=1e-2, max_epochs=20)
    assert cross_val_score(model, rows, rows.targets, cv=2).tolist() == [1, 1]


def test_an_unreadable_file_is_named(folder):
    (folder / "dark" / "9.png").write_bytes(b"not a picture")
    images = ImageFolder(folder)
    with pytest.raises(ValueError, match=r"cannot read .*dark.9\.png"):
        images[8]
    with pytest.raises(ValueError, match=r"cannot read .*dark.9\.png"):
        classifier(module=Flat).fit(images)


def test_a_truncated_file_is_named(folder):
    whole = (folder / "dark" / "0.png").read_bytes()
    (folder / "dark" / "0.png").write_bytes(whole[:-30])
    with pytest.raises(ValueError, match=r"cannot read .*dark.0\.png"):
        ImageFolder(folder)[0]


def test_another_size_is_named(folder):
    save(folder / "light" / "x.png", 9, size=(9, 6))
    images = ImageFolder(folder)
    last = len(images) - 1
    with pytest.raises(ValueError, match=r"x\.png' is 6 x 9 .*0\.png' is 6 x 8.*size="):
        images[last]


def test_modes_of_more_than_eight_bits(folder):
    with pytest.raises(ValueError, match=r"8\s+bits"):
        ImageFolder(folder, mode="F")[0]


def test_wrong_folders(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        ImageFolder(tmp_path / "none")
    with pytest.raises(ValueError, match="holds no folders"):
        ImageFolder(folder / "dark")
    (folder / "empty").mkdir()
    with pytest.raises(ValueError, match=r"\['empty'\]"):
        ImageFolder(folder)


def test_pillow_is_asked_for(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"sk-mixup\[images\]"):
        ImageFolder(folder)


def test_order_is_sorted(folder):
    files = ImageFolder(folder).files
    assert files == sorted(files)
    np.testing.assert_array_equal(ImageFolder(folder).targets, np.repeat([0, 1], 8))
