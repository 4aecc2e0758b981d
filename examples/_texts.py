"""Texts to classify: a CSV file, or the documentation of libraries that are here."""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from _common import Parser, UsageError

#: Modules whose functions and classes are described, by library.
LIBRARIES = {
    "numpy": ["numpy", "numpy.linalg", "numpy.ma", "numpy.polynomial", "numpy.random"],
    "pandas": ["pandas", "pandas.api.types"],
    "scipy": [
        "scipy.linalg",
        "scipy.optimize",
        "scipy.signal",
        "scipy.special",
        "scipy.stats",
    ],
    "torch": ["torch", "torch.distributions", "torch.nn", "torch.optim"],
}
_PER_LIBRARY = 600
# A description that names its library would be no riddle.
_NAMES = re.compile(r"\b(numpy|np|pandas|pd|scipy|pytorch|torch|ma)\b\.?", re.I)


def add_text_arguments(parser: Parser) -> None:
    """Add the arguments that `load_texts` reads."""
    add = parser.add_argument
    add("--csv", type=Path, metavar="FILE", help="texts of your own")
    add("--text", nargs="+", metavar="COLUMN", help="column(s) of FILE to read")
    add("--target", metavar="COLUMN", help="column of FILE to predict")


def load_texts(args: argparse.Namespace) -> tuple[str, np.ndarray, np.ndarray]:
    """Return a name, texts and their classes."""
    if args.csv is None:
        if args.text or args.target:
            raise UsageError("--text and --target are columns of a --csv FILE")
        return "which library is described?", *descriptions()
    if not args.text or args.target is None:
        raise UsageError("--csv FILE needs --text COLUMN and --target COLUMN")
    try:
        frame = pd.read_csv(args.csv, low_memory=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {args.csv}: {error}") from error
    for column in [*args.text, args.target]:
        if column not in frame.columns:
            known = ", ".join(map(repr, frame.columns[:8]))
            raise UsageError(f"{args.csv} has no column {column!r}; it has {known}")
    frame = frame[frame[args.target].notna()]
    texts = frame[args.text].fillna("").astype(str).agg(" ".join, axis=1)
    return args.csv.name, texts.to_numpy(object), frame[args.target].to_numpy()


def descriptions() -> tuple[np.ndarray, np.ndarray]:
    """Return how libraries describe their functions, and the name of the library."""
    rng = np.random.default_rng(0)
    texts: list[str] = []
    labels: list[str] = []
    for library, modules in LIBRARIES.items():
        found: set[str] = set()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Names on their way out.
            for name in modules:
                found |= _described(importlib.import_module(name))
        ordered = sorted(found)
        picked = rng.permutation(len(ordered))[:_PER_LIBRARY]
        texts += [ordered[i] for i in picked]
        labels += [library] * len(picked)
    return np.array(texts, object), np.array(labels)


def _described(module: Any) -> set[str]:
    found = set()
    for name in dir(module):
        thing = getattr(module, name)
        things = [thing]
        if inspect.isclass(thing):
            things += [getattr(thing, inner, None) for inner in dir(thing)]
        for one in things:
            if inspect.isroutine(one) or inspect.isclass(one):
                found.add(_summary(inspect.getdoc(one) or ""))
    return found - {""}


def _summary(doc: str) -> str:
    """Return the first paragraph in plain words; nothing where it is code."""
    for paragraph in doc.split("\n\n")[:2]:
        is_code = "->" in paragraph or "=" in paragraph or "::" in paragraph
        words = _NAMES.sub("", re.sub(r"[`*:_]+", " ", paragraph)).split()
        if not is_code and len(words) > 5:
            return " ".join(words)
    return ""
