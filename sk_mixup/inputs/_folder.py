"""A folder with one folder of images per class."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

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


class ImageFolder(Dataset[tuple[Tensor, int]]):
    """Images in one folder per class, loaded when they are needed.

    Other files than images, and names that start with a dot, are left out.

    Parameters
    ----------
    path : str or path
        Holds the folders, whose names are the classes; images may lie deeper.
    size : int, (int, int) or None, default=None
        Height and width to which images are resized (an int: both). None: as they are;
        then all must have the size of the first.
    mode : str, default="RGB"
        Pillow's mode to convert to: "RGB" has 3 channels, "L" one.

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
        If it holds no images, or one is unreadable or of another size (on access).
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
    ) -> None:
        _pillow()
        self.path = Path(path)
        self.size = (size, size) if isinstance(size, int) else size
        self.mode = mode
        if not self.path.is_dir():
            raise FileNotFoundError(
                f"ImageFolder: there is no folder {str(self.path)!r}."
            )
        folders = sorted(
            folder
            for folder in self.path.iterdir()
            if folder.is_dir() and not folder.name.startswith(".")
        )
        found = {folder.name: _images(folder) for folder in folders}
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
        try:
            with image_module.open(file) as image:
                image = image.convert(self.mode)
                if self.size is not None:
                    height, width = self.size
                    image = image.resize(
                        (width, height), image_module.Resampling.BILINEAR
                    )
                pixels = np.array(image)
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

    def _check_size(self, file: Path, size: tuple[int, ...]) -> None:
        if self._first_size is None:
            # Of the first file, so that the message is the same in every order.
            with _pillow().open(self.files[0]) as image:
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


def _images(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    )


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "ImageFolder reads images with Pillow, which is not installed: pip install"
            " 'sk-mixup[images]'."
        ) from error
    return Image
