"""From raw texts to padded token ids, over the Hugging Face `tokenizers` library.

The library is optional and is imported when it is used.

Its trainers number the letters inside of words in the order of a hash table, which
differs from process to process, and merge by these numbers where counts are equal. So
that the same texts give the same tokenizer, all letters are numbered beforehand, as if
they were special tokens, and are made plain tokens again after the training.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

KINDS = ("bpe", "wordpiece", "word")
PAD, UNKNOWN = "[PAD]", "[UNK]"
# Marks a part of a word, which is not the word of the same letters.
_INSIDE = "##"
# Characters that a tokenizer learns as tokens of their own; rarer ones are unknown.
_ALPHABET = 1000
# An encoding takes a hundred times the memory of its ids.
_CHUNK = 4096
# What tokenizers call padding when they do not say it in their settings.
_PAD_NAMES = (PAD, "<pad>", "<PAD>", "[pad]")
_UNKNOWN_NAMES = (UNKNOWN, "<unk>", "<UNK>", "[unk]")


def as_texts(X: Any, *, name: str) -> list[str]:
    """Return a list of strings; missing texts are empty.

    Parameters
    ----------
    X : list, Series, array or table of one column
    name : str
        What messages call the estimator.

    Raises
    ------
    TypeError
        For one string, and for entries that are no text, by row.
    ValueError
        For no rows or several columns.
    """
    if isinstance(X, (str, bytes)):
        raise TypeError(f"X is one text, and {name} takes many: give a list, [text].")
    if isinstance(X, (set, frozenset, dict)):
        raise TypeError(
            f"X is a {type(X).__name__}, whose entries have no order, or no order of"
            f" rows; {name} takes a list of str or a Series."
        )
    if hasattr(X, "todense") or hasattr(X, "detach"):
        raise TypeError(
            f"X is a {type(X).__name__}, and {name} takes raw texts: a list of str, a"
            " Series, or a table with one column of texts."
        )
    shape = getattr(X, "shape", None)
    if shape is not None and len(shape) != 1:
        if len(shape) != 2 or shape[1] != 1:
            raise ValueError(
                f"X has shape {tuple(shape)}, and {name} takes one text per row. Choose"
                " a column, as in X['text'], or join the columns."
            )
        X = X.iloc[:, 0] if hasattr(X, "iloc") else np.asarray(X)[:, 0]
    rows = X.tolist() if isinstance(X, np.ndarray) else list(X)
    if not rows:
        raise ValueError(
            f"Found array with 0 sample(s) while a minimum of 1 is required by {name}."
        )
    for i, row in enumerate(rows):
        if not isinstance(row, str):
            rows[i] = _missing_as_empty(row, i)
        elif not row.isascii():
            _check_encodes(row, i)
    return rows


def _missing_as_empty(value: Any, row: int) -> str:
    # NaN differs from itself; pandas.NA gives no bool.
    if value is None or type(value).__name__ == "NAType":
        return ""
    if isinstance(value, (float, np.floating)) and value != value:
        return ""
    hint = " Turn it into text, with str()."
    if isinstance(value, bytes):
        hint = " Decode it first, with .decode()."
    elif isinstance(value, (list, tuple)):
        hint = " Join words to one text, with ' '.join()."
    raise TypeError(
        f"X: row {row} holds {value!r} of type {type(value).__name__}, which is no"
        f" text.{hint}"
    )


def _check_encodes(text: str, row: int) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        found = text[error.start : error.end]
        raise ValueError(
            f"X: row {row} holds {found!r}, half a character, which is no text. Read"
            " the file with its encoding, or drop such halves:"
            " text.encode(errors='ignore').decode()."
        ) from None


def train_tokenizer(
    texts: Sequence[str],
    *,
    kind: str,
    vocab_size: int,
    min_frequency: int,
    lowercase: bool,
) -> Any:
    """Return a tokenizer trained on texts; id 0 is padding, 1 what is unknown.

    Parameters
    ----------
    texts : sequence of str
    kind : {"bpe", "wordpiece", "word"}
    vocab_size, min_frequency : int
    lowercase : bool

    Returns
    -------
    tokenizer : tokenizers.Tokenizer
    """
    tokenizers = import_tokenizers()
    models, trainers = tokenizers.models, tokenizers.trainers
    steps = [tokenizers.normalizers.NFKC()]
    if lowercase:
        steps.append(tokenizers.normalizers.Lowercase())
    normalizer = tokenizers.normalizers.Sequence(steps)
    special = [PAD, UNKNOWN]
    options = {
        "vocab_size": vocab_size,
        "min_frequency": min_frequency,
        "show_progress": False,
    }
    if kind == "word":
        tokenizer = tokenizers.Tokenizer(models.WordLevel(unk_token=UNKNOWN))
        trainer = trainers.WordLevelTrainer(special_tokens=special, **options)
    else:
        letters = _letters(normalizer, texts)
        model, make_trainer = (
            (models.BPE, trainers.BpeTrainer)
            if kind == "bpe"
            else (models.WordPiece, trainers.WordPieceTrainer)
        )
        tokenizer = tokenizers.Tokenizer(
            model(unk_token=UNKNOWN, continuing_subword_prefix=_INSIDE)
        )
        trainer = make_trainer(
            special_tokens=special + [_INSIDE + letter for letter in letters],
            initial_alphabet=letters,
            limit_alphabet=len(letters),
            continuing_subword_prefix=_INSIDE,
            **options,
        )
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(texts, trainer=trainer, length=len(texts))
    if kind == "word":
        return tokenizer
    trained = json.loads(tokenizer.to_str())
    trained["added_tokens"] = [
        token for token in trained["added_tokens"] if token["content"] in special
    ]
    return tokenizers.Tokenizer.from_str(json.dumps(trained))


def _letters(normalizer: Any, texts: Sequence[str]) -> list[str]:
    """Return the most frequent characters of words, sorted."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(normalizer.normalize_str(text))
    found = [letter for letter in counts if not letter.isspace()]
    found.sort(key=lambda letter: (-counts[letter], letter))
    return sorted(found[:_ALPHABET])


