"""What an estimator's net is trained on, shown without training it."""

from __future__ import annotations

import copy
import dataclasses
import numbers
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length

from sk_mixup.estimators._intake import given_targets, note_features
from sk_mixup.estimators._preview_table import preview_table
from sk_mixup.inputs import TableInput
from sk_mixup.mixing import HidMix, Method, MixContext, MixPreview
from sk_mixup.training import (
    ArrayData,
    Recipe,
    TrainStreams,
    initialize_net,
    mix_facts,
    seeded_globals,
    select,
)

if TYPE_CHECKING:
    import pandas as pd


class PreviewMixin:
    """`preview` of both estimators."""

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
        return _preview(self, X, y, n)


def _preview(model: Any, X: Any, y: Any, n: int) -> MixPreview:
    if not isinstance(n, numbers.Integral) or isinstance(n, bool) or n < 1:
        raise ValueError(f"n must be an int of at least 1; got {n!r}.")
    method = model._check_parameters(False, X)
    if method is None:
        why = "" if model.mix is None else " a table unless alpha is given"
        raise ValueError(
            f"mix={model.mix!r} does not mix{why}, so there is nothing to preview. Name"
            " a method, such as mix='mixup'; sk_mixup.mixing.list_methods() shows them"
            " all."
        )
    streams = TrainStreams(_seed(model.random_state))
    with seeded_globals(streams.init_seed):
        return _draw(model, method, streams, X, y, int(n))


def _draw(
    model: Any, method: Method, streams: TrainStreams, X: Any, y: Any, n: int
) -> MixPreview:
    source = model._new_source(streams, X)
    table = source.check(X)
    y = given_targets(model, table, y)
    check_consistent_length(table, y)
    fitted = hasattr(model, "net_") and type(model._source_) is type(source)
    if fitted:
        note_features(model, table, reset=False)
        source, target = model._source_, model._target_
        x = source.transform(table)
    else:
        target = model._fit_target(y, None, None)
        x = source.fit_transform(table)
    train = ArrayData(x, torch.from_numpy(target.transform(y)))
    n_classes, kind = model._n_classes(target), model._target_kind(target)
    if kind is not None:
        kind.check_method(method)
    module = None
    if _needs_module(method):
        # A copy: looking at gradients must leave nothing behind.
        module = (
            copy.deepcopy(model.module_).cpu()
            if fitted
            else _untrained(model, source, target, train, streams)
        )
    facts = mix_facts(
        train,
        method,
        n_classes=n_classes,
        columns=source.columns,
        seed=streams.encode_seed,
    )
    n_epochs = model.max_epochs or _recipe(model, source, target, train).max_epochs
    context = MixContext(n_epochs // 2, n_epochs, module, **facts)
    batch, labels = train.sample(n)
    plan = method.draw(batch, labels, generator=streams.mix, context=context)
    is_table = isinstance(source, TableInput)
    inside = is_table or getattr(model.module, "mixes_inside", False)
    shown = _shown_targets(y, labels, target, n_classes)
    # Numbers in the units of the target: standardising commutes with blending. A class
    # for each of several outputs has no one blended form.
    mixable = labels if n_classes is not None else _as_tensor(shown, labels)
    one_tensor = labels.ndim == 1 or labels.is_floating_point()
    preview = MixPreview.of(
        method,
        plan,
        batch,
        mixable if one_tensor else None,
        n_classes=n_classes,
        mixes_inside=inside and not plan.pastes,
    )
    if plan.pool is not None:
        return preview  # Rows kept from elsewhere are not in the table.
    rows = table.iloc[:n] if hasattr(table, "iloc") else table[:n]
    frame = preview_table(
        preview, source, rows, shown, numeric_target=labels.is_floating_point()
    )
    return dataclasses.replace(preview, table=frame)


def _seed(random_state: Any) -> int:
    if random_state is None or random_state is np.random:
        return 0
    # A copy, or looking would move the generator of the caller.
    random = check_random_state(copy.deepcopy(random_state))
    return int(random.randint(np.iinfo(np.int32).max))


def _recipe(model: Any, source: Any, target: Any, train: ArrayData) -> Recipe:
    n_classes = model._n_classes(target)
    recipe: Recipe = model._recipe(len(train), "cpu", source.kind, n_classes)
    return recipe


def _needs_module(method: Method) -> bool:
    """Whether a method, or one inside it, looks at the net to draw."""
    # Methods with layers find their names in the net, HidMix the embedding's width.
    return any(
        part.reads_module or hasattr(part, "layers") or isinstance(part, HidMix)
        for part in method.walk()
        if isinstance(part, Method)
    )


def _untrained(
    model: Any, source: Any, target: Any, train: ArrayData, streams: TrainStreams
) -> torch.nn.Module:
    """Build the net as `fit` would, without the callbacks, which may write files."""
    plain = copy.copy(model)
    plain.callbacks = None
    recipe = _recipe(model, source, target, train)
    net = plain._build(source, target, recipe, "cpu", train)
    net.callbacks = "disable"
    with seeded_globals(streams.init_seed):
        initialize_net(
            net,
            select(train.X, slice(2)),
            train.y[:2],
            n_classes=model._n_classes(target),
            needs_rows=False,
            kind=model._target_kind(target),
        )
    module: torch.nn.Module = net.module_
    return module


def _shown_targets(
    y: Any, labels: torch.Tensor, target: Any, n_classes: int | None
) -> pd.DataFrame:
    """Return the targets of the batch as their owner knows them."""
    import pandas as pd

    if n_classes is not None and labels.ndim == 1:
        return pd.DataFrame({"y": target.classes_[labels.numpy()]})
    if n_classes is not None:
        names = (
            target.classes_ if target.kind == "soft" else getattr(y, "columns", None)
        )
        own = labels.numpy()
        values = own if labels.is_floating_point() else target.inverse_transform(own)
        return pd.DataFrame(values, columns=names)
    values = np.asarray(y, dtype=np.float64)[: len(labels)]
    return pd.DataFrame(
        values.reshape(len(labels), -1), columns=getattr(y, "columns", None)
    )


def _as_tensor(shown: pd.DataFrame, labels: torch.Tensor) -> torch.Tensor:
    return torch.tensor(shown.to_numpy()).reshape(labels.shape)
