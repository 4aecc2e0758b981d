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

from sk_mixup.estimators._building import build_net
from sk_mixup.estimators._defaults import new_source, recipe_of
from sk_mixup.estimators._features import check_features
from sk_mixup.estimators._fitted import Fitted
from sk_mixup.estimators._intake import given_targets
from sk_mixup.estimators._settings import Settings
from sk_mixup.estimators.previews._table import preview_table
from sk_mixup.estimators.tasks import Task
from sk_mixup.inputs import SparseRows, SparseTableInput, TableInput
from sk_mixup.mixing import (
    HidMix,
    Method,
    MixContext,
    MixPlan,
    MixPreview,
    companions_of,
)
from sk_mixup.training import (
    ArrayData,
    PixelClasses,
    Recipe,
    TrainStreams,
    copied,
    initialize_net,
    mix_facts,
    seeded_globals,
    select,
)

if TYPE_CHECKING:
    import pandas as pd


def preview(estimator: Any, X: Any, y: Any, n: int) -> MixPreview:
    """Mix the first rows as `fit` would; see `BaseMixup.preview`.

    Parameters
    ----------
    estimator : MixupClassifier or MixupRegressor
        Fitted or not; it does not change.
    X, y : object
    n : int
    """
    if not isinstance(n, numbers.Integral) or isinstance(n, bool) or n < 1:
        raise ValueError(f"n must be an int of at least 1; got {n!r}.")
    before = estimator._fitted()
    settings = Settings.of(estimator, X)
    if settings.method is None:
        why = "" if settings.mix is None else " a table unless alpha is given"
        raise ValueError(
            f"mix={settings.mix!r} does not mix{why}, so there is nothing to preview."
            " Name a method, such as mix='mixup'; sk_mixup.mixing.list_methods() shows"
            " them all."
        )
    streams = TrainStreams(_seed(settings.random_state))
    with seeded_globals(streams.init_seed):
        return _draw(settings, settings.method, before, streams, X, y, int(n))


def _draw(
    settings: Settings,
    method: Method,
    before: Fitted | None,
    streams: TrainStreams,
    X: Any,
    y: Any,
    n: int,
) -> MixPreview:
    source = new_source(settings, streams, X)
    table = source.check(X)
    y = given_targets(settings.owner_name, table, y)
    check_consistent_length(table, y)
    if before is not None and type(before.source) is not type(source):
        before = None
    if before is not None:
        check_features(settings.owner, table, before.features)
        source, task = before.source, settings.tasks.of(before.task.target)
        x = source.transform(table)
    else:
        task = settings.tasks.fit(y, None, None)
        x = source.fit_transform(table)
    train = ArrayData(x, task.encode(y))
    if task.kind is not None:
        task.kind.check_method(method)
    module = None
    if _needs_module(method):
        # A copy: looking at gradients must leave nothing behind.
        module = (
            _untrained(settings, source, task, train, streams)
            if before is None
            else copied(before.net.module_).cpu()
        )
    n_classes = task.n_classes
    facts = mix_facts(
        train,
        method,
        n_classes=n_classes,
        columns=source.columns,
        seed=streams.encode_seed,
    )
    recipe = _recipe(settings, source, task, train)
    n_epochs = settings.max_epochs or recipe.max_epochs
    context = MixContext(n_epochs // 2, n_epochs, module, **facts)
    batch, labels = train.sample(n)
    if module is not None:
        # Of methods that learn, what they begin with.
        beginners = companions_of(
            method,
            module,
            batch,
            generator=torch.Generator().manual_seed(streams.init_seed),
        )
        context = dataclasses.replace(context, companions=beginners)
    plan = method.draw(batch, labels, generator=streams.mix, context=context)
    if isinstance(task.kind, PixelClasses):
        return _masked(method, plan, batch, labels, task.kind)
    is_table = isinstance(source, (TableInput, SparseTableInput))
    inside = is_table or getattr(settings.module, "mixes_inside", False)
    shown = _shown_targets(y, labels, task.target, n_classes)
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
    if isinstance(rows, SparseRows):
        rows = rows.read(slice(None)).numpy()
    frame = preview_table(
        preview, source, rows, shown, numeric_target=labels.is_floating_point()
    )
    return dataclasses.replace(preview, table=frame)


def _masked(
    method: Method, plan: MixPlan, batch: Any, masks: torch.Tensor, kind: PixelClasses
) -> MixPreview:
    """Show images and their masks; a mixed layer has none before the net runs."""
    preview = MixPreview.of(method, plan, batch)
    if plan.weighs_late:
        return preview
    mixed = plan.apply_masks(masks, kind.n_classes, ignore_index=kind.ignored)
    return dataclasses.replace(preview, targets=mixed)


def _seed(random_state: Any) -> int:
    if random_state is None or random_state is np.random:
        return 0
    # A copy, or looking would move the generator of the caller.
    random = check_random_state(copy.deepcopy(random_state))
    return int(random.randint(np.iinfo(np.int32).max))


def _recipe(settings: Settings, source: Any, task: Task, train: ArrayData) -> Recipe:
    return recipe_of(settings, len(train), "cpu", source.kind, task.n_classes)


def _needs_module(method: Method) -> bool:
    """Whether a method, or one inside it, looks at the net to draw."""
    # Methods with layers find their names in the net, HidMix the embedding's width.
    return any(
        part.reads_module or hasattr(part, "layers") or isinstance(part, HidMix)
        for part in method.walk()
        if isinstance(part, Method)
    )


def _untrained(
    settings: Settings, source: Any, task: Task, train: ArrayData, streams: TrainStreams
) -> torch.nn.Module:
    """Build the net as `fit` would, without the callbacks, which may write files."""
    plain = dataclasses.replace(settings, callbacks=None)
    recipe = _recipe(settings, source, task, train)
    net = build_net(plain, source, task, recipe, "cpu", train)
    net.callbacks = "disable"
    with seeded_globals(streams.init_seed):
        initialize_net(
            net,
            select(train.X, slice(2)),
            train.y[:2],
            n_classes=task.n_classes,
            needs_rows=False,
            kind=task.kind,
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
