"""A Hugging Face encoder with mixing at an encoder layer that is drawn for each batch.

Without arguments, a tiny BERT with new weights, built from a config without a download,
on descriptions of functions in the documentation of four libraries::

    python examples/hugging_face.py

With pretrained weights (a download, the first time), on texts of yours::

    python examples/hugging_face.py --model bert-base-uncased --max-epochs 3
        --csv FILE --text COLUMN ... --target COLUMN

The model's code is not touched: layers are named by patterns, and hooks that mix are
gone after the training. timm_finetune.py does the same for images.
"""

from __future__ import annotations

import argparse
from typing import Any

from sklearn.pipeline import Pipeline, make_pipeline

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
from _texts import add_text_arguments, load_texts
from sk_mixup import MixupClassifier
from sk_mixup.inputs import TextTokenizer
from sk_mixup.mixing import ManifoldMixup

TOKENS = 4000
CONFIG = {
    "vocab_size": TOKENS,
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
}


def parts(args: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return settings of the tokenizer, and of the classifier."""
    if args.model is None:
        return {"vocab_size": TOKENS}, {"module": "hf/bert", "module__config": CONFIG}
    transformers = require("transformers", "hf")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(args.model)
    except (OSError, ValueError) as error:
        raise UsageError(f"--model {args.model}: {error}") from error
    module = {
        "module": f"hf/{args.model}",
        "module__pretrained": True,
        # Earlier layers know more of language as such, and move less.
        "module__lr_decay": 0.9,
    }
    return {"tokenizer": tokenizer}, module


def run(args: argparse.Namespace) -> None:
    """Train with and without mixing, and compare."""
    require("transformers", "hf")
    to_tokens, to_model = parts(args)
    name, texts, labels = load_texts(args)
    split = split_rows(texts, labels, args)
    describe(name, "raw texts", split)
    mixes = {"none": None, "drawn layer": ManifoldMixup(0.4, layers=args.layers)}

    def make(**settings: Any) -> Pipeline:
        return make_pipeline(
            TextTokenizer(max_length=args.max_length, **to_tokens),
            MixupClassifier(**to_model, batch_size=32, **settings),
        )

    results = compare(make, mixes, split, args)
    title = f"{name}: {args.model or 'a tiny BERT'}"
    report(results, title, args.output / "hugging_face.png")


if __name__ == "__main__":
    # Fits of a transformer are not cheap.
    parser = make_parser(__doc__, seeds=2)
    add_text_arguments(parser)
    add = parser.add_argument
    add("--model", metavar="NAME", help="pretrained weights; default: a tiny new BERT")
    add("--max-length", type=int, default=48, help="tokens read of a text")
    add(
        "--layers",
        nargs="+",
        metavar="PATTERN",
        default=["*.layer.[0-9]"],
        help="layers to draw from, as named_modules() lists them",
    )
    start(parser, run)
