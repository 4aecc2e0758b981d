"""What both estimators do: fit, predict, and show what they would mix.

An estimator holds its parameters before a fit and what was learnt after it. In between,
state passes from step to step as frozen data, and not through the estimator: settings,
rows, a training, what it leaves behind. Everything that can be wrong is found before
training, and everything learnt is taken over at the end, so that a failed `fit` leaves
a fitted estimator as it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted

from sk_mixup.estimators import checkpoints, previews, results, sharing
from sk_mixup.estimators._compat import CallbackSupportMixin
from sk_mixup.estimators._features import FEATURES, check_table, has_features
from sk_mixup.estimators._finishing import finish
from sk_mixup.estimators._fitted import Fitted
from sk_mixup.estimators._going_on import check_changes
from sk_mixup.estimators._intake import predicted_batches
from sk_mixup.estimators._parameters import PrefixedParameters
from sk_mixup.estimators._reading import GivenRows, read, streams_of
from sk_mixup.estimators._settings import Settings
from sk_mixup.estimators._stored_state import (
    asked_by_skops,
    restore,
    state_without_code,
)
from sk_mixup.estimators._training import Training, prepare
from sk_mixup.estimators._user_code import drawing_apart
from sk_mixup.estimators.tasks import Task, Tasks
from sk_mixup.inputs import DatasetRows, LazyRows, is_files, is_stream
from sk_mixup.processes import Processes, joined as joined_by
from sk_mixup.training import (
    check_item,
    deep_copy,
    holds_parametrized,
    in_words,
    may_take_tables,
    module_input,
    own_mode,
    predict_outputs,
    predict_stream,
    reduced_whole,
    shallow_copy,
    takes_sparse,
)

if TYPE_CHECKING:
    from sk_mixup.mixing import MixPreview

# Rows encoded at once for a prediction: many blocks of the net, few megabytes.
_ENCODED_ROWS = 65_536
# Outputs of so many values or more per row are used block by block.
_WIDE = 64
_STREAMED_ROWS = 256


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
        with own_mode(), joined_by(self.distributed) as processes:
            settings = Settings.of(self, X, partial=partial, before=task)
            if before is not None:
                check_changes(settings, before)
            rows = GivenRows(X, y, **given)
            self._fit_rows(settings, rows, before, processes)
        return self

    def _fit_rows(
        self,
        settings: Settings,
        rows: GivenRows,
        before: Fitted | None,
        processes: Processes | None,
    ) -> None:
        """Read, prepare, train, become what was learnt; with others, if any."""
        checkpoint = None
        if processes is not None or settings.checkpoint is None or settings.partial:
            streams = streams_of(settings, before)
        else:
            checkpoint, streams = checkpoints.checkpoint_of(settings, rows)
        if processes is not None:
            settings, streams = sharing.shared(processes, settings, streams)
        with drawing_apart(settings, rows.X, rows.X_val):
            data = read(settings, rows, before, streams, processes)
            training = prepare(settings, data, checkpoint, processes)
        training.go()
        self._become(training)

    def _fitted(self) -> Fitted | None:
        """Return what was learnt; None before the first fit."""
        return Fitted.of(self, self._task()) if hasattr(self, "net_") else None

    def _become(self, training: Training) -> None:
        """Become what was trained.

        Raises
        ------
        KeyboardInterrupt
            At the end, if one has come: what was learnt before is taken over.
        """
        with drawing_apart(training.settings, training.data.X):
            fitted = finish(training)
        for name in (*FEATURES, "feature_importances_"):
            self.__dict__.pop(name, None)
        self.__dict__.update(fitted.attributes())
        if training.context is not None:
            training.context.call_on_fit_task_end(
                estimator=self,
                X=training.data.X,
                y=training.data.y,
                reconstruction_attributes=fitted.attributes,
            )
        if fitted.interrupted:
            raise KeyboardInterrupt(
                f"{type(self).__name__} was interrupted and keeps what it has learnt:"
                f" n_iter_ is {fitted.n_iter}, the finished epochs, and interrupted_ is"
                " True."
            ) from training.run.interrupt

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
        return previews.preview(self, X, y, n)

    def history_frame(self) -> pd.DataFrame:
        """Return `history_` as a table with a row per epoch.

        Returns
        -------
        frame : DataFrame of shape (n_epochs, n_columns)
            "epoch", from 1 on, "train_loss", "valid_loss" and whatever else was
            recorded of an epoch, that of batches left out. Values that only some
            epochs have are missing in the others.

        See Also
        --------
        sk_mixup.inspection.HistoryDisplay : The same as a picture.

        Examples
        --------
        >>> import numpy as np
        >>> from sk_mixup import MixupRegressor
        >>> X = np.linspace(0, 1, 40).reshape(-1, 1)
        >>> model = MixupRegressor(max_epochs=5, random_state=0).fit(X, X[:, 0])
        >>> model.history_frame()[["epoch", "train_loss"]].shape
        (5, 2)
        """
        check_is_fitted(self)
        return results.history_frame(self.history_)

    # -- predict ----------------------------------------------------------------------

    def encode(self, X: Any) -> Any:
        """Return rows as the module sees them, for whoever asks the module itself.

        With `decode`, tools that look into a net, such as captum or SHAP's deep
        explainers, and exports need nothing private: ``model.module_(**x)`` of the
        encoded rows, ``model.decode`` of what it returns.

        Parameters
        ----------
        X : like in `fit`

        Returns
        -------
        x : dict, tuple or Tensor
            On the device of the module, all rows at once: a dict is passed by name
            (``module_(**x)``), a tuple by position (``module_(*x)``), a tensor as it
            is (``module_(x)``). Nets of the library for tables take "numeric" and
            "categorical", those for texts "ids" and "mask". Pixels are floats.

        Examples
        --------
        >>> import numpy as np
        >>> from sk_mixup import MixupClassifier
        >>> X = np.linspace(0, 1, 40).reshape(-1, 1)
        >>> model = MixupClassifier(max_epochs=5, random_state=0).fit(X, X[:, 0] > 0.5)
        >>> x = model.encode(X)
        >>> {name: tuple(values.shape) for name, values in x.items()}
        {'numeric': (40, 1), 'categorical': (40, 0)}
        >>> proba = model.decode(model.module_(**x))
        >>> bool(np.allclose(proba, model.predict_proba(X), atol=1e-6))
        True
        """
        check_is_fitted(self)
        device = self.net_.place_
        if is_files(X):
            X = X.without_target().read()
        if not is_stream(X):
            table = self._checked(X)
            return module_input(self._source_.transform(table), device)
        loader = self.net_.get_params_for("iterator_valid")
        batches = predicted_batches(self._source_, X, loader)(_STREAMED_ROWS)
        return results.joined([module_input(batch, device) for batch in batches])

    def _outputs(
        self, X: Any, made_of: Callable[[torch.Tensor], torch.Tensor] | None = None
    ) -> torch.Tensor:
        """Return the raw outputs of the module for every row, or what is made of them.

        Parameters
        ----------
        X : object
        made_of : callable or None
            Makes something of the outputs of some rows, row by row. It is called block
            by block where outputs are wide, so that they need not all be kept.
        """
        check_is_fitted(self)
        with own_mode(), in_words(self.net_):
            if not is_files(X):
                return self._outputs_of(X, made_of)
            frames = X.without_target().frames()
            return torch.cat([self._outputs_of(X, made_of) for X, _ in frames])

    def _outputs_of(
        self, X: Any, made_of: Callable[[torch.Tensor], torch.Tensor] | None
    ) -> torch.Tensor:
        module = self.net_.for_prediction(self.module_)
        device = self.net_.place_
        loader = self.net_.get_params_for("iterator_valid")
        read = self._objective_.read
        width = self._task().n_outputs
        table = None if is_stream(X) else self._checked(X)
        # Items of a data set have not been looked at: their outputs are, below.
        is_wide = made_of is not None and width >= _WIDE
        is_wide = is_wide and not isinstance(table, DatasetRows)
        if is_wide:
            read = _Made(made_of, read)
        if is_stream(X):
            batches = predicted_batches(self._source_, X, loader)
            found = predict_stream(module, batches, device, read)
            return found if made_of is None or is_wide else made_of(found)
        outputs = [
            predict_outputs(
                module,
                self._source_.transform(part),
                device,
                read,
                loader,
                width * getattr(self.module_, "n_members", 1),
            )
            for part in _parts(table)
        ]
        found = outputs[0] if len(outputs) == 1 else torch.cat(outputs)
        if isinstance(table, DatasetRows):
            bad = found.isnan().reshape(len(found), -1).any(1)
            if bad.any():
                check_item(table, int(bad.nonzero()[0]))
        return found if made_of is None or is_wide else made_of(found)

    def _checked(self, X: Any) -> Any:
        """Return rows that can be encoded."""
        table = self._source_.check(X)
        if has_features(table):
            check_table(self, table, reset=False)
        return table

    def _read_outputs(self, outputs: Any) -> torch.Tensor:
        """Return what a module returned as one tensor on the CPU, checked."""
        check_is_fitted(self)
        read = self._objective_.read(results.as_tensors(outputs))
        results.check_outputs(read, self._task())
        return read.detach().cpu()

    # -- store ------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to a file that holds no code.

        The file is a zip archive of JSON and of tensors in the format of safetensors:
        weights, encoding of the columns, classes, temperature, history, and all
        parameters that are plain values or objects of the library, of torch's losses
        and optimizers. Callbacks, schedules and other code are left out, and a warning
        names them; a module of your own is brought again when the file is read. So is
        the state of the optimizer: `partial_fit` goes on with a new one.

        Parameters
        ----------
        path : path-like
            An existing file is replaced, as a whole.

        Raises
        ------
        TypeError
            If the model holds what no such file can, such as categories that are
            objects of a class of your own.
        NotFittedError, OSError

        See Also
        --------
        sk_mixup.load : Reads such files, and has an example.
        """
        from sk_mixup.saving import save

        save(self, path)

    def __getstate__(self) -> Any:
        """Return the state: for skops, which stores no code, what `save` writes."""
        if hasattr(self, "net_") and asked_by_skops():
            return state_without_code(self)
        return super().__getstate__()

    @property
    def module_(self) -> torch.nn.Module:
        """The module of `net_`: there is one, whatever is loaded into either."""
        module: torch.nn.Module = self.net_.module_
        return module

    @module_.setter
    def module_(self, module: torch.nn.Module) -> None:
        self.net_.__dict__["module_"] = module

    # -- copies and pickles -----------------------------------------------------------

    __reduce_ex__ = reduced_whole
    __copy__ = shallow_copy
    __deepcopy__ = deep_copy

    def _keeps_steps(self) -> bool | None:
        if not hasattr(self, "net_"):
            # A template that pickle itself refuses is stored as fitted ones are.
            return False if holds_parametrized(self.module) else None
        return bool(self.warm_start) or self.net_.keeps_steps_

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over a state; earlier versions kept the module beside its net."""
        if restore(self, state):
            return
        state.pop("module_", None)
        if "net_" in state:
            state.setdefault("interrupted_", False)
        super().__setstate__(state)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether `fit` has succeeded."""
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Any:
        """Missing values are fine in tables, sparse rows for those who read numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = may_take_tables(self.module)
        tags.input_tags.sparse = takes_sparse(self.module)
        return tags


class _Made:
    """Reads what a module returns, and makes something of it at once."""

    def __init__(self, made_of: Any, read: Any) -> None:
        self.made_of = made_of
        self.read = read

    def __call__(self, output: Any) -> torch.Tensor:
        made: torch.Tensor = self.made_of(self.read(output).cpu())
        return made


def _parts(table: Any) -> Iterator[Any]:
    """Cut a long table, so that its encoding takes bounded memory."""
    if len(table) <= _ENCODED_ROWS or isinstance(table, LazyRows):
        yield table
        return
    rows = table.iloc if hasattr(table, "iloc") else table
    for start in range(0, len(table), _ENCODED_ROWS):
        yield rows[start : start + _ENCODED_ROWS]