def copied_tokenizer(tokenizer: Any) -> Any:
    """Return a copy of a tokenizer, as the tokenizers library has them.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer, or one of transformers that holds one

    Raises
    ------
    TypeError
        For anything else.
    """
    tokenizers = import_tokenizers()
    inner = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not isinstance(inner, tokenizers.Tokenizer):
        raise TypeError(
            "tokenizer must be a tokenizers.Tokenizer, a fast tokenizer of"
            f" transformers, or None; got {tokenizer!r} of type"
            f" {type(tokenizer).__name__}."
        )
    copied = tokenizers.Tokenizer.from_str(inner.to_str())
    named = getattr(tokenizer, "pad_token", None)
    if copied.padding is None and isinstance(named, str):
        copied.enable_padding(pad_id=copied.token_to_id(named), pad_token=named)
    return copied


def padding_id(tokenizer: Any) -> int | None:
    """Return the id that is padding; None where the tokenizer has no such token."""
    if tokenizer.padding is not None:
        return int(tokenizer.padding["pad_id"])
    return _first_id(tokenizer, _PAD_NAMES)


def unknown_id(tokenizer: Any) -> int | None:
    """Return the id of what is unknown; None where there is no such token."""
    name = getattr(tokenizer.model, "unk_token", None)
    return _first_id(tokenizer, (*([name] if name else []), *_UNKNOWN_NAMES))


def _first_id(tokenizer: Any, names: Sequence[str]) -> int | None:
    found = (tokenizer.token_to_id(name) for name in names)
    return next((index for index in found if index is not None), None)


def token_lists(tokenizer: Any, texts: Sequence[str]) -> Iterator[list[int]]:
    """Yield the ids of each text; where there are none, those of an unknown token."""
    unknown = unknown_id(tokenizer)
    empty = [0 if unknown is None else unknown]
    for start in range(0, len(texts), _CHUNK):
        part = tokenizer.encode_batch_fast(list(texts[start : start + _CHUNK]))
        for encoding in part:
            yield encoding.ids or empty


def padded(
    lists: Sequence[list[int]], length: int, fill: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return ids and mask of lists that are cut or padded at their ends.

    Parameters
    ----------
    lists : sequence of list of int
        At least one id each.
    length : int
        `T`.
    fill : int
        Id of padding.

    Returns
    -------
    ids : ndarray of shape (n, T), int64
    mask : ndarray of shape (n, T), bool
        True at tokens.
    """
    counts = np.fromiter((min(len(ids), length) for ids in lists), int, len(lists))
    mask = np.arange(length) < counts[:, None]
    ids = np.full(mask.shape, fill, dtype=np.int64)
    flat = itertools.chain.from_iterable(row[:length] for row in lists)
    ids[mask] = np.fromiter(flat, np.int64, int(counts.sum()))
    return ids, mask


def import_tokenizers() -> Any:
    """Return the library.

    Raises
    ------
    ImportError
        With what to install.
    """
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError(
            "Texts need the tokenizers library: pip install 'sk-mixup[text]'"
        ) from error
    return tokenizers
