"""What the settings that were left open mean: recipe, input, random streams."""

from __future__ import annotations

import dataclasses
import secrets
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sk_mixup import inputs
from sk_mixup.estimators._settings import Settings
from sk_mixup.training import (
    Recipe,
    TrainStreams,
    bundled_net,
    image_recipe,
    input_kind,
    module_recipe,
    table_recipe,
    text_recipe,
    tuning_recipe,
)


def new_streams(settings: Settings) -> TrainStreams:
    """Return the random streams of a training that begins."""
    if settings.random_state is None:
        # NumPy's global state, scikit-learn's None, would move.
        return TrainStreams(secrets.randbits(31))
    random_state = check_random_state(settings.random_state)
    return TrainStreams(int(random_state.randint(np.iinfo(np.int32).max)))


def new_source(settings: Settings, streams: TrainStreams, X: Any) -> Any:
    """Return what will read `X` for the module, not fitted yet."""
    name = settings.owner_name
    kind = input_kind(settings.module, X)
    if kind == "table":
        features, seed = settings.categorical_features, streams.encode_seed
        if inputs.is_sparse(X):
            return inputs.SparseTableInput(settings.module, features, seed, name)
        return inputs.TableInput(features, seed, name)
    if kind == "array":
        net: Any = bundled_net(settings.module)
        return inputs.ShapedInput(
            name, settings.module, net.input_axes, net.input_shape
        )
    if kind == "text":
        return inputs.TextInput(name)
    if kind == "bags":
        return inputs.BagInput(name)
    return inputs.ArrayInput(name)


def collate_of(settings: Settings) -> Any:
    """Return what joins the items of a data set, where the user says it."""
    given = getattr(settings.module, "iterator_train__collate_fn", None)
    return settings.under("iterator_train").get("collate_fn", given)


def recipe_of(
    settings: Settings,
    n_rows: int,
    device: str,
    kind: str,
    n_classes: int | None = None,
    *,
    folds: bool = False,
) -> Recipe:
    """Return the recipe of a training.

    Parameters
    ----------
    settings : Settings
    n_rows : int
        Training rows.
    device : str
    kind : str
        Of the input.
    n_classes : int or None
        None: numbers.
    folds : bool
        Whether members of the net leave out folds.
    """
    if kind == "table":
        net: Any = bundled_net(settings.module, kind)
        changes = getattr(net, "recipe_changes", {})
        recipe = table_recipe(
            n_rows, device, n_classes=n_classes, preset=settings.preset, folds=folds
        )
        return dataclasses.replace(recipe, **changes)
    loads = settings.prefixed.get("module__pretrained", False)
    if loads and bundled_net(settings.module) is not None:
        return tuning_recipe(device)
    if kind in ("array", "bags"):
        return image_recipe(n_rows, device)
    if kind == "text":
        return text_recipe(n_rows, device)
    return module_recipe(device)
