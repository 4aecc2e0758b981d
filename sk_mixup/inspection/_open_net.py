"""A fitted classifier opened up to its gradients, which leaves it as it was.

Only what is public is used: rows come from `encode`, probabilities from `decode`, and
the embedding is moved by the argument `mix` of nets that mix there. What the raw
outputs are is found out by comparing with `decode`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from sk_mixup.inspection._encoded import (
    called,
    first_tensor,
    in_evaluation,
    mapped,
)
from sk_mixup.turns import kept_globals

# What is known of probabilities in float32.
_AGREES = 1e-4
# Rows that tell the spread of an embedding.
_SPREAD_ROWS = 1000


class OpenNet:
    """Outputs and gradients of a fitted classifier at moved rows.

    Parameters
    ----------
    estimator : classifier
        Fitted, with `module_`, `encode`, `decode` and `classes_`; in a pipeline or a
        search too.
    X : like in `fit`
    y : array-like of shape (n_samples,)
        Labels.
    space : {"auto", "input", "embedding"}
    batch_size : int
        Rows per call of the module.

    Attributes
    ----------
    space : {"input", "embedding"}
    unit : float
        What a radius of 1 means: 1 for inputs, of embeddings their standard deviation.
    """

    def __init__(
        self, estimator: Any, X: Any, y: ArrayLike, space: str, batch_size: int
    ) -> None:
        model, X = _last_of(estimator, X)
        missing = [
            name
            for name in ("encode", "decode", "module_", "classes_")
            if not hasattr(model, name)
        ]
        if missing:
            raise ValueError(
                f"estimator must have {', '.join(missing)}; {type(model).__name__} has"
                " none. Pass a fitted MixupClassifier, or a pipeline that ends with"
                " one; InterpolationDisplay takes any classifier."
            )
        self.model = model
        self.module: torch.nn.Module = model.module_
        self.x = model.encode(X)
        self.n_rows = len(first_tensor(self.x))
        self.codes = _codes(model, y, self.n_rows)
        self.batch_size = batch_size
        self._form: Callable[[Tensor], Tensor] | None = None
        self._movable = _movable(self.x, self.module)
        mixes = bool(getattr(self.module, "mixes_inside", False))
        self.space = self._chosen(space, mixes)
        self.unit = 1.0

    def _chosen(self, space: str, mixes: bool) -> str:
        if space not in ("auto", "input", "embedding"):
            raise ValueError(
                f"space must be 'auto', 'input' or 'embedding'; got {space!r}."
            )
        name = type(self.module).__name__
        if space == "embedding" and not mixes:
            raise ValueError(
                f"space='embedding' needs a module that mixes its embedding, with"
                f" mixes_inside = True and forward(..., mix=None); {name} does not."
            )
        if space == "auto":
            space = "input" if self._movable or not mixes else "embedding"
        if space == "input" and not self._movable:
            raise ValueError(
                f"space='input': no input of {name} is a number that could be moved a"
                " little; categories and words can be in their embedding alone, with"
                " space='embedding' and a module that mixes there (mixes_inside = True)"
                "."
            )
        return space

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Let the module be called, in evaluation mode; afterwards it is as before."""
        with kept_globals(), in_evaluation(self.module):
            if self.space == "embedding":
                self.unit = self._spread()
            yield

    def blocks(self) -> Iterator[slice]:
        """Yield the rows of each call."""
        for start in range(0, self.n_rows, self.batch_size):
            yield slice(start, min(start + self.batch_size, self.n_rows))

    def parts(self, rows: slice) -> list[tuple[Tensor, Tensor]]:
        """Return the tensors that can be moved, and 1 or 0 for where they can be."""
        if self.space == "input":
            return [
                (_entry(self.x, key)[rows], mask) for key, mask in self._movable.items()
            ]
        seen = _Watch()
        with torch.no_grad():
            called(self.module, _block(self.x, rows), mix=seen)
        return [(part, self._mask(part)) for part in seen.parts]

    def log_proba(self, rows: slice, deltas: list[Tensor]) -> tuple[Any, Tensor]:
        """Return the raw outputs, and the logarithms of what they mean: (rows, C)."""
        outputs = self._call_moved(rows, deltas)
        logits = _main(outputs)
        if self._form is None:
            self._form = self._found_form(outputs)
        return outputs, self._form(logits)

    def gradient(self, rows: slice, deltas: list[Tensor]) -> list[Tensor]:
        """Return how the loss of each row grows with what is added to it."""
        moved = [delta.detach().requires_grad_() for delta in deltas]
        with torch.enable_grad():
            _, log_p = self.log_proba(rows, moved)
            codes = self.codes[rows].to(log_p.device).unsqueeze(1)
            loss = -log_p.gather(1, codes).sum()
            # Of these tensors alone: nothing is added to the `grad` of any weight.
            found = torch.autograd.grad(loss, moved, allow_unused=True)
        return [
            torch.zeros_like(delta) if grad is None else grad
            for delta, grad in zip(deltas, found, strict=True)
        ]

    def proba(self, rows: slice, deltas: list[Tensor]) -> NDArray[np.float64]:
        """Return class probabilities of moved rows."""
        with torch.no_grad():
            return np.asarray(self.model.decode(self._call_moved(rows, deltas)))

    def _call_moved(self, rows: slice, deltas: list[Tensor]) -> Any:
        x = _block(self.x, rows)
        if self.space == "embedding":
            return called(self.module, x, mix=_Shift(deltas))
        moved = dict(zip(self._movable, deltas, strict=True))
        if isinstance(x, Tensor):
            x = x + deltas[0]
        elif isinstance(x, Mapping):
            x = {k: v + moved[k] if k in moved else v for k, v in x.items()}
        else:
            x = tuple(v + moved[i] if i in moved else v for i, v in enumerate(x))
        return called(self.module, x)

    def _found_form(self, outputs: Any) -> Callable[[Tensor], Tensor]:
        """Return what makes log-probabilities of raw outputs, as `decode` does."""
        logits = _main(outputs).detach()
        proba = np.asarray(self.model.decode(outputs))
        temperature = getattr(self.model, "temperature_", 1.0)
        for form in _FORMS:
            made = form(logits.double(), temperature)
            if made.shape == proba.shape:
                gap = np.abs(made.exp().cpu().numpy() - proba).max()
                if gap < _AGREES:
                    return lambda logits: form(logits, temperature)
        raise ValueError(
            f"estimator: the outputs of {type(self.module).__name__} are neither logits"
            " nor probabilities of the classes, so that nobody knows their gradient."
            " attack='noise' needs none."
        )

    def _mask(self, embedded: Tensor) -> Tensor:
        if getattr(self.module, "input_kind", None) != "text" or embedded.ndim < 3:
            return torch.ones_like(embedded[:1])
        # The last entry of a word's vector says that there is a word.
        mask = (embedded[..., -1:] != 0).to(embedded.dtype).expand_as(embedded).clone()
        mask[..., -1] = 0
        return mask

    def _spread(self) -> float:
        rows = slice(0, min(self.n_rows, _SPREAD_ROWS))
        values = [
            part[mask.expand_as(part) > 0].double() for part, mask in self.parts(rows)
        ]
        spread = float(torch.cat(values).std(correction=0))
        return spread if spread > 0 else 1.0


