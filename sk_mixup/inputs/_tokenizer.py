"""Raw texts to token ids, as a step of a scikit-learn Pipeline.

What comes out is padded to one length that `fit` learns, so that training and
prediction see rows of one shape.
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sk_mixup.encoding import (
    KINDS,
    as_texts,
    copied_tokenizer,
    padded,
    padding_id,
    token_lists,
    train_tokenizer,
)
from sk_mixup.inputs._rows import Rows

# Padding to the longest text of all would double the work for one text in a hundred.
_QUANTILE = 0.95
_LONGEST = 256


class TokenRows(Rows):
    """Token ids and their mask, and what a net must know of the vocabulary.

    Parameters
    ----------
    ids : array of shape (n, T), int64
    mask : array of shape (n, T), bool
        True at tokens.
    n_tokens : int
        Size of the vocabulary.
    padding_idx : int or None
        Id of padding; None: the mask alone tells.
    """

    def __init__(
        self, ids: Any, mask: Any, n_tokens: int, padding_idx: int | None
    ) -> None:
        super().__init__({"ids": ids, "mask": mask})
        self.n_tokens = n_tokens
        self.padding_idx = padding_idx

    def __getitem__(self, index: Any) -> Any:
        """Pick an entry by name, or rows; see `Rows`."""
        taken = super().__getitem__(index)
        if not isinstance(taken, Rows):
            return taken
        return TokenRows(taken["ids"], taken["mask"], self.n_tokens, self.padding_idx)


class TextTokenizer(TransformerMixin, BaseEstimator):
    """Turn texts into padded token ids and a mask, with a vocabulary of their own.

    `fit` trains a tokenizer of the Hugging Face `tokenizers` library on the texts that
    it is given, so that in cross-validation the vocabulary of a fold is learnt on its
    training part alone. The same texts give the same tokenizer.

    Parameters
    ----------
    kind : {"bpe", "wordpiece", "word"}, default="bpe"
        Parts of words, merged by how often they stand side by side (BPE) or by how much
        that says (WordPiece), or whole words.
    vocab_size : int, default=8000
        Most tokens, the two special ones included; at least 3.
    min_frequency : int, default=2
        Words, or pairs of parts, that occur less often are no token; at least 1.
    lowercase : bool, default=True
        Read capital letters as small ones.
    max_length : int or None, default=None
        Tokens kept of a text, from its start. None: as many as 95 % of the training
        texts have, at most 256. Rows are as long as the longest training text after
        this cut.
    tokenizer : tokenizers.Tokenizer, fast tokenizer of transformers, or None
        One that is trained already, which is copied and used with its own
        normalization, special tokens and padding. `kind`, `vocab_size`, `min_frequency`
        and `lowercase` have no effect then.

    Attributes
    ----------
    tokenizer_ : tokenizers.Tokenizer
        What encodes and decodes.
    n_tokens_ : int
        Size of the vocabulary.
    padding_idx_ : int or None
        Id of padding; None: the given tokenizer has none, rows are padded with 0, and
        the mask alone tells.
    length_ : int
        Tokens in a row.

    Notes
    -----
    Missing and empty texts become one unknown token, and so does a word with no known
    part.

    Examples
    --------
    >>> from sk_mixup.inputs import TextTokenizer
    >>> texts = ["a small text", "a text", "a longer small text", None]
    >>> rows = TextTokenizer(kind="word").fit_transform(texts)
    >>> rows["ids"]
    array([[2, 4, 3, 0],
           [2, 3, 0, 0],
           [2, 1, 4, 3],
           [1, 0, 0, 0]])
    >>> rows["mask"].sum(axis=1)
    array([3, 2, 4, 1])
    """

    def __init__(
        self,
        kind: str = "bpe",
        *,
        vocab_size: int = 8000,
        min_frequency: int = 2,
        lowercase: bool = True,
        max_length: int | None = None,
        tokenizer: Any = None,
    ) -> None:
        self.kind = kind
        self.vocab_size = vocab_size
        self.min_frequency = min_frequency
        self.lowercase = lowercase
        self.max_length = max_length
        self.tokenizer = tokenizer

    def fit(self, X: Any, y: Any = None) -> TextTokenizer:
        """Train the tokenizer.

        Parameters
        ----------
        X : list of str, Series, array of shape (n,), or table with one column
        y : object
            Not used.

        Returns
        -------
        self : TextTokenizer
        """
        self._fit(X)
        return self

    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> TokenRows:
        """Train the tokenizer, and return what `transform` returns."""
        lists = self._fit(X)
        if self.tokenizer is not None:  # cut between the special tokens at the ends
            return self.transform(X)
        return self._rows(lists)

    def transform(self, X: Any) -> TokenRows:
        """Encode texts.

        Parameters
        ----------
        X : as for `fit`

        Returns
        -------
        rows : Rows
            ``rows["ids"]`` of shape (n, `length_`), int64, and ``rows["mask"]`` of the
            same shape, bool, True at tokens. The text nets take it, and a module of
            your own with ``forward(ids, mask)``.
        """
        check_is_fitted(self)
        texts = as_texts(X, name=type(self).__name__)
        return self._rows(list(token_lists(self.tokenizer_, texts)))

    def _fit(self, X: Any) -> list[list[int]]:
        self._check_parameters()
        texts = as_texts(X, name=type(self).__name__)
        if self.tokenizer is not None:
            tokenizer = copied_tokenizer(self.tokenizer)
        else:
            if not any(map(str.strip, texts)):
                raise ValueError("X: no text holds a word; there is nothing to learn.")
            tokenizer = train_tokenizer(
                texts,
                kind=self.kind,
                vocab_size=self.vocab_size,
                min_frequency=self.min_frequency,
                lowercase=self.lowercase,
            )
        padding = padding_id(tokenizer)
        most = _LONGEST
        if tokenizer.truncation is not None:
            most = min(most, tokenizer.truncation["max_length"])
        tokenizer.no_padding()
        tokenizer.no_truncation()
        lists = list(token_lists(tokenizer, texts))
        counts = np.array([len(ids) for ids in lists])
        if self.max_length is not None:
            most = int(self.max_length)
        else:
            most = min(most, int(np.quantile(counts, _QUANTILE, method="higher")))
        special = tokenizer.num_special_tokens_to_add(False)
        if special:
            if most <= special:
                raise ValueError(
                    f"max_length={self.max_length!r}: the tokenizer adds {special}"
                    f" special tokens to each text; say {special + 1} at least."
                )
            tokenizer.enable_truncation(most)
        self.length_ = min(most, int(counts.max()))
        self.tokenizer_ = tokenizer
        self.n_tokens_ = int(tokenizer.get_vocab_size())
        self.padding_idx_ = padding
        return lists

    def _rows(self, lists: list[list[int]]) -> TokenRows:
        fill = 0 if self.padding_idx_ is None else self.padding_idx_
        ids, mask = padded(lists, self.length_, fill)
        return TokenRows(ids, mask, self.n_tokens_, self.padding_idx_)

    def _check_parameters(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {list(KINDS)}; got {self.kind!r}.")
        for name, low in (("vocab_size", 3), ("min_frequency", 1), ("max_length", 1)):
            value = getattr(self, name)
            if name == "max_length" and value is None:
                continue
            if not isinstance(value, numbers.Integral) or isinstance(value, bool):
                raise TypeError(
                    f"{name} must be an integer of at least {low}; got {value!r} of"
                    f" type {type(value).__name__}."
                )
            if value < low:
                raise ValueError(
                    f"{name} must be an integer of at least {low}; got {value!r}."
                )

    def __sklearn_tags__(self) -> Any:
        """One text per row, missing ones too."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.allow_nan = True
        return tags
