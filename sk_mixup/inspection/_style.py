"""One look for all pictures: colours, sizes, and legends that stand beside the data.

Every colour is told from white and from near-black by 3 : 1 or more, so that a picture
can be read on a light and on a dark background. What is neutral takes the colours that
the axes have, whatever style is in use. `pictures.mplstyle` is the same for pictures of
one's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREEN = "#3b7dd8", "#cf6a1a", "#2a9163"
PURPLE, RED, BROWN = "#9a63c9", "#c94f5d", "#8c7330"
GREY = "#808080"
#: In the order in which several models are drawn.
COLORS = (BLUE, ORANGE, GREEN, PURPLE, RED, BROWN)

TITLE, LABEL, SMALL = "medium", "medium", "small"
# Of a legend, in shares of its font size.
_HANDLE, _COLUMN, _LINE = 2.2, 1.4, 1.7
# Points between ticks, their labels and what stands below.
_GAP = 4.0


def figure_size(columns: int = 1, rows: float = 1) -> tuple[float, float]:
    """Return the size of a figure of so many panels, in inches."""
    return 0.8 + 4.8 * columns, 0.9 + 3.2 * rows


def next_color(ax: Axes) -> str:
    """Return a colour that no line of the axes has yet."""
    from matplotlib.colors import to_hex

    used = [to_hex(line.get_color()) for line in ax.lines]
    free = [color for color in COLORS if color not in used]
    return free[0] if free else COLORS[len(used) % len(COLORS)]


def foreground(ax: Axes) -> Any:
    """Return the colour of the text of the axes."""
    return ax.xaxis.label.get_color()


def background(ax: Axes) -> Any:
    """Return the colour that the axes are filled with."""
    return ax.get_facecolor()


def dress(ax: Axes, *, legend: bool = True) -> None:
    """Give axes that were drawn on the common look.

    Parameters
    ----------
    ax : matplotlib Axes
    legend : bool, default=True
        Whether its labels make a legend, below.
    """
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color=GREY, alpha=0.2, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=SMALL)
    ax.xaxis.label.set_fontsize(LABEL)
    ax.yaxis.label.set_fontsize(LABEL)
    if legend:
        legend_below(ax)


def legend_below(ax: Axes, labelled: Axes | None = None) -> None:
    """Put a legend under the axes, so that it covers nothing that is drawn in them.

    A layout engine makes room for it; without one the axes give up some of theirs.

    Parameters
    ----------
    ax : matplotlib Axes
        Under which it stands.
    labelled : matplotlib Axes, default=None
        Whose lines it names; by default those of `ax`.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.transforms import ScaledTranslation

    handles, labels = (labelled or ax).get_legend_handles_labels()
    if not handles:
        return
    size = FontProperties(size=SMALL).get_size_in_points()
    figure = ax.figure
    room = ax.get_window_extent().width / figure.dpi * 72
    n_columns = _columns([_width(label, size) for label in labels], room)
    drop = _height_of_ticks(ax, size)
    ax.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(0.0, 0.0),
        bbox_transform=ax.transAxes
        + ScaledTranslation(0.0, -drop / 72, figure.dpi_scale_trans),
        ncols=n_columns,
        frameon=False,
        fontsize=SMALL,
        borderaxespad=0.0,
        handlelength=_HANDLE - 0.6,
        columnspacing=_COLUMN,
    )
    lines = -(-len(labels) // n_columns)
    _make_room(ax, lines * _LINE * size + _GAP)


def _width(label: str, size: float) -> float:
    """Return the width of an entry of a legend, in points."""
    from matplotlib.textpath import TextPath

    text = TextPath((0, 0), label, size=size).get_extents().width
    return float(text) + (_HANDLE + _COLUMN) * size


def _columns(widths: list[float], room: float) -> int:
    """Return the most columns that fit; entries go down a column and then on."""
    for lines in range(1, len(widths)):
        n = -(-len(widths) // lines)
        # As matplotlib divides them: the first columns have one more.
        columns = np.array_split(widths, n)
        if sum(column.max() for column in columns) <= room:
            return n
    return 1


def _height_of_ticks(ax: Axes, size: float) -> float:
    """Return how far ticks, their labels and that of the axis reach down, in points."""
    from matplotlib.font_manager import FontProperties

    if not ax.xaxis.get_tick_params().get("labelbottom", True):
        return _GAP
    label = 0.0
    if ax.get_xlabel():
        medium = FontProperties(size=LABEL).get_size_in_points()
        label = _GAP + 1.3 * medium * len(ax.get_xlabel().splitlines())
    return 2 * _GAP + 1.2 * size + label + _GAP


def _make_room(ax: Axes, points: float) -> None:
    place = ax.get_subplotspec()
    # A subfigure will do as well, whatever the stubs say.
    figure: Any = ax.figure
    if figure.get_layout_engine() is not None or place is None:
        return
    cell = place.get_position(figure)
    height = figure.get_window_extent().height / figure.dpi * 72
    raised = min(points / height, 0.7 * cell.height)
    ax.set_position((cell.x0, cell.y0 + raised, cell.width, cell.height - raised))


def stacked(ax: Axes, heights: tuple[float, ...]) -> list[Axes]:
    """Divide axes into panels, one below the other, that share their x axis.

    Parameters
    ----------
    ax : matplotlib Axes
        The uppermost of them afterwards.
    heights : tuple of float
        Relative to each other.

    Returns
    -------
    panels : list of matplotlib Axes
        From the top; all but the last have no numbers below.
    """
    place = ax.get_subplotspec()
    panels = [ax]
    if place is not None:
        rows = place.subgridspec(len(heights), 1, height_ratios=heights)
        ax.set_subplotspec(rows[0])
        for i in range(1, len(heights)):
            panels.append(ax.figure.add_subplot(rows[i], sharex=ax))
    else:
        # Axes put anywhere by hand have no cell that could be divided.
        from mpl_toolkits.axes_grid1 import make_axes_locatable

        divider = make_axes_locatable(ax)
        for height in heights[1:]:
            percent = f"{100 * height / heights[0]:.0f}%"
            panels.append(
                divider.append_axes("bottom", size=percent, pad=0.35, sharex=ax)
            )
    for panel in panels[:-1]:
        panel.tick_params(labelbottom=False)
    return panels
