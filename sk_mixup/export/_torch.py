"""A fitted model as a module of torch alone."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from sk_mixup.estimators import MixupClassifier, MixupRegressor
from sk_mixup.export._arrays import ArraysProgram, is_flat
from sk_mixup.export._ensemble import EnsembleProgram, Program, weight_matrices
from sk_mixup.export._programs import ArrayProgram, TableProgram
from sk_mixup.inputs import SparseTableInput
from sk_mixup.model_selection import FoldEnsembleClassifier, FoldEnsembleRegressor


def to_torch(model: Any) -> Program | EnsembleProgram:
    """Return a fitted model as one torch module, encoding and temperature included.

    The module is a copy, on the CPU, in evaluation mode; its answers are those of
    `predict_proba`, or of a regressor's `predict`, in float64. `torch.export` takes it,
    with any number of rows (torch 2.7 and later).

    Parameters
    ----------
    model : MixupClassifier, MixupRegressor or ensemble of a search
        Fitted on a table with a net of the library, on arrays with any module, or on
        texts. Of an ensemble every member; on a table they number categories each in
        its own way, so that there must be none (`to_onnx` takes such tables).

    Returns
    -------
    program : TableProgram, ArrayProgram, ArraysProgram or EnsembleProgram
        Of a table: ``program(numbers, codes)``. `numbers` are the raw number columns as
        floats, NaN for missing; `codes` are the category columns as
        ``model.encode(X)["categorical"]`` numbers them. ``program.number_names`` and
        ``program.category_names`` say which columns these are. Of an array:
        ``program(X)``. Of several arrays: ``program(*arrays)``, in the order of
        ``program.names``; of texts the ``ids`` and ``mask`` of ``model.encode(X)``,
        since the tokenizer is no part of it. Of an ensemble: as of its members.

    Raises
    ------
    TypeError
        For other models: pipelines, searches, ensembles of pipelines.
    ValueError
        For arrays that are nested deeper than a dict or tuple, for ensembles on tables
        with categories, and for a wrapped net that has an `infer` of its own.
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
    if not is_ensemble(model):
        check_exportable(model)
        return program_of(model)
    check_ensemble(model)
    programs = [program_of(member) for member in model.estimators]
    named = [p.category_names for p in programs if isinstance(p, TableProgram)]
    if any(named):
        raise ValueError(
            f"model: the members of this {type(model).__name__} number the categories"
            f" of {named[0]} each in its own way, and one program takes one numbering."
            " Use to_onnx, which takes them as text, or to_torch for every one of"
            " model.estimators, with a mean by model.weights."
        )
    return EnsembleProgram(programs, weight_matrices(model))


def is_ensemble(model: Any) -> bool:
    """Whether it is what a search makes of the nets of its folds."""
    return isinstance(model, (FoldEnsembleClassifier, FoldEnsembleRegressor))


def program_of(model: Any) -> Program:
    """Return the program of a model that was checked."""
    source = model._source_
    if source.kind == "table":
        return TableProgram(model)
    if source.kind == "text" or source.shape is None:
        return ArraysProgram(model)
    return ArrayProgram(model)


def check_ensemble(model: Any) -> None:
    """Check that all members of an ensemble can be programs.

    Raises
    ------
    TypeError, ValueError, NotFittedError
    """
    for member in model.estimators:
        if not isinstance(member, (MixupClassifier, MixupRegressor)):
            raise TypeError(
                f"model: a member of this {type(model).__name__} is a"
                f" {type(member).__name__}. {_instead_of(member)}"
            )
        check_exportable(member)


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
    if source.kind == "bags":
        raise ValueError(
            f"model: this {name} was fitted on bags of rows, and a program takes rows"
            " of one length. Export model.module_, for inputs as model.encode(X) gives"
            " them, and read its outputs by model.decode."
        )
    if source.kind == "text" or source.kind == "table" or source.shape is not None:
        return
    if source.spec is None or not is_flat(source.spec):
        raise ValueError(
            f"model: this {name} was fitted on arrays inside of others, and a program"
            " takes one array, or a dict or tuple of arrays. Export model.module_, for"
            " inputs as model.encode(X) gives them, and read its outputs by"
            " model.decode."
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
    return "Fit one of them."
