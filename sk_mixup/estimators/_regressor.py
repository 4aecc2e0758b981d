"""The regressor: thin, with the parameters and what they mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from sk_mixup.estimators._compat import with_callbacks
from sk_mixup.estimators._intake import scored_targets
from sk_mixup.estimators._keywords import explains_keywords
from sk_mixup.estimators.predictions import IntervalRegressor
from sk_mixup.estimators.tasks import Numbers, Regression, Task, Tasks


class MixupRegressor(RegressorMixin, IntervalRegressor):
    """A neural net regressor trained on mixed batches.

    Targets are standardised inside, and predictions are put back on their scale.

    Parameters
    ----------
    module, mix, alpha, preset, max_epochs, batch_size, lr, optimizer, callbacks, \
augment, schedule, warmup, ema, clip_norm, accumulate, precision, compile, \
channels_last, device, verbose, warm_start, categorical_features, validation_fraction, \
n_iter_no_change, importance, checkpoint, checkpoint_every, distributed, random_state,\
 **kwargs :
        As for :class:`MixupClassifier`.
    criterion : type, module, function, name or None, default=None
        ``"mae"`` is ``torch.nn.L1Loss``; None: squared error, or the loss of `head`.
        Must be able to return one loss per row. In which units it sees the target, see
        Notes.
    head : {"mean", "quantile", "gaussian"}, default="mean"
        What is learnt of the target. ``"mean"``: one number, by squared error.
        ``"quantile"``: the `quantiles`, by the pinball loss; they never cross, and
        `predict` returns the median. ``"gaussian"``: mean and standard deviation, by
        the Gaussian likelihood, in which a row counts by the square root of its
        variance (``criterion__beta=0.5``; 0: the likelihood itself); `predict` returns
        the mean. The latter two have `predict_interval` and `predict_quantiles`. A
        module of your own returns that many values per row: as many as `quantiles`, or
        two, for each output, side by side (see Notes).
    quantiles : sequence of float, default=(0.05, 0.25, 0.5, 0.75, 0.95)
        Levels for ``head="quantile"``: increasing, with 0.5 among or between them.
    early_stopping : "auto" or bool, default="auto"
        ``"auto"``: when `X_val` is given, and from 500 rows. Nets for tables do without
        where their members leave rows out, see :doc:`/guide/nets`.

    Attributes
    ----------
    n_features_in_, feature_names_in_, n_iter_, net_, module_ :
        As for :class:`MixupClassifier`.
    alpha_, interrupted_, feature_importances_ :
        As for :class:`MixupClassifier`.
    history_ : skorch.history.History
        Per epoch `train_loss` (on mixed batches) and with validation `valid_loss`, on
        clean data; both for the standardised target, where the loss allows it.

    Notes
    -----
    A criterion sees standardised targets where this changes its losses by a factor
    alone, as for squared, absolute and quantile errors. One with a threshold, such as
    ``HuberLoss(delta=...)``, sees errors in the units of `y`; the losses in `history_`
    are then relative to that of a row which is one standard deviation off. Any other
    one, such as ``PoissonNLLLoss``, sees `y` as it is. `predict` returns the outputs of
    the module, or their exponentials for ``PoissonNLLLoss(log_input=True)`` and for a
    criterion of your own with the attribute ``output_activation = "exp"``.

    The values that a module returns for ``head="quantile"`` are no quantiles yet: the
    one of the level next to 0.5 is its quantile, the others say through a softplus how
    far each is from its neighbour, and zeros stand for the standard normal law. For
    ``head="gaussian"`` they are the mean and the logarithm of the variance. Both are of
    the standardised target. Mixed rows have the loss of either target, weighted, as
    with every criterion. Intervals get wider by it: on rows with noise of several sizes
    those for 90 % covered 89 to 90 % without mixing, 93 % with half of the members
    mixing (as they try to, of fewer than 1 000 rows) and 96 % with ``alpha=1``.

    What ``alpha="auto"`` finds out is 0 from 1 000 rows on: there mixing does numbers
    more harm than good, as a rule.

    See Also
    --------
    MixupClassifier : The same for classes.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mixup import MixupRegressor
    >>> X = np.linspace(0, 1, 100).reshape(-1, 1)
    >>> model = MixupRegressor(random_state=0).fit(X, 3 * X.ravel())
    >>> model.predict([[0.5]]).shape
    (1,)
    >>> bool(model.score(X, 3 * X.ravel()) > 0.9)
    True

    Intervals, and not the mean alone:

    >>> model = MixupRegressor(head="gaussian", max_epochs=5, random_state=0)
    >>> model.fit(X, 3 * X.ravel()).predict_interval([[0.5]], coverage=0.95).shape
    (1, 2)
    >>> mean, std = model.predict([[0.5]], return_std=True)
    """

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
        head: str = "mean",
        quantiles: Any = (0.05, 0.25, 0.5, 0.75, 0.95),
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
        self.head = head
        self.quantiles = quantiles
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
    ) -> MixupRegressor:
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
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Numbers to predict.
        sample_weight : array-like of shape (n_samples,) or None
            Weights; rows of weight 0 are left out.
        X_val, y_val, sample_weight_val : like the first three, or None
            Validation data for early stopping, in place of a part of `X`.
        groups : array-like of shape (n_samples,) or None
            Rows of different groups are never mixed, and a validation part is held out
            by whole groups.

        Returns
        -------
        self : MixupRegressor

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
        )

    @explains_keywords
    @with_callbacks
    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: Any = None
    ) -> MixupRegressor:
        """Train for one epoch, from the present weights.

        Parameters
        ----------
        X, y, sample_weight : as for `fit`
            The first call also fixes the encoding of the columns and the scale of `y`.

        Returns
        -------
        self : MixupRegressor
        """
        return self._fit(X, y, sample_weight=sample_weight, partial=True)

    def predict(
        self, X: Any, return_std: bool = False
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Return predictions on the scale of the target.

        Parameters
        ----------
        X : like in `fit`
        return_std : bool, default=False
            Also return standard deviations, which needs ``head="gaussian"``.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs), float64
            Means; medians for ``head="quantile"``. A row's does not depend on other
            rows (for nets that share wide matrices, up to 1e-6 of the scale of y).
        std : ndarray of the same shape
            With ``return_std=True``.
        """
        if return_std:
            return self._mean_and_deviation(X)
        return self._points(self._outputs(X))

    def decode(self, outputs: Any) -> np.ndarray:
        """Return the predictions that raw outputs of the module mean.

        Parameters
        ----------
        outputs : Tensor or array of shape (n_samples, ...)
            What `module_` returns for rows as `encode` gives them.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs), float64
            As `predict` returns them: on the scale of the target, means or medians.
        """
        return self._points(self._read_outputs(outputs))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the coefficient of determination.

        Parameters
        ----------
        X : like in `fit`
        y : like in `fit`
            May be None for a data set that has targets.
        sample_weight : array-like of shape (n_samples,) or None

        Returns
        -------
        r2 : float
        """
        y = scored_targets(type(self).__name__, X, y)
        return float(super().score(X, y, sample_weight))

    def __sklearn_tags__(self) -> Any:
        """Several outputs are fine."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _tasks(self) -> Tasks:
        return Regression(
            self.head,
            self.quantiles,
            self.criterion,
            self._prefixed("criterion"),
            self.module,
        )

    def _task(self) -> Task:
        return Numbers(self._target_, self._head_)