class _Watch:
    """Keeps what a net would have mixed, and leaves it as it is."""

    def __init__(self) -> None:
        self.parts: list[Tensor] = []

    def __call__(self, embedded: Tensor) -> Tensor:
        self.parts.append(embedded.detach())
        return embedded


class _Shift:
    """Adds something to what a net would have mixed."""

    def __init__(self, deltas: list[Tensor]) -> None:
        self._next = iter(deltas)

    def __call__(self, embedded: Tensor) -> Tensor:
        return embedded + next(self._next)


def _softmax(logits: Tensor, temperature: float) -> Tensor:
    if logits.ndim != 2 or logits.shape[1] < 2:
        return logits
    return functional.log_softmax(logits / temperature, 1)


def _sigmoid(logits: Tensor, temperature: float) -> Tensor:
    scaled = logits / temperature
    if logits.ndim == 2 and logits.shape[1] > 1:
        return functional.logsigmoid(scaled).log_softmax(1)
    one = scaled.reshape(-1)
    return torch.stack([functional.logsigmoid(-one), functional.logsigmoid(one)], 1)


def _share(proba: Tensor, temperature: float) -> Tensor:
    if proba.ndim != 2 or proba.shape[1] < 2:
        one = proba.reshape(-1)
        proba = torch.stack([1.0 - one, one], 1)
    logs = proba.clamp(min=torch.finfo(proba.dtype).tiny).log()
    return (logs / temperature).log_softmax(1)


