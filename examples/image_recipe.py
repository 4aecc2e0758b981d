"""The recipe for images: Mixup and CutMix, one of the two drawn for each batch.

Without arguments, on the digits of 8 x 8 pixels that come with scikit-learn::

    python examples/image_recipe.py

On images of yours, in a folder with one folder per class, or in two such folders
``train`` and ``test``::

    python examples/image_recipe.py --data FOLDER --size 32

Every net sees shifted (and mirrored) images; the recipe then mixes each batch by
Mixup(0.8) or CutMix(1.0), at even odds.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from _common import (
    Split,
    UsageError,
    compare,
    describe,
    make_parser,
    report,
    sampled,
    split_rows,
    start,
)
from sk_mixup import MixupClassifier
from sk_mixup.augment import RandomCrop, RandomFlip
from sk_mixup.inputs import ImageFolder
from sk_mixup.mixing import CutMix, Mixup

MIXES = {"none": None, "Mixup or CutMix": [Mixup(0.8), CutMix(1.0)]}


def load_demo(args: argparse.Namespace) -> tuple[Split, list[Any]]:
    """Return digits; mirrored ones would be other signs, so they are only shifted."""
    digits = load_digits()
    images = (digits.images * 15.9).astype(np.uint8)[:, None]
    return split_rows(images, digits.target, args), [RandomCrop(padding=1)]


def load_folder(args: argparse.Namespace) -> tuple[Split, list[Any]]:
    """Return images of the user's folder, and what each batch goes through."""
    if (args.data / "train").is_dir() and (args.data / "test").is_dir():
        X, y = read(args.data / "train", args.size)
        X, y = sampled(X, y, args.sample, args.random_state)
        X_test, y_test = read(args.data / "test", args.size)
        if {*y_test} - {*y}:
            raise UsageError(f"{args.data}: test has classes that train has not")
        split = Split(X, X_test, y, y_test)
    else:
        split = split_rows(*read(args.data, args.size), args)
    padding = max(1, split.X_train.shape[-1] // 8)
    return split, [RandomCrop(padding), RandomFlip()]


def read(path: Path, size: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images, which stay uint8 until they reach the net, and class names.

    They are small and fit in memory; ``MixupClassifier.fit(ImageFolder(path))`` works
    too and reads each batch from the disk.
    """
    try:
        folder = ImageFolder(path, size=size)
        images = np.stack([folder[i][0].numpy() for i in range(len(folder))])
    except (ImportError, OSError, ValueError) as error:
        raise UsageError(str(error)) from error
    return images, np.array(folder.classes)[folder.targets]


def run(args: argparse.Namespace) -> None:
    """Train with and without mixing, and compare."""
    split, augment = load_demo(args) if args.data is None else load_folder(args)
    name = "digits of scikit-learn" if args.data is None else args.data.name
    channels, height, width = split.X_train.shape[1:]
    describe(name, f"images of {channels} x {height} x {width}", split)

    def make(**settings: Any) -> MixupClassifier:
        return MixupClassifier("resnet", augment=augment, **settings)

    results = compare(make, MIXES, split, args)
    report(results, f"{name}: a small ResNet", args.output / "image_recipe.png")


if __name__ == "__main__":
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--data", type=Path, metavar="FOLDER", help="images of your own")
    add("--size", type=int, help="pixels per side; default: as they are")
    start(parser, run)
