"""What both estimators do: fit, predict, and show what they would mix.

An estimator holds its parameters before a fit and what was learnt after it. In between,
state passes from step to step as frozen data, and not through the estimator: settings,
rows, a training, what it leaves behind. Everything that can be wrong is found before
training, and everything learnt is taken over at the end, so that a failed `fit` leaves
a fitted estimator as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted, validate_data

from sk_mixup.estimators._compat import CallbackSupportMixin
from sk_mixup.estimators._features import FEATURES, has_features
from sk_mixup.estimators._finishing import finish
from sk_mixup.estimators._fitted import Fitted
from sk_mixup.estimators._intake import predicted_batches
from sk_mixup.estimators._parameters import PrefixedParameters
from sk_mixup.estimators._preview import preview
from sk_mixup.estimators._reading import GivenRows, read
from sk_mixup.estimators._settings import Settings
from sk_mixup.estimators._training import Training, prepare
from sk_mixup.estimators.tasks import Task, Tasks
from sk_mixup.inputs import LazyRows, is_stream
from sk_mixup.mixing import MixPreview
from sk_mixup.training import may_take_tables, predict_outputs, predict_stream

# Rows encoded at once for a prediction: many blocks of the net, few megabytes.
_ENCODED_ROWS = 65_536


class BaseMixup(CallbackSupportMixin, PrefixedParameters):
    """Common part of `MixupClassifier` and `MixupRegressor`."""

    # -- what a leaf says ------------------------------------------------------------

    def _tasks(self) -> Tasks:
        """Return what the parameters say of the targets."""
        raise NotImplementedError

    def _task(self) -> Task:
        """Return the task that was learnt."""
        raise NotImplementedError

    # -- fit --------------------------------------------------------------------------

    def _fit(self, X: Any, y: Any, *, partial: bool = False, **given: Any) -> Any:
        """Read, prepare, train, become what was learnt.

        Parameters
        ----------
        X, y : object
        partial : bool
            Whether it is one epoch of `partial_fit`.
        **given : object
            The other fields of `GivenRows`.
        """
        before = self._fitted() if partial or self.warm_start else None
        task = None if before is None else before.task
        settings = Settings.of(self, X, partial=partial, before=task)
        data = read(settings, GivenRows(X, y, **given), before)
        training = prepare(settings, data)
        training.go()
        self._become(training)
        return self

    def _fitted(self) -> Fitted | None:
        """Return what was learnt; None before the first fit."""
        return Fitted.of(self, self._task()) if hasattr(self, "net_") else None

    def _become(self, training: Training) -> None:
        """Become what was trained."""
        fitted = finish(training)
        for name in FEATURES:
            self.__dict__.pop(name, None)
        self.__dict__.update(fitted.attributes())
        if training.context is not None:
            training.context.call_on_fit_task_end(
                estimator=self,
                X=training.data.X,
                y=training.data.y,
                reconstruction_attributes=fitted.attributes,
            )

    def preview(self, X: Any, y: Any, n: int = 8) -> MixPreview:
        """Show the first rows mixed, as `fit` would mix them.

        The rows are mixed as one batch of a training that is half over (schedules are
        read there). The draw is that of `random_state` (0 for None), so equal calls
        show equal rows. Neither the estimator nor a global random state changes.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features) or (n_samples, ...)
            As for `fit`. Before `fit`, the encoding of a table is learnt from all rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels or numbers to predict.
        n : int, default=8
            Number of rows in the batch.

        Returns
        -------
        preview : MixPreview
            Its `table` is a DataFrame with a row per mixed row: "lambda", the values of
            "own" and "partner", what "mixed" makes of them, and the "target". Numbers
            are blended in the units of the table, and categories show their shares,
            such as "70 % cook, 30 % smith", since the bundled net blends their vectors;
            methods that swap values show the value taken. A column "mixed" is missing
            where a hidden layer is mixed: `preview.site` names it. For arrays of a
            module of your own, `preview.mixed` is the mixed input itself.

        Raises
        ------
        ValueError
            If nothing would be mixed (``mix=None``), or as in `fit`.

        See Also
        --------
        sk_mixup.inspection.MixDisplay : The preview as a picture.

        Examples
        --------
        >>> import pandas as pd
        >>> from sk_mixup import MixupClassifier
        >>> X = pd.DataFrame({"age": [20, 40], "job": ["cook", "smith"]})
        >>> model = MixupClassifier(alpha=1.0, random_state=0)
        >>> preview = model.preview(X, ["no", "yes"])
        >>> preview.table["mixed"]
             age                    job
        0  26...  6... % cook, 3... % smith
        1  33...  6... % smith, 3... % cook
        """
        return preview(self, X, y, n)

    # -- predict ----------------------------------------------------------------------

    def _outputs(self, X: Any) -> torch.Tensor:
        """Return the raw outputs of the module for every row."""
        check_is_fitted(self)
        module = self.net_.for_prediction(self.module_)
        loader = self.net_.get_params_for("iterator_valid")
        if is_stream(X):
            batches = predicted_batches(self._source_, X, loader)
            device, read = self.net_.place_, self._objective_.read
            return predict_stream(module, batches, device, read)
        table = self._source_.check(X)
        if has_features(table):
            validate_data(self, table, reset=False, skip_check_array=True)
        outputs = [
            predict_outputs(
                module,
                self._source_.transform(part),
                self.net_.place_,
                self._objective_.read,
                loader,
            )
            for part in _parts(table)
        ]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether `fit` has succeeded."""
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Any:
        """Missing values are fine in tables."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = may_take_tables(self.module)
        return tags


def _parts(table: Any) -> Iterator[Any]:
    """Cut a long table, so that its encoding takes bounded memory."""
    if len(table) <= _ENCODED_ROWS or isinstance(table, LazyRows):
        yield table
        return
    rows = table.iloc if hasattr(table, "iloc") else table
    for start in range(0, len(table), _ENCODED_ROWS):
        yield rows[start : start + _ENCODED_ROWS]
