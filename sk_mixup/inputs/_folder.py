"""A folder with one folder of images per class."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from sk_mixup.exceptions import warn_caller

#: Endings of files that count as images.
SUFFIXES = (
    ".bmp",
    ".gif",
    ".jpeg",
    ".jpg",
    ".pgm",
    ".png",
    ".ppm",
    ".tif",
    ".tiff",
    ".webp",
)
# JPEGs of several pictures are called MPO.
_FORMATS = ("BMP", "GIF", "JPEG", "MPO", "PPM", "PNG", "TIFF", "WEBP")


class ImageFolder(Dataset[tuple[Tensor, int]]):
    """Images in one folder per class, loaded when they are needed.

    Other files than images, and names that start with a dot, are left out; so is, with
    a warning, what is no file within the folder: links that lead out of it, pipes.

    Parameters
    ----------
    path : str or path
        Holds the folders, whose names are the classes; images may lie deeper.
    size : int, (int, int) or None, default=None
        Height and width to which images are resized (an int: both). None: as they are;
        then all must have the size of the first.
    mode : str, default="RGB"
        Pillow's mode to convert to: "RGB" has 3 channels, "L" one.
    max_pixels : int, default=2**26
        Images of more pixels (height times width) are an error: a small file can
        unfold to more than memory holds.

    Attributes
    ----------
    classes : list of str
        Names of the folders, sorted.
    targets : ndarray of int64 of shape (n,)
        Class of each image, by its position in `classes`. Estimators predict the names.
    files : list of Path
        Images in order.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it holds no images, or one is unreadable, too large or of another size (on
        access); the message names the file.
    ImportError
        If Pillow is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from sk_mixup.inputs import ImageFolder
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("cat", "dog"):
    ...     (root / name).mkdir()
    ...     Image.new("RGB", (4, 3)).save(root / name / "1.png")
    >>> images = ImageFolder(root)
    >>> images.classes, images.targets.tolist()
    (['cat', 'dog'], [0, 1])
    >>> image, target = images[1]
    >>> image.shape, image.dtype, target
    (torch.Size([3, 3, 4]), torch.uint8, 1)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: int | tuple[int, int] | None = None,
        mode: str = "RGB",
        max_pixels: int = 2**26,
    ) -> None:
        _pillow()
        self.path = Path(path)
        self.size = (size, size) if isinstance(size, int) else size
        self.mode = mode
        if not isinstance(max_pixels, int) or max_pixels < 1:
            raise ValueError(
                f"ImageFolder: max_pixels must be an int of at least 1; got"
                f" {max_pixels!r}."
            )
        self.max_pixels = max_pixels
        if not self.path.is_dir():
            raise FileNotFoundError(
                f"ImageFolder: there is no folder {str(self.path)!r}."
            )
        folders = sorted(
            folder
            for folder in self.path.iterdir()
            if folder.is_dir() and not folder.name.startswith(".")
        )
        root, strange = self.path.resolve(), [f for f in folders if f.is_symlink()]
        strange = [folder for folder in strange if not _is_within(folder, root)]
        folders = [folder for folder in folders if folder not in strange]
        found = {}
        for folder in folders:
            found[folder.name], others = _images(folder, root)
            strange += others
        if strange:
            _warn_of_strange(strange)
        empty = [name for name, files in found.items() if not files]
        if empty or not found:
            what = f"the folders {empty} hold none" if found else "it holds no folders"
            raise ValueError(
                f"ImageFolder: {str(self.path)!r} must hold one folder of images per"
                f" class, and {what}. Files count by their endings: {SUFFIXES}."
            )
        self.classes = list(found)
        self.files = [file for files in found.values() for file in files]
        self.targets = np.repeat(
            np.arange(len(found)), [len(files) for files in found.values()]
        )
        self._first_size: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return an image, uint8 of shape (channels, height, width), and its class."""
        return self._load(self.files[index]), int(self.targets[index])

    def _load(self, file: Path) -> Tensor:
        image_module = _pillow()
        if not file.is_file():  # a pipe would be waited for
            raise ValueError(f"ImageFolder: {str(file)!r} is no file any more.")
        try:
            with image_module.open(file, formats=_formats(image_module)) as image:
                self._check_pixels(file, image.height, image.width)
                image = image.convert(self.mode)
                if self.size is not None:
                    height, width = self.size
                    image = image.resize(
                        (width, height), image_module.Resampling.BILINEAR
                    )
                pixels = np.array(image)
        except _TooLarge:
            raise
        except (
            OSError,
            SyntaxError,
            ValueError,
            image_module.DecompressionBombError,
        ) as e:
            raise ValueError(
                f"ImageFolder: cannot read {str(file)!r}: {type(e).__name__}: {e}."
                " Remove or replace the file."
            ) from e
        if pixels.dtype != np.uint8:
            raise ValueError(
                f"ImageFolder: mode={self.mode!r} gives {pixels.dtype}; use a mode of 8"
                " bits per channel, such as 'RGB' or 'L'."
            )
        self._check_size(file, pixels.shape[:2])
        pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
        return torch.from_numpy(np.ascontiguousarray(pixels))

    def _check_pixels(self, file: Path, height: int, width: int) -> None:
        # Pickled by an earlier version, it may have no limit.
        limit = getattr(self, "max_pixels", 2**26)
        if height * width > limit:
            raise _TooLarge(
                f"ImageFolder: {str(file)!r} is {height} x {width} (height x width),"
                f" more than max_pixels={limit}. Remove the file, or give a larger"
                " max_pixels if it is what it should be."
            )

    def _check_size(self, file: Path, size: tuple[int, ...]) -> None:
        if self._first_size is None:
            # Of the first file, so that the message is the same in every order.
            image_module = _pillow()
            first = self.files[0]
            with image_module.open(first, formats=_formats(image_module)) as image:
                self._first_size = (image.height, image.width)
        if self.size is None and size != self._first_size:
            raise ValueError(
                f"ImageFolder: {str(file)!r} is {size[0]} x {size[1]} (height x width),"
                f" but {str(self.files[0])!r} is {self._first_size[0]} x"
                f" {self._first_size[1]}. Give size=, to which all are resized."
            )

    def __repr__(self) -> str:
        """Name the folder and count."""
        return (
            f"ImageFolder({str(self.path)!r}, {len(self)} images,"
            f" {len(self.classes)} classes)"
        )


class _TooLarge(ValueError):
    """An image of too many pixels."""


def _images(folder: Path, root: Path) -> tuple[list[Path], list[Path]]:
    """Return the images below a folder, and what only looks like one."""
    files, strange = [], []
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() not in SUFFIXES or file.name.startswith("."):
            continue
        if file.is_file() and _is_within(file, root):
            files.append(file)
        elif not file.is_dir() or file.is_symlink():
            strange.append(file)
    return files, strange


def _is_within(path: Path, root: Path) -> bool:
    """Whether a path, its links followed, lies below a folder."""
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # links in a circle
        return False


def _warn_of_strange(paths: list[Path]) -> None:
    shown = ", ".join(repr(str(path)) for path in paths[:5])
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    warn_caller(
        f"ImageFolder leaves out {shown}{more}: links that lead out of the folder or"
        " nowhere, or no regular files. Copy images to where they are wanted."
    )


def _formats(image_module: Any) -> list[str]:
    """Return the formats of `SUFFIXES`; others, as EPS, run programs to be read."""
    image_module.init()
    return [name for name in _FORMATS if name in image_module.OPEN]


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "ImageFolder reads images with Pillow, which is not installed: pip install"
            " 'sk-mixup[images]'."
        ) from error
    return Image
