"""matplotlib is an extra: asked for when something is drawn, by a clear error."""

from __future__ import annotations


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