_FORMS = (_softmax, _sigmoid, _share)


def _last_of(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Return the last step, and the rows as it gets them."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            X = estimator[:-1].transform(X) if len(estimator.steps) > 1 else X
            estimator = estimator[-1]
        else:
            return estimator, X


def _codes(model: Any, y: ArrayLike, n_rows: int) -> Tensor:
    """Return the place of each label among the classes."""
    labels = np.asarray(y)
    if isinstance(model.classes_, list) or labels.ndim != 1:
        raise ValueError(
            "y must hold one label per row, of a classifier that predicts one; got"
            f" shape {labels.shape}."
        )
    if len(labels) != n_rows:
        raise ValueError(f"y has {len(labels)} labels and X has {n_rows} rows.")
    places = {label: i for i, label in enumerate(np.asarray(model.classes_).tolist())}
    unknown = [label for label in labels.tolist() if label not in places]
    if unknown:
        raise ValueError(
            f"y holds the label {unknown[0]!r}, which the classifier does not know;"
            " drop these rows."
        )
    return torch.tensor([places[label] for label in labels.tolist()])


def _movable(x: Any, module: torch.nn.Module) -> dict[Any, Tensor]:
    """Return where an input is numbers, by its name or place: 1 there, otherwise 0.

    Missing indicators know no small changes; nets of tables say how many numbers stand
    before them. Neither do other columns of nothing but 0 and 1, such as masks, in an
    input by names.
    """
    if isinstance(x, Tensor):
        return {None: torch.ones_like(x[:1])} if x.is_floating_point() else {}
    if not isinstance(x, Mapping):
        found = {i: v for i, v in enumerate(x) if v.is_floating_point()}
        return {i: torch.ones_like(v[:1]) for i, v in found.items()}
    numbers = [getattr(part, "n_numeric", None) for part in module.modules()]
    known = [n for n in numbers if isinstance(n, int)]
    masks = {}
    for key, value in x.items():
        if not value.is_floating_point() or not value.numel():
            continue
        if key == "numeric" and known:
            mask = torch.zeros_like(value[:1])
            mask[:, : known[0]] = 1
        else:
            plain = ((value == 0) | (value == 1)).all(dim=0, keepdim=True)
            mask = (~plain).to(value.dtype)
        if mask.any():
            masks[key] = mask
    return masks


def _entry(x: Any, key: Any) -> Tensor:
    found: Tensor = x if key is None else x[key]
    return found


def _block(x: Any, rows: slice) -> Any:
    # Copies: a module may work in place on what it is given.
    return mapped(lambda t: t[rows].clone(), x)


def _main(outputs: Any) -> Tensor:
    if isinstance(outputs, Mapping):
        outputs = outputs.get("logits", next(iter(outputs.values())))
    while isinstance(outputs, (tuple, list)):
        outputs = outputs[0]
    found: Tensor = outputs
    return found
