"""Predict from mixed rows: what a model says on the lines between rows."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from sk_mixup.inspection._encoded import (
    called,
    first_tensor,
    in_evaluation,
    mapped,
)
from sk_mixup.inspection._towards_mean import BLOCK, by_module, by_table
from sk_mixup.mixing.plans import LinearPlan
from sk_mixup.resampling import MixedRows, as_rows, mix_between

Predict = Callable[[NDArray[np.int64]], Any]


def predict_mixed(
    model: Any,
    X: Any,
    X_reference: Any,
    *,
    lam: float = 0.5,
    n: int = 10,
    towards: str = "rows",
    random_state: Any = None,
) -> Any:
    r"""Average the predictions of rows mixed with rows of a reference set.

    .. math:: \frac{1}{n} \sum_{k=1}^n f(\lambda x + (1 - \lambda) x_{r_k})

    with reference rows :math:`r_k` drawn anew for every row ("mixup inference"). A net
    that was trained on such lines is asked where it was trained. The probabilities lean
    towards those of the reference set, by about ``1 - lam``: compare the order of rows
    and of classes, or choose `lam` on validation rows.

    Rows of `MixupClassifier` and `MixupRegressor` are mixed as in training: numbers and
    pixels by the blend, categories and tokens of the library's nets by the blend of
    their vectors. For any other estimator rows of a table are mixed: numbers are
    blended, everything else is drawn by lambda.

    ``towards="mean"`` moves rows to :math:`\bar x + \lambda (x - \bar x)`, where the
    mean is that of the reference set, and predicts them once: training on mixed rows
    is, on average, training on rows that are shrunk in this way, and so should those be
    that are predicted. With the training set as reference and ``lam = 1 -
    expected_smoothing(alpha)`` (:func:`sk_mixup.mixing.expected_smoothing`) this is the
    rescaling of inputs of Carratino et al. Outputs stay as they are.

    It costs `n` times what a plain prediction does, and twice that for nets that mix
    behind an embedding (those of the library for tables and texts). ``towards="mean"``
    costs as much as a plain prediction, and one of the reference set.

    Parameters
    ----------
    model : fitted classifier with `predict_proba`, or fitted regressor
    X : like in `fit`
        Rows to predict.
    X_reference : like in `fit`
        Rows to mix with, such as those of the training; at least one.
    lam : float, default=0.5
        Share of the own row, above 0 and at most 1; 1: the plain prediction.
    n : int, default=10
        Reference rows per row, at least 1. Not used with ``towards="mean"``.
    towards : {"rows", "mean"}, default="rows"
        Whether rows are mixed with rows of the reference set, or with their mean. Only
        numbers have a mean: for texts, bags, and estimators that take categories it is
        an error; nets of the library for tables take the mean of the vectors.
    random_state : int, RandomState instance or None, default=None
        Of the reference rows, and of what is drawn and not blended.

    Returns
    -------
    found : ndarray of shape (n_samples, n_classes) or (n_samples, ...), or list of such
        Mean probabilities of a classifier, mean predictions of a regressor.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter.
    NotFittedError

    References
    ----------
    Pang, Xu, Zhu: Mixup Inference: Better Exploiting Mixup to Defend Adversarial
    Attacks, ICLR 2020.

    Carratino, Cisse, Jenatton, Vert: On Mixup Regularization, JMLR 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sk_mixup.inspection import predict_mixed
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> proba = predict_mixed(model, X[:4], X, lam=0.8, random_state=0)
    >>> proba.shape, proba.argmax(1)
    ((4, 3), array([0, 0, 0, 0]))
    """
    _check(lam, n)
    if towards not in ("rows", "mean"):
        raise ValueError(f"towards must be 'rows' or 'mean'; got {towards!r}.")
    random = check_random_state(random_state)
    check_is_fitted(model)
    is_net = all(hasattr(model, name) for name in ("encode", "decode", "module_"))
    if towards == "mean":
        return _moved(model, X, X_reference, float(lam), is_net=is_net)
    n_rows, n_reference, predict = (
        _by_module(model, X, X_reference, float(lam))
        if is_net
        else _by_table(model, X, X_reference, float(lam), random)
    )
    total: Any = None
    for _ in range(n):
        found = predict(random.randint(n_reference, size=n_rows))
        total = found if total is None else _each(np.add, total, found)
    return _each(lambda one: one / n, total)


def _moved(model: Any, X: Any, X_reference: Any, lam: float, *, is_net: bool) -> Any:
    """Return predictions for rows that are moved towards the mean of a reference."""
    if is_net:
        x = model.encode(X)
        with _naming_the_reference():
            reference = model.encode(X_reference)
        return by_module(model, x, reference, lam)
    ask, rows, reference = _tables(model, X, X_reference)
    found = by_table(model, ask, rows, reference, lam)
    return found if isinstance(found, list) else np.asarray(found)


def _check(lam: Any, n: Any) -> None:
    if not isinstance(lam, numbers.Real) or isinstance(lam, bool):
        raise TypeError(
            "lam must be a number above 0 and at most 1; got"
            f" {lam!r} of type {type(lam).__name__}."
        )
    if not 0 < float(lam) <= 1:
        raise ValueError(f"lam must be a number above 0 and at most 1; got {lam!r}.")
    if not isinstance(n, numbers.Integral) or isinstance(n, bool):
        raise TypeError(
            f"n must be an int of at least 1; got {n!r} of type {type(n).__name__}."
        )
    if n < 1:
        raise ValueError(f"n must be an int of at least 1; got {n!r}.")


@contextmanager
def _naming_the_reference() -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"X_reference: {error}") from error


def _each(function: Callable[..., Any], *values: Any) -> Any:
    """Call a function on arrays, or on those of lists (several outputs)."""
    if isinstance(values[0], list):
        return [function(*parts) for parts in zip(*values, strict=True)]
    return function(*values)


# -- any estimator, in the space of its table -----------------------------------------


def _by_table(
    model: Any, X: Any, X_reference: Any, lam: float, random: Any
) -> tuple[int, int, Predict]:
    ask, rows, reference = _tables(model, X, X_reference)
    n_rows = rows.shape[0]

    def predict(partner: NDArray[np.int64]) -> Any:
        seed = int(random.randint(2**31 - 1))
        mixed = MixedRows(np.arange(n_rows), partner, np.full(n_rows, lam), seed)
        found = ask(mix_between(rows, reference, mixed))
        return found if isinstance(found, list) else np.asarray(found)

    return n_rows, reference.shape[0], predict


def _tables(model: Any, X: Any, X_reference: Any) -> tuple[Any, Any, Any]:
    """Return what predicts, and both tables, checked."""
    name = type(model).__name__
    if is_classifier(model) and not hasattr(model, "predict_proba"):
        raise TypeError(
            f"model must be a classifier with predict_proba, or a regressor; {name} has"
            " no probabilities to average. Calibrate it: CalibratedClassifierCV."
        )
    ask = model.predict_proba if is_classifier(model) else model.predict
    rows = as_rows(X, name)
    with _naming_the_reference():
        reference = as_rows(X_reference, name)
    _check_columns(rows, reference)
    return ask, rows, reference


def _check_columns(rows: Any, reference: Any) -> None:
    if rows.shape[1] != reference.shape[1]:
        raise ValueError(
            f"X_reference must have the columns of X: it has {reference.shape[1]}, and"
            f" X has {rows.shape[1]}."
        )
    if hasattr(rows, "columns") != hasattr(reference, "columns"):
        raise TypeError(
            "X and X_reference must be of one kind; got"
            f" {type(rows).__name__} and {type(reference).__name__}."
        )
    if hasattr(rows, "columns"):
        missing = [repr(c) for c in rows.columns if c not in set(reference.columns)]
        if missing:
            raise ValueError(
                f"X_reference must have the columns of X; {', '.join(missing)} are"
                " missing."
            )


# -- nets, in the space that their module sees ----------------------------------------


def _by_module(
    model: Any, X: Any, X_reference: Any, lam: float
) -> tuple[int, int, Predict]:
    x = model.encode(X)
    with _naming_the_reference():
        reference = model.encode(X_reference)
    n_rows, n_reference = _length(x), _length(reference)
    module = model.module_

    def predict(partner: NDArray[np.int64]) -> Any:
        found = []
        with in_evaluation(module), torch.no_grad():
            for start in range(0, n_rows, BLOCK):
                own = torch.arange(start, min(start + BLOCK, n_rows))
                other = torch.from_numpy(partner[own.numpy()])
                both = _joined(_taken(x, own), _taken(reference, other))
                found.append(model.decode(_outputs(module, both, lam, len(own))))
        if isinstance(found[0], list):
            return [np.concatenate(parts) for parts in zip(*found, strict=True)]
        return np.concatenate(found)

    return n_rows, n_reference, predict


def _outputs(module: nn.Module, both: Any, lam: float, n_rows: int) -> Any:
    """Return the outputs of the first half of a batch, mixed with the second half."""
    rows = torch.arange(n_rows) + n_rows
    shares = torch.ones(2 * n_rows)
    shares[:n_rows] = lam
    device = first_tensor(both).device
    plan = LinearPlan(torch.cat((rows, rows)).to(device), shares.to(device))
    if not getattr(module, "mixes_inside", False):
        return called(module, _taken(plan.apply(both), torch.arange(n_rows)))
    return _top(called(module, both, mix=plan.apply), n_rows)


def _top(outputs: Any, n_rows: int) -> Any:
    if isinstance(outputs, (tuple, list)):
        return type(outputs)(_top(one, n_rows) for one in outputs)
    return outputs[:n_rows]


def _taken(x: Any, index: Tensor) -> Any:
    return mapped(lambda t: t.index_select(0, index.to(t.device)), x)


def _joined(x: Any, other: Any) -> Any:
    return mapped(lambda t, u: torch.cat(_of_one_length(t, u)), x, other)


def _of_one_length(t: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Pad the shorter of two batches of token ids, or of their masks."""
    if t.ndim != 2 or t.is_floating_point() or t.shape[1] == u.shape[1]:
        return t, u
    width = max(t.shape[1], u.shape[1])
    pad = nn.functional.pad
    return pad(t, (0, width - t.shape[1])), pad(u, (0, width - u.shape[1]))


def _length(x: Any) -> int:
    return len(first_tensor(x))
