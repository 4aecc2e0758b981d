"""A progress bar for notebooks that is there when the page is read later.

tqdm's own is a widget: a notebook that was executed or exported shows none of it. This
one is a line of text, changed in place and kept with the outputs of its cell.
"""

from __future__ import annotations

import html
import io
import sys
from typing import Any


def in_notebook() -> bool:
    """Whether a kernel of Jupyter runs this, and can show outputs."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


class NotebookLine:
    """A line of text among the outputs of a cell: changed in place, and kept."""

    def __init__(self) -> None:
        self._shown: Any = None

    def show(self, text: str) -> None:
        """Put this text in the place of the last one."""
        from IPython.display import display

        bundle = {"text/plain": text, "text/html": f"<pre>{html.escape(text)}</pre>"}
        if self._shown is None:
            self._shown = display(bundle, raw=True, display_id=True)
        else:
            self._shown.update(bundle, raw=True)


def notebook_bar(**options: Any) -> Any:
    """Return a bar of tqdm that a notebook shows as text and keeps."""
    from tqdm import tqdm

    line = NotebookLine()

    class NotebookBar(tqdm):
        """tqdm's text, as an output of the cell."""

        def display(self, msg: str | None = None, pos: int | None = None) -> None:
            """Change the output of the cell."""
            text = str(self) if msg is None else msg
            if text:  # tqdm clears a line before it leaves it
                line.show(text)

        def close(self) -> None:
            """Show the end."""
            if not self.disable:
                self.display()
            super().close()

    return NotebookBar(file=io.StringIO(), leave=True, ncols=80, ascii=False, **options)
