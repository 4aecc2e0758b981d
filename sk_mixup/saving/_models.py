"""Models to files and back: estimators, and what a search makes of several."""

from __future__ import annotations

import math
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import skorch
import torch

from sk_mixup.exceptions import warn_caller
from sk_mixup.model_selection import FoldEnsembleClassifier, FoldEnsembleRegressor
from sk_mixup.saving._archive import archive_bytes, read_archive, write_file
from sk_mixup.saving._errors import Unstorable, as_damage
from sk_mixup.saving._estimators import ESTIMATORS, estimator_of, estimator_state
from sk_mixup.saving._fields import Fields
from sk_mixup.saving._tensors import StoredTensors, tensor_bytes
from sk_mixup.saving._values import ValueReader, ValueWriter

FORMAT, VERSION = "sk-mixup model", 1
_ENSEMBLES: dict[str, Any] = {
    "FoldEnsembleClassifier": FoldEnsembleClassifier,
    "FoldEnsembleRegressor": FoldEnsembleRegressor,
}


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model to a file that holds no code.

    Parameters
    ----------
    model : MixupClassifier, MixupRegressor, or an ensemble of a search
        Fitted. A search is stored as its `best_estimator_`.
    path : path-like
        Replaced as a whole, if it exists.

    Raises
    ------
    TypeError
        For a model that no such file can hold, by what it holds.
    NotFittedError
    OSError
    """
    write_file(path, to_bytes(model))


def load(path: str | os.PathLike[str], module: Any = None) -> Any:
    """Read a model that `save` has written.

    No code is run that the file could name: it is read as numbers and texts, and what
    is built of them is of classes that are known beforehand. Files of strangers can be
    loaded, though what they predict is as trustworthy as whoever made them.

    Parameters
    ----------
    path : path-like
    module : object
        For models with a module of your own, which no file holds: the class (or
        factory, or an instance) that the model was made with. For ``"timm/NAME"`` and
        ``"hf/NAME"`` that text.

    Returns
    -------
    model : MixupClassifier, MixupRegressor, or an ensemble of such
        On the device that its parameter `device` says, if it is here.

    Raises
    ------
    ValueError
        For a file that is damaged or none of ours, and without a `module` that it
        needs.
    OSError
        If there is no such file.

    See Also
    --------
    MixupClassifier.save : Writes such files, and says what they hold.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import sk_mixup
    >>> X = np.linspace(0, 1, 40).reshape(-1, 1)
    >>> model = sk_mixup.MixupClassifier(max_epochs=5, random_state=0)
    >>> _ = model.fit(X, X[:, 0] > 0.5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.skm")
    ...     model.save(path)
    ...     loaded = sk_mixup.load(path)
    >>> bool((loaded.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be a path; got {path!r} of {type(path).__name__}.")
    return from_bytes(Path(path).read_bytes(), module)


def to_bytes(model: Any) -> bytes:
    """Return what a file of a model holds; see `save`."""
    writer = ValueWriter()
    left_out: list[str] = []
    try:
        state = _state(getattr(model, "best_estimator_", model), writer, left_out)
        tensors = tensor_bytes(writer.tensors)
    except Unstorable as error:
        raise TypeError(
            f"{error} cannot be stored without code. Use pickle for this model."
        ) from error
    if left_out:
        warn_caller(
            f"The file leaves out {', '.join(dict.fromkeys(left_out))}: code, or values"
            " of classes that no file may name. The loaded model predicts the same;"
            " set them again (set_params) before another fit."
        )
    document = {
        "format": FORMAT,
        "version": VERSION,
        "written_by": _versions(),
        "model": state,
    }
    return archive_bytes(document, tensors)


def from_bytes(data: bytes, module: Any = None) -> Any:
    """Return the model of the bytes of a file; see `load`."""
    document, raw = read_archive(data)
    _check_version(document)
    tensors = StoredTensors(raw)
    what = "model.json"
    if module is not None:
        what += f", with module={module!r}"[:200]
    with as_damage(what):
        values = ValueReader(tensors)
        return _model_of(Fields(document["model"], "model", values), module)


def _state(model: Any, writer: ValueWriter, left_out: list[str]) -> dict[str, Any]:
    name = type(model).__name__
    if _ENSEMBLES.get(name) is type(model):
        return {
            "class": name,
            "estimators": [
                _state(estimator, writer.part(str(number)), left_out)
                for number, estimator in enumerate(model.estimators)
            ],
            "weights": [float(weight) for weight in model.weights],
        }
    if name not in ESTIMATORS and hasattr(model, "steps"):
        raise TypeError(
            f"{name} holds steps of other libraries, and files without code hold models"
            " of this one. Save its last step, pipeline[-1].save(path), or the whole"
            " with skops or pickle."
        )
    state, missing = estimator_state(model, writer)
    left_out += missing
    return state


def _model_of(given: Fields, module: Any) -> Any:
    name = given.text("class", (*ESTIMATORS, *_ENSEMBLES))
    if name in ESTIMATORS:
        return estimator_of(given, module)
    estimators = [estimator_of(part, module) for part in given.each("estimators")]
    weights = given.list("weights")
    if not estimators or len(weights) != len(estimators):
        raise ValueError(f"{len(estimators)} estimators have {len(weights)} weights")
    if not all(type(w) is float and 0.0 <= w < math.inf for w in weights):
        raise ValueError("a weight is no number")
    if not sum(weights) > 0.0:
        raise ValueError("no estimator has a weight")
    return _ENSEMBLES[name](estimators, weights)


def _check_version(document: dict[str, Any]) -> None:
    if document.get("format") != FORMAT:
        raise ValueError("This is no model file of sk-mixup, or does not say so.")
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise ValueError(f"This is no model file of version {str(version)[:40]!r}.")
    if version > VERSION:
        raise ValueError(
            f"This is no file for this sk-mixup: it has version {version}, and version"
            f" {VERSION} is the last that is known here. Update sk-mixup."
        )


def _versions() -> dict[str, str]:
    from sk_mixup import __version__

    return {
        "sk-mixup": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "skorch": skorch.__version__,
        "torch": str(torch.__version__),
    }
