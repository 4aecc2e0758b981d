"""Cells of ``methods --only images``: every method for images, on two nets."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.claims import scores
from benchmarks.claims.cell import Cell, Place
from benchmarks.claims.image_net import image_model
from benchmarks.claims.image_vit import vit_model
from benchmarks.claims.images import fitted, images_of
from benchmarks.claims.scales import QUICK, SCALES, Scale
from benchmarks.claims.ways import NONE
from benchmarks.peers.trainers import EpochMarks
from sk_mixup import MixupClassifier
from sk_mixup.mixing import list_methods

VIT = "vit"
#: Methods that by themselves repeat another one, and why.
REPEATS = {
    "per_key": "one input here, so it does what the method that it wraps does",
    "ma_mix": "as many images of each class here, so it does what remix does",
}
#: What a method cannot know of the net. The last map of the narrow net has 2 by 2
#: places: masks are learnt, and images aligned, on the 4 by 4 of the stage before.
SETTINGS: dict[str, dict[str, Any]] = {
    "align_mix": {"mix__layers": ["input", "stages.1"]},
    "attentive_mix": {"mix__layer": "stages.1"},
    "auto_mix": {"mix__layer": "stages.1"},
    "sa_mix": {"mix__layer": "stages.1"},
    "ad_auto_mix": {"mix__layer": "stages.1"},
    # Blocks of 4 by 4 pixels, as the transformer's.
    "token_mix": {"mix__grid": 8},
}
#: The last map has 4 by 4 places here. Aligning takes time with the square of them.
_WIDE: dict[str, dict[str, Any]] = {
    "align_mix": {"mix__layers": ["input", "stages.3"]},
    "auto_mix": {"mix__layer": "stages.2"},
    "sa_mix": {"mix__layer": "stages.2"},
    "ad_auto_mix": {"mix__layer": "stages.2"},
    "token_mix": {"mix__grid": 8},
}
N_TRIED = 60
#: A method whose first training takes more than so many times none's has two seeds.
COSTLY, SEEDS_OF_COSTLY = 4.0, 2


def scale_of(name: str, quick: bool) -> Scale:
    """Return the sizes: `long` epochs of all, and their seeds."""
    if quick:
        return replace(QUICK, name="methods quick", long=1)
    scale = SCALES[name]
    if name == "cpu":
        sizes: dict[str, Any] = {"n_train": 5_000, "n_tune": 1_000, "long": 40}
        return replace(scale, name="methods cpu", net="narrow", **sizes)
    # Half of CIFAR-10 is what the file holds.
    return replace(scale, name="methods full")


def nets_of(scale: Scale) -> tuple[str, str]:
    """Return the residual net and the transformer."""
    return scale.net, VIT


def candidates(net: str) -> list[str]:
    """Return the methods that are tried on a net.

    All on the residual net; on the transformer those that read attention, and what
    they are compared with.
    """
    methods = list_methods()
    if net != VIT:
        return list(methods)
    readers = [name for name, info in methods.items() if info.group == "attention"]
    return ["mixup", "cutmix", *readers]


def model_of(
    name: str, seed: int, scale: Scale, n_rows: int, net: str
) -> MixupClassifier:
    """Return the estimator, unfitted."""
    mix = None if name == NONE else name
    sizes: dict[str, Any] = {"n_rows": n_rows, "n_classes": 10, "epochs": scale.long}
    if net == VIT:
        return vit_model(mix, seed, **sizes)
    settings = _WIDE if net == "resnet18" else SETTINGS
    model = image_model(mix, seed, net=net, **sizes)
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
    model = model_of(name, 0, place.scale, N_TRIED, dict(cell.of)["net"])
    model.set_params(max_epochs=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(data.x_train[rows], data.y_train[rows])
    except Exception as error:
        # What is wrong, without what else could be done.
        words = " ".join(str(error).split()).split(". ")[0].rstrip(".")
        return {"reason": f"{type(error).__name__}: {words[:300]}."}
    return {"reason": None}


def trained(cell: Cell, place: Place) -> dict[str, Any]:
    """Train with a method, and score."""
    data = images_of(place)
    net = dict(cell.of)["net"]
    model = model_of(cell.setting, cell.seed, place.scale, len(data.y_train), net)
    model.set_params(callbacks=[("cpu", EpochMarks(time.process_time))])
    found: dict[str, Any] = fitted(model, data.x_train, data.y_train)
    marks = dict(model.net_.callbacks_)["cpu"].marks_
    # A first cell also loads data and libraries, outside the median epoch.
    found["epoch_cpu_seconds"] = float(np.median(np.diff(marks)))
    proba, tune = (model.predict_proba(x) for x in (data.x_test, data.x_tune))
    return found | scores.of_probabilities(data.y_test, proba, data.y_tune, tune)


def trials(scale: Scale) -> list[Cell]:
    """Return a trial of every method there is."""
    return [
        Cell("method trial", name, 0, (("net", net),))
        for net in nets_of(scale)
        for name in candidates(net)
    ]


def trainings(names: Mapping[str, Sequence[str]], scale: Scale) -> list[Cell]:
    """Return the trainings, the first seed of all methods before the second.

    Parameters
    ----------
    names : mapping of net to methods
    scale : Scale
    """
    return [
        Cell("method", name, seed, (("epochs", scale.long), ("net", net)))
        for seed in range(scale.image_seeds)
        for net in names
        for name in (NONE, *names[net])
    ]


def costs(found: Mapping[Cell, dict[str, Any]]) -> dict[Cell, float]:
    """Return the time of an epoch of each over that of none, of equal seed and net.

    Of the processor: a clock would count what else runs on the machine.
    """
    plain = {
        (cell.of, cell.seed): float(result["epoch_cpu_seconds"])
        for cell, result in found.items()
        if cell.setting == NONE
    }
    return {
        cell: float(result["epoch_cpu_seconds"]) / plain[cell.of, cell.seed]
        for cell, result in found.items()
        if (cell.of, cell.seed) in plain
    }


def is_spared(cell: Cell, found: Mapping[Cell, dict[str, Any]]) -> bool:
    """Whether a later seed is left out, for the first one took long."""
    if cell.seed < SEEDS_OF_COSTLY:
        return False
    return costs(found).get(replace(cell, seed=0), 0.0) > COSTLY
