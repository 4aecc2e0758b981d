"""How one sample, one value and one set of axes are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sk_mixup.inspection._style import COLORS
from sk_mixup.mixing import MixPreview

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

PARTS = ("own", "partner", "mixed")


def frame_cells(table: Any) -> dict[str, Any]:
    cells: dict[str, Any] = {"names": list(table["own"].columns)}
    for part in PARTS:
        if part in table:
            cells[part] = table[part].astype(object).to_numpy().tolist()
    return cells


def tensor_cells(preview: MixPreview) -> dict[str, Any]:
    cells: dict[str, Any] = {"names": [f"x{j}" for j in range(preview.x.shape[1])]}
    values = preview.own, preview.partners, preview.mixed
    for part, value in zip(PARTS, values, strict=True):
        if value is not None:
            cells[part] = as_array(value).tolist()
    return cells


def as_text(value: Any) -> str:
    # NaN differs from itself; pandas.NA gives no bool.
    if value is None or type(value).__name__ == "NAType" or value != value:
        return "missing"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return str(value).replace(", ", ",\n")


def count_lines(row: list[str]) -> int:
    return max(text.count("\n") for text in row) + 1


def as_array(t: torch.Tensor) -> NDArray[Any]:
    t = t.detach().cpu()
    return (t.float() if t.dtype == torch.bfloat16 else t).numpy()


def find_bounds(own: NDArray[Any], partner: NDArray[Any]) -> tuple[float, float]:
    """Return the values of black and white: those of a known scale, if they fit."""
    if own.dtype == np.uint8:
        return 0.0, 255.0
    low = float(min(own.min(), partner.min()))
    high = float(max(own.max(), partner.max()))
    return (0.0, 1.0) if low >= 0.0 and high <= 1.0 else (low, high)


def draw_sample(ax: Axes, value: NDArray[Any], low: float, high: float) -> None:
    """Draw a sequence, an image or the middle slice of a volume."""
    ax.set(xticks=[], yticks=[])
    if value.ndim == 2:
        for channel, line in enumerate(value):
            ax.plot(line, linewidth=0.9, color=COLORS[channel % len(COLORS)])
        margin = 0.05 * (high - low)
        ax.set_ylim(low - margin, high + margin)
        return
    for side in ax.spines.values():
        side.set_visible(False)
    if value.ndim == 4:
        value = value[:, value.shape[1] // 2]
    unit = (value.astype(np.float64) - low) / ((high - low) or 1.0)
    if len(value) == 3:
        ax.imshow(unit.clip(0.0, 1.0).transpose(1, 2, 0))
    else:
        ax.imshow(unit.mean(0), cmap="gray", vmin=0.0, vmax=1.0)


def new_grid(ax: Axes | None, n_rows: int, n_columns: int) -> tuple[NDArray[Any], Any]:
    """Return axes, and the function that writes the title above them."""
    import matplotlib.pyplot as plt

    if ax is None:
        figure, axes = plt.subplots(
            n_rows,
            n_columns,
            figsize=(1.45 * n_columns + 0.4, 1.65 * n_rows + 0.4),
            layout="constrained",
            squeeze=False,
        )
        return axes, figure.suptitle
    ax.axis("off")
    axes = np.empty((n_rows, n_columns), dtype=object)
    for r in range(n_rows):
        for c in range(n_columns):
            place = (c / n_columns, 1 - (r + 1) / n_rows)
            size = (0.94 / n_columns, 0.84 / n_rows)
            axes[r, c] = ax.inset_axes((*place, *size))
    return axes, ax.set_title
