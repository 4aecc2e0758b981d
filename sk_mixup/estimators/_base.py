"""The way of a fit and of a prediction, shared by classifier and regressor.

The estimator holds its parameters and builds a skorch net in `fit`. Everything that can
be wrong is found before training, and everything learnt is stored at the end, so that a
failed `fit` leaves a fitted estimator as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted

from sk_mixup.estimators._compat import CallbackSupportMixin
from sk_mixup.estimators._intake import note_features, predicted_batches
from sk_mixup.estimators._preview import PreviewMixin
from sk_mixup.estimators._training import TrainingMixin
from sk_mixup.inputs import LazyRows, is_stream
from sk_mixup.training import may_take_tables, predict_outputs, predict_stream

# Rows encoded at once for a prediction: many blocks of the net, few megabytes.
_ENCODED_ROWS = 65_536


class BaseMixup(PreviewMixin, CallbackSupportMixin, TrainingMixin):
    """Common part of `MixupClassifier` and `MixupRegressor`."""

    # -- fit --------------------------------------------------------------------------

    def _fit(self, X: Any, y: Any, **given: Any) -> Any:
        """Read, prepare, train, take over; `given` as `_read` takes it."""
        with self._all_or_nothing():
            training = self._prepare(self._read(X, y, **given))
            training.go()
            self._take_over(training)
        return self

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            transient = {
                key: value
                for key, value in vars(self).items()
                if key in ("_callback_fit_ctx", "_skl_callbacks_to_teardown")
            }
            self.__dict__.clear()
            self.__dict__.update(before | transient)
            raise

    # -- predict ----------------------------------------------------------------------

    def _outputs(self, X: Any) -> torch.Tensor:
        """Return the raw outputs of the module for every row."""
        check_is_fitted(self)
        module = self.net_.for_prediction(self.module_)
        loader = self.net_.get_params_for("iterator_valid")
        if is_stream(X):
            batches = predicted_batches(self._source_, X, loader)
            device, read = self.net_.device, self._objective_.read
            return predict_stream(module, batches, device, read)
        table = self._source_.check(X)
        note_features(self, table, reset=False)
        outputs = [
            predict_outputs(
                module,
                self._source_.transform(part),
                self.net_.device,
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
