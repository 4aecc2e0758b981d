"""The classifier: thin, with the parameters and what they mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight

from sk_mixup._base import BaseMixup
from sk_mixup._compat import with_callbacks
from sk_mixup.encoding import ClassEncoder


class MixupClassifier(ClassifierMixin, BaseMixup):
    """A neural net classifier trained on mixed batches.

    Parameters
    ----------
    module : None, str, nn.Module class, factory or instance, or skorch net
        None or ``"mlp"``: the library's net for tables, built from the columns. A class
        or factory is called in `fit`. An instance is a template: each `fit` copies it
        and starts from its weights. A skorch net class or instance is wrapped: its own
        settings hold unless given here (its `train_split` aside, see
        `early_stopping`). Modules of your own get the values as they are: floats as
        float32, uint8 as float32 of the same scale, other integers as int64.
    mix : str, method, list or None, default="mixup"
        How to mix: a short name (see :func:`sk_mixup.mixing.list_methods`), a method
        object, a list of them (one is drawn per batch), or None.
    alpha : float or None, default=None
        Beta(alpha, alpha) of a `mix` given by name; None: the method's default (0.2
        for ``"mixup"``); 0: no mixing.
    max_epochs, batch_size : int or None, default=None
        None: chosen by the number of rows (16 to 100 epochs, batches of 32 to 512).
    lr : float or None, default=None
        Learning rate; None: 0.001, annealed along a cosine for the bundled net.
    optimizer : type or None, default=None
        None: ``torch.optim.AdamW``.
    criterion : type, module, function or None, default=None
        None: cross-entropy, or binary cross-entropy for a module with one logit. Must
        be able to return one loss per row. Losses made for mixed labels are in
        :mod:`sk_mixup.mixing`, such as ``BinaryCrossEntropy``.
    callbacks : list or None, default=None
        skorch callbacks.
    device : str, default="auto"
        ``"auto"``: CUDA, else MPS, else the CPU.
    verbose : int, default=0
        1 prints a line per epoch.
    warm_start : bool, default=False
        Whether a further `fit` goes on with the weights of the last one.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Categorical columns: by dtype (category, text), or a mask, positions or names.
    early_stopping : "auto" or bool, default="auto"
        Whether to hold out data, stop when their loss stops falling and go back to the
        best epoch. ``"auto"``: when `X_val` is given, and from 500 rows if a
        stratified split exists.
    validation_fraction : float, default=0.1
        Share held out.
    n_iter_no_change : int or None, default=None
        Epochs without improvement before stopping; None: 6 (10 for other modules).
    class_weight : dict, "balanced" or None, default=None
        Weights of classes; multiplied with sample weights.
    random_state : int, RandomState or None, default=None
        Seeds everything; no global state is read or changed.
    **kwargs : object
        ``module__x``, ``mix__x``, ``optimizer__x``, ``criterion__x``,
        ``callbacks__name__x``, ``iterator_train__x`` and the like.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of str
        Their names, for DataFrames with string column names.
    n_iter_ : int
        Epochs run.
    net_ : skorch net
        Trained net.
    module_ : nn.Module
        Its module, without anything of mixing in it.
    history_ : skorch.history.History
        Per epoch `train_loss` (on mixed batches), `train_acc_mixed` (weighted by
        lambda), and with validation `valid_loss` and `valid_acc`, on clean data.

    See Also
    --------
    MixupRegressor : The same for numbers.
    sk_mixup.mixing : The methods, for loops of your own.

    Examples
    --------
    >>> import pandas as pd
    >>> from sk_mixup import MixupClassifier
    >>> X = pd.DataFrame({"age": [20, 30, 40, None] * 10, "job": list("abba") * 10})
    >>> y = ["no", "yes", "yes", "no"] * 10
    >>> model = MixupClassifier(max_epochs=20, random_state=0).fit(X, y)
    >>> model.predict(X.head(2))
    array(['no', 'yes'], dtype=object)
    >>> model.predict_proba(X.head(2)).shape
    (2, 2)
    """

    _is_classifier = True
    classes_: np.ndarray

    def __init__(
        self,
        module: Any = None,
        *,
        mix: Any = "mixup",
        alpha: float | None = None,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        optimizer: Any = None,
        criterion: Any = None,
        callbacks: Any = None,
        device: str = "auto",
        verbose: int = 0,
        warm_start: bool = False,
        categorical_features: Any = "from_dtype",
        early_stopping: Any = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = None,
        class_weight: Any = None,
        random_state: Any = None,
        **kwargs: Any,
    ) -> None:
        self.module = module
        self.mix = mix
        self.alpha = alpha
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.optimizer = optimizer
        self.criterion = criterion
        self.callbacks = callbacks
        self.device = device
        self.verbose = verbose
        self.warm_start = warm_start
        self.categorical_features = categorical_features
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.random_state = random_state
        self._store_prefixed(kwargs)

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        *,
        groups: Any = None,
    ) -> MixupClassifier:
        """Train on a table or array.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features) or (n_samples, ...)
            Tables may hold text, categories and missing values.
        y : array-like of shape (n_samples,)
            Labels of any kind.
        sample_weight : array-like of shape (n_samples,) or None
            Weights; rows of weight 0 are left out.
        X_val, y_val, sample_weight_val : like the first three, or None
            Validation data for early stopping, in place of a part of `X`.
        groups : array-like of shape (n_samples,) or None
            Rows of different groups are never mixed, and a validation part is held out
            by whole groups.

        Returns
        -------
        self : MixupClassifier

        Raises
        ------
        ValueError, TypeError
            For bad parameters or data, before training starts. A fitted estimator
            stays as it was.
        FloatingPointError
            If the training loss becomes NaN or infinite.
        """
        return self._fit(
            X,
            y,
            sample_weight=sample_weight,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
            groups=groups,
        )

    @with_callbacks
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> MixupClassifier:
        """Train for one epoch, from the present weights.

        Parameters
        ----------
        X, y, sample_weight : as for `fit`
            The first call also fixes the encoding of the columns.
        classes : array-like or None
            All labels, if the first call's `y` does not hold them all.

        Returns
        -------
        self : MixupClassifier
        """
        return self._fit(
            X, y, sample_weight=sample_weight, classes=classes, partial=True
        )

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities.

        Parameters
        ----------
        X : like in `fit`

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes), float64
        """
        outputs = self._outputs(X)
        return self._objective_.probabilities(outputs).numpy()

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable labels.

        Parameters
        ----------
        X : like in `fit`

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        proba = self.predict_proba(X)
        return self._target_.inverse_transform(proba.argmax(axis=1))

    def _fit_target(self, y: Any, weight: Any, classes: Any) -> ClassEncoder:
        return ClassEncoder().fit(y, classes=classes)

    def _fitted_target(self, target: ClassEncoder) -> dict[str, Any]:
        return {"classes_": target.classes_}

    def _n_classes(self, target: ClassEncoder) -> int:
        return len(target.classes_)

    def _check_same_classes(self, classes: Any) -> None:
        if set(np.asarray(classes).tolist()) != set(self.classes_.tolist()):
            raise ValueError(
                f"classes={list(classes)!r} differ from those of the first call,"
                f" {self.classes_.tolist()}."
            )

    def _check_classes_left(self, target: ClassEncoder, labels: torch.Tensor) -> None:
        left = torch.unique(labels)
        if len(left) < 2:
            label = target.classes_[int(left[0])]
            raise ValueError(
                f"y holds one class with positive weight, {label!r}: a classifier needs"
                " at least 2."
            )

    def _class_weighted(
        self, target: ClassEncoder, labels: torch.Tensor, weight: Any
    ) -> Any:
        if self.class_weight is None:
            return weight
        if not isinstance(self.class_weight, dict) and self.class_weight != "balanced":
            raise ValueError(
                "class_weight must be a dict, 'balanced' or None; got"
                f" {self.class_weight!r}."
            )
        codes = labels.numpy()
        if isinstance(self.class_weight, dict):
            given = self.class_weight
            unknown = [key for key in given if key not in set(target.classes_.tolist())]
            if unknown:
                raise ValueError(
                    f"class_weight: the classes, {unknown}, are not in y; it has"
                    f" {target.classes_.tolist()}."
                )
            per_class = np.array([given.get(c, 1.0) for c in target.classes_.tolist()])
        else:
            present = np.unique(codes)
            per_class = np.ones(len(target.classes_))
            per_class[present] = compute_class_weight(
                "balanced", classes=present, y=codes
            )
        rows = per_class[codes]
        return rows if weight is None else rows * weight
