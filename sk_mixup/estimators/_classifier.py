"""The classifier: thin, with the parameters and what they mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score

from sk_mixup.estimators._compat import with_callbacks
from sk_mixup.estimators._intake import scored_targets
from sk_mixup.estimators._keywords import explains_keywords
from sk_mixup.estimators.predictions import ClassPredictor
from sk_mixup.estimators.tasks import (
    Classification,
    Task,
    Tasks,
    ignored_class,
    mean_iou_of,
    right_rows,
)


class MixupClassifier(ClassifierMixin, ClassPredictor):
    """A neural net classifier trained on mixed batches.

    What a call needs; the guide tells the rest, on the pages :doc:`/guide/nets`,
    :doc:`/guide/mixing`, :doc:`/guide/training`, :doc:`/guide/targets` and
    :doc:`/guide/calibration`.

    Parameters
    ----------
    module : None, str, nn.Module class, factory or instance, or skorch net
        None: the library's net for tables. Others by name: ``"mlp"``, ``"tabm"``,
        ``"resnet"``, ``"ft_transformer"``, ``"excelformer"``, ``"convnet"``,
        ``"text_bag"``, ``"text_cnn"``, ``"timm/NAME"``, ``"hf/NAME"``. An instance is a
        template that no `fit` changes; of a skorch net its own settings hold.
    mix : str, method, list or None, default="auto"
        How to mix: a short name (:func:`sk_mixup.mixing.list_methods`), a method, a
        list of which one is drawn per batch, or None. ``"auto"``: ``"mixup"``, but for
        other nets of tables, which mix only if `alpha` or a ``mix__x`` is given.
    alpha : float >= 0, "auto" or None, default=None
        Beta(alpha, alpha) of a `mix` given by name; 0: no mixing. ``"auto"``, for
        ``module=None`` and tables: found out during the training, see `alpha_`. None:
        ``"auto"`` there, else the method's default (0.2 for ``"mixup"``).
    preset : {"fast", "default", "best"}, default="default"
        Speed against care, for the bundled nets of tables.
    max_epochs, batch_size : int >= 1 or None, default=None
        None: by the number of rows. An upper bound for nets of tables that something
        validates.
    lr : float > 0 or None, default=None
        Learning rate; None: that of the recipe, 0.001 for modules of your own.
    optimizer : type, name or None, default=None
        ``"sgd"`` is ``torch.optim.SGD``; None: ``torch.optim.AdamW``, of which the
        net for tables may change to `MuonAdamW` where labels follow from the columns.
    criterion : type, module, function, name or None, default=None
        Must be able to return one loss per row. None: cross-entropy, or binary
        cross-entropy for one logit and for several labels.
    callbacks : list, callback or None, default=None
        Those of skorch.
    augment : callable, list of callables or None, default=None
        Called on the input of every training batch, on the device, before it is mixed;
        keeps the rows. See :mod:`sk_mixup.augment`.
    schedule : "auto", None, "cosine", "linear", "one_cycle" or callable, default="auto"
        What becomes of `lr`; a callable returns a factor for a progress in [0, 1].
        ``"auto"``: a cosine for the bundled nets with their optimizer, else constant.
    warmup : float >= 0, default=0
        Epochs, or below 1 the share of the training, in which the rate rises.
    ema : float in (0, 1) or None, default=None
        Decay per step of an average of the weights, which is validated and kept.
    clip_norm : float > 0 or None, default=None
        Largest norm of the gradient; larger ones are scaled down.
    accumulate : int >= 1, default=1
        Batches whose gradients make one step.
    precision : "auto", "float32", "bfloat16" or "float16", default="auto"
        Of the forward pass in training. ``"auto"``: bfloat16 in hidden layers of
        ``"mlp"`` and ``"tabm"`` where it is faster, else float32.
    compile : bool or dict, default=False
        Run the module through ``torch.compile``; a dict holds its arguments.
    channels_last : bool, default=False
        Memory format of images and of the module's weights.
    device : str or None, default="auto"
        ``"auto"``: CUDA, else MPS, else the CPU; None: where the module is.
    verbose : int, default=0
        1 prints a line per epoch, 2 also shows a bar (``sk-mixup[progress]``).
    warm_start : bool, default=False
        Whether a further `fit` goes on with the weights of the last one.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Categorical columns: by dtype (category, text), or a mask, positions or names.
    early_stopping : "auto" or bool, default="auto"
        Whether to hold out rows, and go back to the best epoch. ``"auto"``: with
        `X_val`, and from 500 rows, where members of the net leave none out.
    validation_fraction : float in (0, 1), default=0.1
        Share held out.
    n_iter_no_change : int >= 1 or None, default=None
        Epochs without improvement that end the training (of tables, its level part).
        None: 8 for tables, 10 for modules of your own.
    class_weight : dict, list of dict, "balanced" or None, default=None
        Multiplied with sample weights; a list for several outputs.
    target_kind : str, default="auto"
        What `y` is: a class per row (``"classes"``), several ``"labels"`` or
        ``"outputs"``, ``"soft"`` labels, or a class per pixel (``"pixels"``).
        ``"auto"``: what its values say, and of masks the shape.
    calibration : "auto", "temperature" or None, default="auto"
        Divide logits by the temperature with the least log-loss on rows not trained on.
        ``"auto"``: where there are some. ``"temperature"``: else by further trainings
        on folds, 2 to 4 times the time.
    importance : None or "permutation", default=None
        ``"permutation"``: `fit` also finds `feature_importances_`.
    checkpoint : path-like or None, default=None
        Folder that `fit` stores the training in, so that the same call goes on after
        its process was killed. As trustworthy as a pickle.
    checkpoint_every : int >= 1, default=1
        Epochs between two checkpoints.
    distributed : {"auto", "parts"} or None, default="auto"
        What several processes do that `torchrun` has started, or that have a process
        group of torch: train one net together, with the mean of their gradients.
        ``"auto"``: all are given the same `X`, and take their share of each batch.
        ``"parts"``: each is given a part of the rows. None: each trains on its own.
    random_state : int, RandomState or None, default=None
        Seeds everything; global random states are left as found.
    **kwargs : object
        ``module__x``, ``mix__x``, ``optimizer__x``, ``criterion__x``,
        ``callbacks__name__x``, ``iterator_train__x``, ``compile__x`` and the like.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of such
        Sorted labels; for several labels their indices, for several outputs a list.
    n_outputs_ : int
        Number of labels or outputs; 1 for one class per row.
    n_features_in_, feature_names_in_ : int, ndarray of str
        Features seen in `fit`; their names, for DataFrames with string column names.
    n_iter_ : int
        Epochs run.
    interrupted_ : bool
        Whether Ctrl-C has ended the training, of which the rest is kept.
    net_, module_ : skorch net, nn.Module
        Trained net, and its module without anything of mixing in it, of raw outputs.
    alpha_ : float, ndarray of shape (n_members,) or None
        How strongly was mixed in the end; None for methods that have no alpha.
    temperature_ : float, or list of float for several outputs
        What outputs are divided by in `predict_proba`; 1.0 where nothing was fitted.
    feature_importances_ : ndarray of shape (n_features,)
        With `importance`: how much the loss rises without a column, as shares.
    history_ : skorch.history.History
        Per epoch `train_loss` and `train_acc_mixed`, on mixed batches, and `valid_loss`
        and `valid_acc`, on clean rows.

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
    """

    classes_: Any

    def __init__(
        self,
        module: Any = None,
        *,
        mix: Any = "auto",
        alpha: float | str | None = None,
        preset: str = "default",
        max_epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        optimizer: Any = None,
        criterion: Any = None,
        callbacks: Any = None,
        augment: Any = None,
        schedule: Any = "auto",
        warmup: float = 0,
        ema: float | None = None,
        clip_norm: float | None = None,
        accumulate: int = 1,
        precision: str = "auto",
        compile: Any = False,
        channels_last: bool = False,
        device: str = "auto",
        verbose: int = 0,
        warm_start: bool = False,
        categorical_features: Any = "from_dtype",
        early_stopping: Any = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = None,
        class_weight: Any = None,
        target_kind: str = "auto",
        calibration: Any = "auto",
        importance: str | None = None,
        checkpoint: Any = None,
        checkpoint_every: int = 1,
        distributed: str | None = "auto",
        random_state: Any = None,
        **kwargs: Any,
    ) -> None:
        self.module = module
        self.mix = mix
        self.alpha = alpha
        self.preset = preset
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.optimizer = optimizer
        self.criterion = criterion
        self.callbacks = callbacks
        self.augment = augment
        self.schedule = schedule
        self.warmup = warmup
        self.ema = ema
        self.clip_norm = clip_norm
        self.accumulate = accumulate
        self.precision = precision
        self.compile = compile
        self.channels_last = channels_last
        self.device = device
        self.verbose = verbose
        self.warm_start = warm_start
        self.categorical_features = categorical_features
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.target_kind = target_kind
        self.calibration = calibration
        self.importance = importance
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.distributed = distributed
        self.random_state = random_state
        self._store_prefixed(kwargs)

    @explains_keywords
    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        *,
        groups: Any = None,
        classes: Any = None,
    ) -> MixupClassifier:
        """Train on a table or array.

        Parameters
        ----------
        X : DataFrame, array-like, sparse matrix, dict or tuple of arrays, Rows, \
