"""A picture of the alphas that were found, by the rows and the noise of a table."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.metatune_data import SOURCES
from benchmarks.suites.metatune_tables import Found

PLOT = "metatune_alpha.png"
#: Effects beyond this are drawn like it.
_MOST = 0.1


def draw(
    found: Found, targets: Callable[[str], NDArray[Any]], file: Path
) -> Path | None:
    """Draw a point per table: rows, noise, what was chosen and what it gained.

    Noise is what the default cannot say of the target: its loss over that of a
    prediction which knows the target's distribution alone.

    Parameters
    ----------
    found : Found
    targets : callable
        From the name of a table to its target.
    file : Path

    Returns
    -------
    file : Path or None
        None where nothing is known, or matplotlib is missing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None
    tables = found.tables(["default", "alpha=0"])
    if not tables:
        return None
    figure = Figure(figsize=(8.4, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    effects = [effect(found, table) for table in tables]
    places = {
        table: (
            found.mean(table, "default", "n_rows") or 1.0,
            noise(found, table, targets(table)),
        )
        for table in tables
    }
    points = axis.scatter(
        *zip(*(places[table] for table in tables), strict=True),
        s=[30 + 400 * mixing(found, table) for table in tables],
        c=np.clip(effects, -_MOST, _MOST),
        cmap="PuOr",
        vmin=-_MOST,
        vmax=_MOST,
        edgecolors="0.3",
    )
    # Many tables have as many rows: their names stand left and right in turns.
    for i, table in enumerate(sorted(tables, key=lambda t: places[t][1])):
        side, where = ((9, "left"), (-9, "right"))[i % 2]
        axis.annotate(
            table,
            places[table],
            (side, 0),
            textcoords="offset points",
            ha=where,
            va="center",
            fontsize=7,
            color="0.25",
        )
    axis.set_xscale("log")
    axis.set_xlabel("training rows")
    axis.set_ylabel("noise: loss / loss of the target's distribution")
    axis.set_title("alpha found out: larger points mixed more", fontsize=10)
    axis.margins(0.15)
    bar = figure.colorbar(points, ax=axis, format=lambda v, _: f"{100 * v:+.0f} %")
    bar.set_label("loss against alpha=0")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)
    return file


def effect(found: Found, table: str) -> float:
    """Return the change of the loss by finding out, mean over splits."""
    auto, none = found.values(table, "default"), found.values(table, "alpha=0")
    return statistics.fmean(auto[s] / none[s] - 1.0 for s in auto.keys() & none.keys())


def mixing(found: Found, table: str) -> float:
    """Return the mean alpha of members and splits."""
    alphas = found.values(table, "default", "alpha_").values()
    return statistics.fmean(float(np.mean(alpha)) for alpha in alphas)


def noise(found: Found, table: str, y: NDArray[Any]) -> float:
    """Return the loss of the default over that of the target's distribution."""
    loss = found.mean(table, "default") or 0.0
    if not SOURCES[table].is_classification:
        return loss / float(np.std(y))
    shares = np.bincount(y) / len(y)
    shares = shares[shares > 0]
    return loss / float(-(shares * np.log(shares)).sum())
