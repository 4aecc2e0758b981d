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

    Parameters
    ----------
    module : None, str, nn.Module class, factory or instance, or skorch net
        None: the library's net for tables, several perceptrons on embedded columns,
        which leave out other rows each (see Notes). Other nets by name: for tables
        ``"tabm"`` (perceptrons that share their matrices), ``"mlp"``
        (one perceptron), ``"resnet"``, ``"ft_transformer"`` and ``"excelformer"``; for
        images and sequences ``"resnet"`` and ``"convnet"``; for texts ``"text_bag"``
        and ``"text_cnn"``; ``"timm/NAME"`` and ``"hf/NAME"``. A class or factory is
        called in `fit`. An instance is a template: each `fit` copies it and starts from
        its weights. A skorch net class or instance is wrapped: its own settings hold
        unless given here (its `train_split` aside, see `early_stopping`). Modules of
        your own get the values as they are: floats as float32, uint8 as float32 of the
        same scale, other integers as int64.
    mix : str, method, list or None, default="auto"
        How to mix: a short name (see :func:`sk_mixup.mixing.list_methods`), a method
        object, a list of them (one is drawn per batch), or None. ``"auto"``:
        ``"mixup"``, but for the other nets of the library for tables, which do not mix
        unless `alpha` or a ``mix__x`` is given.
    alpha : float, "auto" or None, default=None
        Beta(alpha, alpha) of a `mix` given by name; 0: no mixing. A number with
        ``mix="auto"`` means ``"mixup"``. ``"auto"``, for ``module=None`` and tables:
        found out during the training, and `alpha_` says what came out, see Notes. None:
        ``"auto"`` there, else the method's default (0.2 for ``"mixup"``).
    preset : {"fast", "default", "best"}, default="default"
        What the settings left open are, for the bundled nets of tables: how large a net
        and how long a training. ``"fast"`` takes a fraction of the time of
        ``"default"``, ``"best"`` some times as long, with twice as many members.
    max_epochs, batch_size : int or None, default=None
        None: by the number of rows. Of nets for tables that something validates,
        `max_epochs` is an upper bound: they train at a level rate while the validation
        loss falls, and then half as long again from their best weights, while the rate
        falls to zero.
    lr : float or None, default=None
        Learning rate; None: that of the recipe (0.001 for modules of your own); see
        `schedule`. Embeddings of tables learn at three times this rate.
    optimizer : type, name or None, default=None
        ``"sgd"`` is ``torch.optim.SGD``; None: ``torch.optim.AdamW``.
    criterion : type, module, function, name or None, default=None
        None: cross-entropy, or binary cross-entropy for a module with one logit and for
        several labels. Must be able to return one loss per row. Losses made for mixed
        labels are in :mod:`sk_mixup.mixing`, such as ``BinaryCrossEntropy``.
    callbacks : list, callback or None, default=None
        Those of skorch.
    augment : callable, list of callables or None, default=None
        Called on the input of every training batch (a tensor, dict or tuple, on the
        device; pixels still uint8), before it is mixed. Must keep the rows, and may
        draw from torch's global generator, which `random_state` seeds for the time of
        a fit. :mod:`sk_mixup.augment` has some that draw for every row; transforms of
        torchvision and kornia work too, of which torchvision's draw once per batch.
    schedule : "auto", None, "cosine", "linear", "one_cycle" or callable, default="auto"
        What becomes of `lr` over `max_epochs`, batch by batch; a callable gets the
        progress after the warm-up, from 0 to 1, and returns a factor. ``"auto"``: a
        cosine per epoch for the bundled nets with the optimizer of the recipe, else
        constant. One of torch's: ``callbacks=[skorch.callbacks.LRScheduler(...)]``, in
        place of a schedule by name. `partial_fit` keeps `lr` as it is.
    warmup : float, default=0
        Epochs, or below 1 the share of the training, in which the learning rate rises
        along a line; for ``"one_cycle"`` its rise (0: 0.3).
    ema : float or None, default=None
        Decay per step of an exponential moving average of the weights, which is what
        is validated and kept; 0.999 is usual. Early averages are of the steps so far.
    clip_norm : float or None, default=None
        Largest norm of the gradient; larger ones are scaled down. The same as skorch's
        ``GradientNormClipping``.
    accumulate : int, default=1
        Batches whose gradients make one step, as one batch of all their rows would. The
        last ones of an epoch may be fewer.
    precision : "auto", "float32", "bfloat16" or "float16", default="auto"
        Of the forward pass in training and validation, by ``torch.autocast``. Weights,
        mixing of inputs and targets, losses and predictions are float32. ``"float16"``
        (with a gradient scaler) needs CUDA. ``"auto"``: bfloat16 for the hidden layers
        of ``"mlp"`` and ``"tabm"`` with the optimizer of the recipe, from 2 001 rows on
        CPUs with such products (AVX-512 BF16, AMX); else float32.
    compile : bool or dict, default=False
        Whether to run the module through ``torch.compile``, in training and prediction;
        a dict (or ``compile__x``) holds its arguments. Mixing stays outside, as batches
        with a mixed layer. Tables: 3 minutes on one CPU thread, and nothing was saved.
    channels_last : bool, default=False
        Memory format of images and of the module's weights.
    device : str, default="auto"
        ``"auto"``: CUDA, else MPS, else the CPU; None: where the module is.
    verbose : int, default=0
        1 prints a line per epoch, 2 also shows a bar with the time left (needs
        ``sk-mixup[progress]``).
    warm_start : bool, default=False
        Whether a further `fit` goes on with the weights of the last one; see Notes.
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Categorical columns: by dtype (category, text), or a mask, positions or names.
    early_stopping : "auto" or bool, default="auto"
        Whether to hold out data, stop when their loss stops falling and go back to the
        best epoch. ``"auto"``: when `X_val` is given, for callbacks that watch such
        rows, and from 500 if a stratified split exists; not where members of a net
        for tables leave rows out, see Notes.
    validation_fraction : float, default=0.1
        Share held out.
    n_iter_no_change : int or None, default=None
        Epochs without improvement before stopping; for tables before the learning rate
        falls. None: as the recipe says, for tables 8, for modules of your own 10.
    class_weight : dict, list of dict, "balanced" or None, default=None
        Weights of classes; multiplied with sample weights. A list for several outputs,
        whose weights are multiplied. Not for several labels, soft labels and masks.
    target_kind : str, default="auto"
        What `y` is: a class per row (``"classes"``), several labels (``"labels"``),
        several outputs (``"outputs"``), soft labels (``"soft"``) or a class per pixel
        (``"pixels"``). ``"auto"``: what its values (of masks: its shape) say; those of
        a fold may say else. See Notes.
    calibration : "auto", "temperature" or None, default="auto"
        Whether logits are divided by a temperature in `predict_proba`: the one with the
        least log-loss on the validation part. ``"auto"``: where there is such a part,
        at the cost of a forward pass of it. ``"temperature"``: also where there is
        none, by further trainings on 5 folds of the rows (3 from 10 000 rows), which
        take about 4 (2) times as long as the first; no row is given up. See Notes.
    importance : None or "permutation", default=None
        ``"permutation"``: `fit` also finds `feature_importances_`, for ``RFE`` and
        ``SelectFromModel``, at the cost of 5 forward passes of 4 096 rows at most for
        each column.
    checkpoint : path-like or None, default=None
        Folder that `fit` stores the training in as it goes, so that the same call,
        after its process was killed, goes on and ends the same. Every `X`, `y` and
        setting has a subfolder of its own, and a finished fit is read from it. Such a
        folder is as trustworthy as a pickle. `partial_fit` stores nothing.
    checkpoint_every : int, default=1
        Epochs between two checkpoints.
    distributed : {"auto", "parts"} or None, default="auto"
        What several processes do that `torchrun` has started, or that have a process
        group of torch: train one net together, with the mean of their gradients.
        ``"auto"``: all are given the same `X`, and take their share of each batch.
        ``"parts"``: each is given a part of the rows. None: each trains on its own.
    random_state : int, RandomState or None, default=None
        Seeds everything, in threads too; global random states are left as found.
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
        How strongly was mixed in the end: all members of the net alike, or each in its
        own way. None for methods that have no alpha.
    temperature_ : float, or list of float for several outputs
        What outputs are divided by in `predict_proba`; 1.0 where nothing was fitted.
    feature_importances_ : ndarray of shape (n_features,)
        With `importance`: by how much the loss rises when a column is permuted, as
        shares that sum to 1; 0 for columns that are not missed. On the validation part
        or the rows that members left out; where there are none, on training rows.
    history_ : skorch.history.History
        Per epoch `train_loss` (on mixed batches), `train_acc_mixed` (weighted by
        lambda), and with validation `valid_loss` and `valid_acc`, on clean data and at
        temperature 1. Of several labels or outputs, accuracy is the share that is right
        (`score` asks for all of a row), and of soft labels what they say of the
        predicted class.

    See Also
    --------
    MixupRegressor : The same for numbers.
    sk_mixup.mixing : The methods, for loops of your own.

    Notes
    -----
    What a target with two columns or more is follows from its values, where
    `target_kind` does not say it:

    - floats in [0, 1] with rows that sum to 1 (to 0.001): soft labels. The columns are
      the classes 0 to C - 1; those of a DataFrame are the classes named there.
    - all 0 or 1 otherwise (also booleans, sparse): several labels. One logit and one
      binary cross-entropy per label, of which a row's loss is the mean.
    - whole numbers beyond 0 and 1, or text: several outputs, a class each. The bundled
      net has one head per output; a module of your own returns a tensor per output, or
      all side by side. A row's loss is the mean over the outputs.
    - three axes or more: masks for a module of your own, which returns (B, n_classes,
      height, width). Integers are a class per pixel, floats (n_samples, n_classes,
      height, width) probabilities, or, where they do not sum to 1, several labels per
      pixel. Pixels of ``criterion__ignore_index`` (-100) count nowhere. The loss is the
      mean over the pixels of a batch, and `score` the mean IoU.
    - any other floats, and -1 or NaN beside 0 and 1, are an error.

    Mixed training is under-confident, long training over-confident: a temperature below
    or above 1 repairs either, and leaves weights, and the order of the classes, as they
    are. It is fitted for outputs of torch's cross-entropies, and of a criterion that
    declares `output_activation`. A training that goes on without a validation part
    (`partial_fit`, `warm_start`) keeps the last temperature; an iterable data set needs
    `X_val` to have one.

    Tables of 40 to 60 000 rows lose none to a validation part. The net has eight
    members that share nothing, and each leaves out other rows: `valid_loss` is that of
    all rows, each by the member that has not seen it, and decides how long to train and
    at which temperature to predict. With a `module`, `early_stopping`, `X_val`,
    `groups`, callbacks that score, or other methods, a part is held out instead.

    Where such members find out about mixing, half of them mix (alpha 0.5, partners of
    their own) until the learning rate falls. Then all take the way with the smaller
    loss on rows not seen; if neither is smaller by its standard error, each goes on as
    it was. `history_` has both losses (``event_alpha_losses``) and the mean alpha
    (``event_alpha``). Elsewhere ``mix="auto"`` does not mix.

    Methods and pairings that compare classes, such as ``"remix"``, need one class per
    row.

    A training that goes on takes changed parameters over, and raises for those that the
    net was built with. A pickle holds the state of the optimizer after `partial_fit`
    and with `warm_start`; else a training that goes on begins it anew.

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
            outputs or soft labels, or masks; see `target_kind` and Notes.
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