ParquetRows or Dataset
            Tables of shape (n_samples, n_features) may hold text, categories and
            missing values. A module of your own takes arrays and tensors of any rank,
            also memory-mapped ones, several of them (a dict by name of the arguments
            of ``forward``, a tuple by position; :class:`sk_mixup.inputs.Rows` where
            rows are to be split), and a torch data set. Sparse matrices of scipy go to
            ``"mlp"``, None and modules of your own, and are made dense by batch.
            :class:`sk_mixup.inputs.ParquetRows` are tables in files with a target.
        y : array-like of shape (n_samples,), (n_samples, k) or (n_samples, ...)
            Labels of any kind: a class per row, a matrix of several labels, several
            outputs or soft labels, or masks; see `target_kind`, and
            :doc:`/guide/targets`.
        sample_weight : array-like of shape (n_samples,) or None
            Rows of weight 0 are left out.
        X_val, y_val, sample_weight_val : like the first three, or None
            Validation data for early stopping, in place of a part of `X`.
        groups : array-like of shape (n_samples,) or None
            Rows of different groups are never mixed; validation is by whole groups.
        classes : array-like or None
            All labels, where `y` may lack some; needed for an iterable data set.

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
        KeyboardInterrupt
            After Ctrl-C, when what was learnt has been taken over.
        """
        return self._fit(
            X,
            y,
            sample_weight=sample_weight,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
            groups=groups,
            classes=classes,
        )

    @explains_keywords
    @with_callbacks
    def partial_fit(
        self, X: Any, y: Any = None, classes: Any = None, sample_weight: Any = None
    ) -> MixupClassifier:
        """Train for one epoch, from the present weights.

        Parameters
        ----------
        X, y, sample_weight : as for `fit`
            The first call also fixes the encoding of the columns.
        classes : array-like or None
            All labels, if the first `y` does not hold them all.

        Returns
        -------
        self : MixupClassifier
        """
        given = {"sample_weight": sample_weight, "classes": classes}
        return self._fit(X, y, partial=True, **given)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the share of rows that are predicted right; of masks the mean IoU.

        Parameters
        ----------
        X : like in `fit`
        y : like in `fit`
            None for a data set that has targets. A row of several labels or outputs is
            right if all are. Of soft labels, the most probable class counts, or labels.
            Of masks, the classes' intersections over unions in all pixels that count
            are averaged (see :func:`sk_mixup.metrics.mean_iou`).
        sample_weight : array-like of shape (n_samples,) or None

        Returns
        -------
        score : float
        """
        y = scored_targets(type(self).__name__, X, y)
        kind = self._target_.kind if hasattr(self, "_target_") else "classes"
        if kind == "pixels":
            return mean_iou_of(self._target_, y, self.predict(X), sample_weight)
        if kind in ("classes", "labels"):
            # Labels as `fit` reads them: columns in its order, no numbers as objects.
            y = getattr(self._target_, "transform" if kind == "labels" else "read")(y)
            accuracy = super().score(X, y, sample_weight)
        else:
            right = right_rows(self._target_, self.predict(X), y)
            accuracy = accuracy_score(
                np.ones(len(right), bool), right, sample_weight=sample_weight
            )
        return float(accuracy)

    def __sklearn_tags__(self) -> Any:
        """Several labels and outputs are fine."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags

    def _tasks(self) -> Tasks:
        ignored = ignored_class(self.criterion, self._prefixed(), self.module)
        return Classification(self.class_weight, self.target_kind, ignored)

    def _task(self) -> Task:
        return self._tasks().of(self._target_)
