"""Folders of images from others: nothing outside is read, nothing hangs or unfolds."""

import io
import os

import pytest
from PIL import Image

from sk_mixup import MixupWarning
from sk_mixup.inputs import ImageFolder

needs_links = pytest.mark.skipif(
    not hasattr(os, "mkfifo"), reason="needs links and pipes"
)


def save(path, size=(4, 4)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (9, 9, 9)).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "root"
    for name in ("cat", "dog"):
        save(root / name / "1.png")
    return root


def names(images):
    return [str(file.relative_to(images.path)) for file in images.files]


@needs_links
@pytest.mark.parametrize("kind", ["file", "folder", "nowhere", "pipe", "circle"])
def test_what_is_no_file_within_the_folder_is_left_out_by_name(folder, kind):
    strange = folder / "cat" / "2.png"
    outside = save(folder.parent / "outside" / "secret.png")
    if kind == "file":
        strange.symlink_to(outside)
    elif kind == "folder":
        strange = folder / "elk"
        strange.symlink_to(outside.parent)
    elif kind == "nowhere":
        strange.symlink_to(folder / "missing.png")
    elif kind == "pipe":
        os.mkfifo(strange)
    else:
        strange.symlink_to(strange)
    with pytest.warns(MixupWarning, match=strange.name):
        images = ImageFolder(folder)
    assert images.classes == ["cat", "dog"]
    assert names(images) == ["cat/1.png", "dog/1.png"]


@needs_links
def test_links_within_the_folder_and_to_it_are_followed(folder, tmp_path):
    (folder / "cat" / "2.png").symlink_to(folder / "dog" / "1.png")
    (folder / "elk").symlink_to(folder / "dog")
    (tmp_path / "link").symlink_to(folder)
    images = ImageFolder(tmp_path / "link")
    assert names(images) == ["cat/1.png", "cat/2.png", "dog/1.png", "elk/1.png"]
    assert images[3][0].shape == (3, 4, 4)


def test_folders_that_are_called_like_images_are_none(folder):
    save(folder / "cat" / "album.png" / "2.png")
    images = ImageFolder(folder)
    assert names(images) == ["cat/1.png", "cat/album.png/2.png", "dog/1.png"]


@needs_links
def test_a_file_that_has_become_a_pipe_is_not_waited_for(folder):
    images = ImageFolder(folder)
    images.files[0].unlink()
    os.mkfifo(images.files[0])
    with pytest.raises(ValueError, match=r"cat/1\.png' is no file any more"):
        images[0]


def test_images_of_too_many_pixels_are_not_decoded(folder):
    save(folder / "cat" / "2.png", size=(30, 20))
    images = ImageFolder(folder, size=4, max_pixels=599)
    assert images[0][0].shape == (3, 4, 4)
    with pytest.raises(ValueError, match=r"2\.png' is 20 x 30 .* max_pixels=599"):
        images[1]
    assert ImageFolder(folder, size=4, max_pixels=600)[1][0].shape == (3, 4, 4)
    for bad in (0, 2.5, "many"):
        with pytest.raises(ValueError, match="max_pixels must be an int"):
            ImageFolder(folder, max_pixels=bad)


def test_other_formats_under_a_name_of_ours_are_not_tried(folder):
    page = io.BytesIO()
    Image.new("RGB", (4, 4)).save(page, "EPS")
    (folder / "dog" / "1.png").write_bytes(page.getvalue())
    with pytest.raises(ValueError, match=r"cannot read '.*dog/1\.png'"):
        ImageFolder(folder)[1]
