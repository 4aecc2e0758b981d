"""A fitted model as a module of torch alone."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from sk_mixup.estimators import MixupClassifier, MixupRegressor
from sk_mixup.export._programs import ArrayProgram, TableProgram
from sk_mixup.inputs import SparseTableInput


def to_torch(model: Any) -> TableProgram | ArrayProgram:
    """Return a fitted model as one torch module, encoding and temperature included.

    The module is a copy, on the CPU, in evaluation mode; its answers are those of
    `predict_proba`, or of a regressor's `predict`, in float64. `torch.export` takes it,
    with any number of rows (torch 2.7 and later).

    Parameters
    ----------
    model : MixupClassifier or MixupRegressor
        Fitted on a table with a net of the library, or on one array with any module.

    Returns
    -------
    program : TableProgram or ArrayProgram
        Of a table: ``program(numbers, codes)``. `numbers` are the raw number columns as
        floats, NaN for missing; `codes` are the category columns as
        ``model.encode(X)["categorical"]`` numbers them. ``program.number_names`` and
        ``program.category_names`` say which columns these are. Of an array:
        ``program(X)``.

    Raises
    ------
    TypeError
        For other models: pipelines, searches, ensembles.
    ValueError
        For models of texts and of several arrays, and for a wrapped net that has an
        `infer` of its own.
    NotFittedError

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sk_mixup import MixupRegressor
    >>> from sk_mixup.export import to_torch
    >>> X = np.linspace(0, 1, 40).reshape(-1, 1)
    >>> model = MixupRegressor(max_epochs=5, random_state=0).fit(X, X[:, 0])
    >>> program = to_torch(model)
    >>> bool(np.allclose(program(torch.from_numpy(X)), model.predict(X), atol=1e-6))
    True
    >>> rows = {0: torch.export.Dim("rows")}
    >>> exported = torch.export.export(
    ...     program, (torch.from_numpy(X),), dynamic_shapes={"numbers": rows}
    ... )
    >>> exported.module()(torch.zeros(7, 1).double()).shape
    torch.Size([7])
    """
    check_exportable(model)
    if model._source_.kind == "table":
        return TableProgram(model)
    return ArrayProgram(model)


def check_exportable(model: Any) -> None:
    """Check that a model can be one program.

    Raises
    ------
    TypeError, ValueError, NotFittedError
    """
    if not isinstance(model, (MixupClassifier, MixupRegressor)):
        raise TypeError(
            "model must be a MixupClassifier or a MixupRegressor; got"
            f" {type(model).__name__}. {_instead_of(model)}"
        )
    check_is_fitted(model)
    name, source = type(model).__name__, model._source_
    if model.net_.as_called(model.module_) is not model.module_:
        raise ValueError(
            f"model: {type(model.net_).__name__} has an `infer` of its own, which is no"
            " part of a module. Move what it does into the module, and fit again."
        )
    if isinstance(source, SparseTableInput):
        raise ValueError(
            f"model: this {name} was fitted on a sparse matrix, and a program takes"
            " dense rows. Export model.module_, for inputs as model.encode(X) gives"
            " them, and read its outputs by model.decode."
        )
    if source.kind == "text":
        raise ValueError(
            f"model: this {name} reads texts, which are tokenized outside of the net."
            " Export model.module_, for inputs as model.encode(X) gives them, and read"
            " its outputs by model.decode."
        )
    if source.kind != "table" and source.shape is None:
        held = "bags" if source.kind == "bags" else "several arrays"
        raise ValueError(
            f"model: this {name} was fitted on {held}, and one array can be exported."
            " Export model.module_, for inputs as model.encode(X) gives them, and read"
            " its outputs by model.decode."
        )


def _instead_of(model: Any) -> str:
    """Say what to export in place of something else."""
    if hasattr(model, "best_estimator_"):
        return "Of a search give search.best_estimator_."
    if hasattr(model, "steps"):
        return (
            "Of a pipeline give the last step, pipeline[-1]; the steps before it are to"
            " be done where the model is served."
        )
    if hasattr(model, "estimators"):
        return (
            "The members of an ensemble each have an encoding of their own: export"
            " every one of model.estimators, and take the mean by model.weights."
        )
    return "Fit one of them."
