"""A picture of quality against the time of a fit, a panel per main data set."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from benchmarks.suites.tabular_found import Found, loss_of
from benchmarks.suites.tabular_names import MAIN_SETS, MODELS, OURS

#: Colours that people with any colour vision tell apart (Okabe and Ito), per group.
COLOURS = {
    "boosting": "#0072B2",
    "mlps": "#999999",
    "nets": "#009E73",
    "nets-ll": "#56B4E9",
}
WITH_MIXING, WITHOUT_MIXING = "#D55E00", "#E69F00"
MARKERS = "osD^vP*X<>ph"


def draw(found: Found, file: Path) -> Path | None:
    """Draw losses against CPU seconds into a PNG file.

    A model far behind the others is drawn hollow at the upper edge of its panel, so
    that the others can be told apart.

    Returns
    -------
    file : Path or None
        None where nothing was measured, or matplotlib is missing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import FuncFormatter, NullFormatter
    except ImportError:
        return None
    sets = [data for data in MAIN_SETS if any(found.loss(data, m) for m in MODELS)]
    if not sets:
        return None
    n_columns = min(3, len(sets))
    n_rows = -(-len(sets) // n_columns)
    figure = Figure(figsize=(3.8 * n_columns, 3.0 * n_rows + 1.1), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True)
    axes = grid.ravel()
    handles: dict[str, Any] = {}
    for axis, data in zip(axes, sets, strict=False):
        top = _top(found, data)
        for model in found.models([data]):
            seconds = found.mean(data, model, "fit_cpu_seconds")
            loss = found.loss(data, model)
            if seconds is None or loss is None:
                continue
            colour, marker = _style(model)
            style = {"color": colour, "markersize": 7, "clip_on": False}
            if loss > top:
                style["fillstyle"] = "none"
            (handle,) = axis.plot(max(seconds, 0.01), min(loss, top), marker, **style)
            if loss <= top or MODELS[model].title not in handles:
                handles[MODELS[model].title] = handle
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.xaxis.set_tick_params(labelbottom=True)
        axis.set_title(data)
        metric = "RMSE" if loss_of(data) == "rmse" else "log-loss"
        axis.set_ylabel(f"{metric} of the test rows")
        axis.set_xlabel("CPU seconds of a fit")
        axis.grid(alpha=0.3)
    for axis in axes[len(sets) :]:
        axis.set_visible(False)
    figure.legend(
        list(handles.values()), list(handles), loc="outside lower center", ncols=4
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)
    return file


def _top(found: Found, data: str) -> float:
    """Return the largest loss that is drawn at its place."""
    losses = [found.loss(data, model) for model in found.models([data])]
    known = sorted(loss for loss in losses if loss is not None)
    best, middle = known[0], statistics.median(known)
    return best + 4.0 * (middle - best) if middle > best else known[-1]


def _style(model: str) -> tuple[str, str]:
    """Return the colour of a model's group, and its marker within it."""
    group = MODELS[model].group
    if group == OURS:
        is_mixed = model.startswith("mixup")
        same = [name for name in MODELS if name.startswith(model.split("-")[0])]
        colour = WITH_MIXING if is_mixed else WITHOUT_MIXING
        return colour, MARKERS[same.index(model)]
    same = [name for name in MODELS if MODELS[name].group == group]
    return COLOURS[group], MARKERS[same.index(model)]
