"""A prediction of several arrays, or of the ids of texts, as one torch module."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.export._answers import Answers
from sk_mixup.export._programs import AS_FLOATS, own_net


class ArraysProgram(nn.Module):
    """From several arrays to what is predicted.

    `sk_mixup.export.to_torch` makes it.

    Parameters
    ----------
    model : MixupClassifier or MixupRegressor
        Fitted on several arrays, or on texts.

    Attributes
    ----------
    names : list of str
        Of the arrays, in the order of the arguments: those of a dict or of `Rows`;
        "X0", "X1" and so on of a tuple; "ids" and "mask" of texts, as
        ``model.encode(X)`` gives them.
    row_shapes : list of tuple
        Of a row of each. None stands for the tokens of a text, of any number.
    dtypes : list of torch.dtype
        Of what the net gets.
    n_values : list of int or None
        How many ids there are, where that is known.
    output_names : list of str
        Of what is returned.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        source = model._source_
        self.n_values: list[int | None]
        if source.kind == "text":
            self.names, self.is_named = ["ids", "mask"], True
            self.row_shapes: list[tuple[int | None, ...]] = [(None,), (None,)]
            self.dtypes = [torch.int64, torch.bool]
            self.n_values = [source.n_tokens, None]
        else:
            self.is_named = isinstance(source.spec, dict)
            parts = source.spec if self.is_named else dict(enumerate(source.spec))
            self.names = [str(k) if self.is_named else f"X{k}" for k in parts]
            self.row_shapes = [shape for shape, _ in parts.values()]
            self.dtypes = [
                torch.float32 if dtype in AS_FLOATS else dtype
                for _, dtype in parts.values()
            ]
            self.n_values = [None] * len(self.names)
        self.net = own_net(model)
        self.answers = Answers(model)
        self.output_names = self.answers.names
        self.eval()

    def forward(self, *arrays: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Predict.

        Parameters
        ----------
        *arrays : Tensor of shape (B, ...)
            One for each of `names`; pixels may be bytes.

        Returns
        -------
        answer : Tensor of float64, or a tuple of one per output
            What `predict_proba` returns, or `predict` of a regressor.
        """
        if len(arrays) != len(self.names):
            raise TypeError(
                f"Give {len(self.names)} arrays, {self.names}; got {len(arrays)}."
            )
        given = [
            array.to(dtype) for array, dtype in zip(arrays, self.dtypes, strict=True)
        ]
        if self.is_named:
            output = self.net(**dict(zip(self.names, given, strict=True)))
        else:
            output = self.net(*given)
        answer: Tensor | tuple[Tensor, ...] = self.answers(output)
        return answer


def is_flat(spec: Any) -> bool:
    """Whether several arrays are a dict or a tuple of tensors, and no deeper."""
    parts = spec.values() if isinstance(spec, dict) else spec
    return all(
        len(part) == 2 and isinstance(part[1], torch.dtype)
        for part in parts
        if not isinstance(part, dict)
    ) and not any(isinstance(part, dict) for part in parts)
