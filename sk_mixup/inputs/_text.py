"""What reaches a net that takes texts: token ids, padded, and their mask.

Raw texts are tokenized here. Who wants settings puts a `TextTokenizer` before the
estimator in a Pipeline; then ids arrive, and are checked against their vocabulary.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch

from sk_mixup.encoding import as_texts
from sk_mixup.inputs._rows import Rows, as_rows
from sk_mixup.inputs._tokenizer import TextTokenizer


class TextInput:
    """Take raw texts, or token ids with their mask, for the bundled text nets.

    Parameters
    ----------
    name : str
        What messages call the estimator.

    Attributes
    ----------
    tokenizer : TextTokenizer or None
        With its default settings; None where ids came.
    """

    kind: ClassVar[str] = "text"

    def __init__(self, name: str) -> None:
        self.name = name
        self.tokenizer: TextTokenizer | None = None
        self.n_tokens: int | None = None
        self.padding_idx: int | None = 0

    def check(self, X: Any) -> Any:
        """Return an array of texts, or `Rows` with the entries "ids" and "mask".

        Raises
        ------
        ValueError, TypeError
            Naming what was given.
        """
        rows = as_rows(X)
        if rows is None:
            if self.n_tokens is not None and self.tokenizer is None:
                raise ValueError(
                    f"X holds no token ids, but {self.name} was fitted on token ids."
                    " Encode the texts by the same tokenizer."
                )
            texts = np.empty(len(found := as_texts(X, name=self.name)), dtype=object)
            texts[:] = found
            return texts
        if self.tokenizer is not None:
            raise ValueError(
                f"X holds token ids, but {self.name} was fitted on raw texts."
            )
        return self._checked_ids(rows)

    def _checked_ids(self, rows: Rows) -> Rows:
        if set(rows.keys()) - {"mask"} != {"ids"}:
            raise ValueError(
                "X: a text net takes raw texts, or Rows with the entries 'ids' and"
                f" 'mask', as TextTokenizer returns them; got {rows!r}."
            )
        ids = torch.as_tensor(rows["ids"])
        if ids.ndim != 2 or ids.is_floating_point() or not ids.numel():
            raise ValueError(
                "X: ids must be integers of shape (n, T), padded to one length; got"
                f" dtype {ids.dtype} and shape {tuple(ids.shape)}."
            )
        low, high = int(ids.min()), int(ids.max())
        most = self.n_tokens or getattr(rows, "n_tokens", None)
        if low < 0 or (most is not None and high >= most):
            raise ValueError(
                f"X: ids hold {low if low < 0 else high}, which is outside of the"
                f" vocabulary of {most or high + 1} tokens, 0 to"
                f" {(most or high + 1) - 1}. Encode texts by the tokenizer of the"
                " training texts."
            )
        has_mask = len(rows.keys()) == 2
        if has_mask and tuple(rows["mask"].shape) != tuple(ids.shape):
            raise ValueError(
                f"X: mask has shape {tuple(rows['mask'].shape)}, and ids have shape"
                f" {tuple(ids.shape)}."
            )
        return rows

    def fit_transform(self, X: Any) -> dict[str, torch.Tensor]:
        """Learn the vocabulary, and encode."""
        if isinstance(X, Rows):
            ids = torch.as_tensor(X["ids"])
            self.n_tokens = getattr(X, "n_tokens", None) or int(ids.max()) + 1
            self.padding_idx = getattr(X, "padding_idx", 0)
            return self._tensors(X)
        self.tokenizer = TextTokenizer()
        encoded = self.tokenizer.fit_transform(X)
        self.n_tokens, self.padding_idx = encoded.n_tokens, encoded.padding_idx
        return self._tensors(encoded)

    def transform(self, X: Any) -> dict[str, torch.Tensor]:
        """Encode what `check` returned."""
        if self.tokenizer is not None:
            X = self.tokenizer.transform(X)
        return self._tensors(X)

    def _tensors(self, rows: Rows) -> dict[str, torch.Tensor]:
        ids = torch.as_tensor(rows["ids"]).long()
        if len(rows.keys()) == 2:
            mask = torch.as_tensor(rows["mask"]) != 0
        elif self.padding_idx is None:
            mask = torch.ones_like(ids, dtype=torch.bool)
        else:
            mask = ids != self.padding_idx
        return {"ids": ids, "mask": mask}

    def net_arguments(self, n_outputs: int) -> dict[str, Any]:
        """Return what the bundled net needs to know of the texts."""
        return {
            "n_tokens": self.n_tokens,
            "padding_idx": self.padding_idx,
            "n_outputs": n_outputs,
        }

    @property
    def columns(self) -> None:
        """Nothing: a text has no columns."""

    def after_training(self, module: Any) -> None:
        """Nothing to fill in."""
