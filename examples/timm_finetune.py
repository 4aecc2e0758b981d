"""Fine-tune an image model of timm, with Mixup or CutMix drawn for each batch.

    python examples/timm_finetune.py --data FOLDER --model resnet18 --size 128

FOLDER holds one folder of images per class; images are read batch by batch and resized.
The first time, weights are downloaded (``--no-pretrained``: new weights instead). Parts
named by ``--freeze`` are not trained, and the learning rate falls by ``--lr-decay``
from each part to the one before it. Needs timm: ``pip install 'sk-mixup[timm]'``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from _common import (
    UsageError,
    compare,
    describe,
    make_parser,
    report,
    require,
    split_rows,
    start,
)
from sk_mixup import MixupClassifier
from sk_mixup.augment import RandomFlip
from sk_mixup.inputs import DatasetRows, ImageFolder
from sk_mixup.mixing import CutMix, Mixup

MIXES = {"none": None, "Mixup or CutMix": [Mixup(0.2), CutMix(1.0)]}
# What the published weights of most models were trained with, for pixels of 0 to 255.
MEAN = [123.675, 116.28, 103.53]
STD = [58.395, 57.12, 57.375]


def run(args: argparse.Namespace) -> None:
    """Train with and without mixing, and compare."""
    require("timm", "timm")
    try:
        folder = ImageFolder(args.data, size=args.size)
    except (ImportError, OSError, ValueError) as error:
        raise UsageError(str(error)) from error
    labels = np.array(folder.classes)[folder.targets]
    split = split_rows(DatasetRows(folder), labels, args)
    describe(args.data.name, f"images of {args.size} x {args.size}", split)
    options: dict[str, Any] = {"module__freeze": args.freeze}
    if args.pretrained:
        options |= {"module__channel_mean": MEAN, "module__channel_std": STD}

    def make(**settings: Any) -> MixupClassifier:
        return MixupClassifier(
            f"timm/{args.model}",
            module__pretrained=args.pretrained,
            module__lr_decay=args.lr_decay,
            augment=RandomFlip(),
            **options,
            **settings,
        )

    results = compare(make, MIXES, split, args)
    title = f"{args.data.name}: {args.model} of timm"
    report(results, title, args.output / "timm_finetune.png")


if __name__ == "__main__":
    parser = make_parser(__doc__, seeds=1)
    add = parser.add_argument
    add("--data", type=Path, metavar="FOLDER", required=True)
    add("--model", metavar="NAME", default="resnet18", help="of timm.list_models()")
    add("--size", type=int, default=128, help="pixels per side")
    add("--pretrained", action=argparse.BooleanOptionalAction, default=True)
    add("--freeze", nargs="+", metavar="PART", help="parts that are not trained")
    add("--lr-decay", type=float, default=0.7)
    start(parser, run)
