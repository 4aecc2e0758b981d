"""The history of a training, which a notebook shows as a table."""

from __future__ import annotations

from typing import Any

from skorch.history import History

#: More epochs than these are shown without their middle.
_SHOWN = 12
_OF_BATCHES = ("batches", "train_batch_count", "valid_batch_count")


class Epochs(History):
    """skorch's history; the last expression of a notebook's cell becomes a table."""

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        """Keep the losses of all batches, which `repr` lists, out of a notebook."""
        text = f"{len(self)} epochs, as a table: history_frame()"
        return {"text/plain": text, "text/html": self._repr_html_()}

    def _repr_html_(self) -> str:
        """Return the first and the last epochs."""
        import pandas as pd

        rows: list[dict[str, Any]] = [
            {k: v for k, v in epoch.items() if k not in _OF_BATCHES} for epoch in self
        ]
        if not rows:
            return "<p>no epochs yet</p>"
        frame = pd.DataFrame(rows).set_index("epoch")
        html: str = frame.to_html(
            max_rows=_SHOWN, float_format=lambda value: f"{value:.4g}", na_rep=""
        )
        return f"{html}<p>{len(rows)} epochs</p>"
