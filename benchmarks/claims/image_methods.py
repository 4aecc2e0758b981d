"""Cells of ``methods --only images``: every method for images, one net each."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

from benchmarks.claims import scores
from benchmarks.claims.cell import Cell, Place
from benchmarks.claims.image_net import image_model
from benchmarks.claims.images import fitted, images_of
from benchmarks.claims.scales import QUICK, SCALES, Scale
from benchmarks.claims.ways import NONE
from sk_mixup import MixupClassifier
from sk_mixup.mixing import list_methods

#: Methods that by themselves repeat another one, and why.
REPEATS = {"per_key": "one input here, so it does what the method that it wraps does"}
#: What a method cannot know of the net. Aligning takes time with the square of the
#: places: meant for the last feature map, and the input, which is not aligned.
SETTINGS: dict[str, dict[str, Any]] = {
    "align_mix": {"mix__layers": ["input", "stages.2"]}
}
_WIDE = {"align_mix": {"mix__layers": ["input", "stages.3"]}}
N_TRIED = 60


def scale_of(name: str, quick: bool) -> Scale:
    """Return the sizes: `long` epochs of all, and their seeds."""
    if quick:
        return replace(QUICK, name="methods quick", long=1)
    scale = SCALES[name]
    if name == "cpu":
        sizes: dict[str, Any] = {"n_train": 5_000, "n_tune": 1_000, "long": 40}
        return replace(scale, name="methods cpu", net="small", **sizes)
    # Half of CIFAR-10 is what the file holds.
    return replace(scale, name="methods full")


def model_of(name: str, seed: int, scale: Scale, n_rows: int) -> MixupClassifier:
    """Return the estimator, unfitted."""
    model = image_model(
        None if name == NONE else name,
        seed,
        net=scale.net,
        n_rows=n_rows,
        n_classes=10,
        epochs=scale.long,
    )
    settings = _WIDE if scale.net == "resnet18" else SETTINGS
    return model.set_params(**settings.get(name, {}))


def trial(cell: Cell, place: Place) -> dict[str, Any]:
    """Return what the library says against a method on images; None: nothing.

    A training of one epoch on a few images: the library itself knows what fits (a net
    with attention, a target that is a number), and a list of it would grow old.
    """
    name = cell.setting
    if name in REPEATS:
        return {"reason": REPEATS[name]}
    data = images_of(place)
    rows = slice(min(N_TRIED, len(data.y_train)))
    model = model_of(name, 0, place.scale, N_TRIED)
    model.set_params(max_epochs=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(data.x_train[rows], data.y_train[rows])
    except Exception as error:
        words = " ".join(str(error).split())
        return {"reason": f"{type(error).__name__}: {words[:300]}"}
    return {"reason": None}


def trained(cell: Cell, place: Place) -> dict[str, Any]:
    """Train with a method, and score."""
    data = images_of(place)
    model = model_of(cell.setting, cell.seed, place.scale, len(data.y_train))
    found: dict[str, Any] = fitted(model, data.x_train, data.y_train)
    proba, tune = (model.predict_proba(x) for x in (data.x_test, data.x_tune))
    return found | scores.of_probabilities(data.y_test, proba, data.y_tune, tune)


def trials() -> list[Cell]:
    """Return a trial of every method there is."""
    return [Cell("method trial", name, 0) for name in list_methods()]


def trainings(names: list[str], scale: Scale) -> list[Cell]:
    """Return the trainings, the first seed of all methods before the second."""
    return [
        Cell("method", name, seed, (("epochs", scale.long),))
        for seed in range(scale.image_seeds)
        for name in (NONE, *names)
    ]
