"""Mixing of texts: of their words, or of whole sentences.

Without arguments, on descriptions of functions in the documentation of four libraries
that are installed anyway; the riddle is which library a description is from::

    python examples/text_mixing.py

On texts of yours (with AG News: ``--text title text --target label``)::

    python examples/text_mixing.py --csv FILE --text COLUMN ... --target COLUMN

Token ids have no average. Mixing of words blends the embedded words of two texts, place
by place; mixing of sentences blends the one vector that a net makes of each text.
RegMixup shows the net each batch twice, as it is and with its words mixed.
"""

from __future__ import annotations

import argparse
from typing import Any

from _common import compare, describe, make_parser, report, require, split_rows, start
from _texts import add_text_arguments, load_texts
from sk_mixup import MixupClassifier
from sk_mixup.mixing import ManifoldMixup, RegMixup

# Weak mixing, or clean texts beside the mixed ones: stronger mixing costs log-loss.
MIXES = {
    "none": None,
    "words": ManifoldMixup(0.1, layers="embedding"),
    "sentences": ManifoldMixup(0.2, layers="pooled"),
    "clean and words": RegMixup(10.0),
}


def run(args: argparse.Namespace) -> None:
    """Train with each way of mixing, and compare."""
    require("tokenizers", "text")
    name, texts, labels = load_texts(args)
    split = split_rows(texts, labels, args)
    describe(name, "raw texts", split)

    def make(**settings: Any) -> MixupClassifier:
        # Raw texts go in: the net's vocabulary is learnt from the training part.
        return MixupClassifier(args.net, **settings)

    results = compare(make, MIXES, split, args)
    report(results, f"{name}: {args.net}", args.output / "text_mixing.png")


if __name__ == "__main__":
    parser = make_parser(__doc__)
    add_text_arguments(parser)
    parser.add_argument("--net", choices=["text_bag", "text_cnn"], default="text_bag")
    start(parser, run)
