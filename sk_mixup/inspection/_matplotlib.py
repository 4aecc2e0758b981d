"""matplotlib is an extra: asked for when something is drawn, by a clear error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def require_matplotlib(name: str) -> None:
    """Raise an ImportError that says what to install.

    Parameters
    ----------
    name : str
        What the message calls the display.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{name} draws with matplotlib, which is not installed. Install it with:"
            " pip install 'sk-mixup[plots]'"
        ) from error


def new_axes(size: tuple[float, float]) -> Axes:
    """Return the axes of a new figure of this size, in inches."""
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax
