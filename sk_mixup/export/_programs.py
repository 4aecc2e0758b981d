"""A whole prediction as one torch module."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.encoding import TableEncoder
from sk_mixup.export._answers import Answers
from sk_mixup.export._numbers import NumberEncoding

# What a code is, where it is none of the column.
_MISSING, _UNSEEN = 0, 1
# Dtypes that a net gets as float32.
AS_FLOATS = (torch.float32, torch.uint8)


class TableProgram(nn.Module):
    """From raw numbers and category codes to what is predicted.

    `sk_mixup.export.to_torch` makes it.

    Parameters
    ----------
    model : MixupClassifier or MixupRegressor
        Fitted on a table, with a net of the library.

    Attributes
    ----------
    number_names, category_names : list of str
        Columns of `numbers` and of `codes`, in this order.
    output_names : list of str
        Of what is returned.

    Notes
    -----
    Members, where the net has several, are joined. The program is made for evaluation.
    """

    n_levels: Tensor

    def __init__(self, model: Any) -> None:
        super().__init__()
        encoder: TableEncoder = model._source_.encoder
        names = column_names(model)
        self.number_names = [names[j] for j in encoder.numeric_columns_]
        self.category_names = [names[j] for j in encoder.categorical_columns_]
        self.encoding = NumberEncoding(encoder)
        levels = torch.tensor(encoder.n_levels_, dtype=torch.int64)
        self.register_buffer("n_levels", levels)
        self.net = own_net(model)
        self.answers = Answers(model)
        self.output_names = self.answers.names
        self.eval()

    def forward(
        self, numbers: Tensor | None = None, codes: Tensor | None = None
    ) -> Tensor | tuple[Tensor, ...]:
        """Predict.

        Parameters
        ----------
        numbers : Tensor of shape (B, n_numbers), floating, or None
            Raw values of the number columns, NaN where they are missing. None: there
            is no such column.
        codes : Tensor of shape (B, n_categories), integer, or None
            Of the category columns, ``model.encode(X)["categorical"]``: 0 for a missing
            value, 1 for one that `fit` did not see. None: there is no such column.

        Returns
        -------
        answer : Tensor of float64, or a tuple of one per output
            What `predict_proba` returns, or `predict` of a regressor.
        """
        n_rows, device = _rows_of(numbers, codes)
        if numbers is None:
            _refuse_none("numbers", self.number_names)
            numbers = torch.zeros((n_rows, 0), device=device)
        if codes is None:
            _refuse_none("codes", self.category_names)
            codes = torch.zeros((n_rows, 0), dtype=torch.int64, device=device)
        codes = codes.long()
        if self.category_names:
            codes = codes.clamp(min=_MISSING)
            codes = torch.where(codes < self.n_levels, codes, _UNSEEN)
        answer: Tensor | tuple[Tensor, ...] = self.answers(
            self.net(numeric=self.encoding(numbers), categorical=codes)
        )
        return answer


class ArrayProgram(nn.Module):
    """From an array to what is predicted.

    `sk_mixup.export.to_torch` makes it.

    Parameters
    ----------
    model : MixupClassifier or MixupRegressor
        Fitted on one array.

    Attributes
    ----------
    row_shape : tuple of int
        Of a row.
    dtype : torch.dtype
        Of what the net gets.
    output_names : list of str
        Of what is returned.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        shape, dtype = model._source_.spec
        self.row_shape: tuple[int, ...] = shape
        self.dtype: torch.dtype = torch.float32 if dtype in AS_FLOATS else dtype
        self.net = own_net(model)
        self.answers = Answers(model)
        self.output_names = self.answers.names
        self.eval()

    def forward(self, X: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Predict.

        Parameters
        ----------
        X : Tensor of shape (B, ...)
            Values as `predict` takes them; pixels may be bytes.

        Returns
        -------
        answer : Tensor of float64, or a tuple of one per output
            What `predict_proba` returns, or `predict` of a regressor.
        """
        answer: Tensor | tuple[Tensor, ...] = self.answers(self.net(X.to(self.dtype)))
        return answer


def column_names(model: Any) -> list[str]:
    """Return the names of the columns of a table; x0, x1 and so on of an array."""
    n_features = model._source_.encoder.n_features_
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        return [f"x{j}" for j in range(n_features)]
    return [str(name) for name in names]


def own_net(model: Any) -> nn.Module:
    """Return a copy of the net, on the CPU, where double precision is known."""
    return copy.deepcopy(model.module_).cpu().eval().requires_grad_(False)


def _rows_of(numbers: Tensor | None, codes: Tensor | None) -> tuple[int, torch.device]:
    given = codes if numbers is None else numbers
    if given is None:
        raise TypeError("Give numbers, or codes, or both; got None for either.")
    return given.shape[0], given.device


def _refuse_none(name: str, columns: list[str]) -> None:
    if columns:
        raise TypeError(f"{name}: the model reads the columns {columns}; got None.")
