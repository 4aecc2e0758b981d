"""Our estimators as the suites on tables build them: nothing chosen but the preset."""

from __future__ import annotations

import inspect
from typing import Any

from benchmarks.tabular_data import TabularData


def build(
    data: TabularData,
    seed: int,
    threads: int,
    preset: str = "default",
    mixing: bool = True,
) -> Any:
    """Return `MixupClassifier` or `MixupRegressor`.

    Parameters
    ----------
    data, seed, threads :
        The threads of torch are set by the worker.
    preset : str
        A preset; ``"default"`` means the call without arguments.
    mixing : bool
        False: the call without `mix`, which does not mix tables. True: with
        ``mix="mixup"`` and its alpha of 0.2.

    Raises
    ------
    ImportError
        If this version of the library has no such preset.
    """
    from sk_mixup import MixupClassifier, MixupRegressor

    kind = MixupClassifier if data.is_classification else MixupRegressor
    settings: dict[str, Any] = {"random_state": seed}
    if preset != "default":
        if "preset" not in inspect.signature(kind).parameters:
            raise ImportError("this version of sk-mixup has no presets")
        settings["preset"] = preset
    if mixing:
        settings["mix"] = "mixup"
    return kind(**settings)
