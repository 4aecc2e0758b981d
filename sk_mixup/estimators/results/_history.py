"""What a training has recorded, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

# skorch's own bookkeeping, below the epochs.
_OF_BATCHES = ("batches", "train_batch_count", "valid_batch_count")


def history_frame(history: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a row per epoch.

    Parameters
    ----------
    history : skorch.history.History
        Or a list of dicts.
    """
    rows = [
        {key: value for key, value in epoch.items() if key not in _OF_BATCHES}
        for epoch in history
    ]
    return pd.DataFrame(rows)
