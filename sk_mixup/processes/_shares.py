"""Which process takes which rows."""

from __future__ import annotations


def share(n_rows: int, rank: int, size: int) -> slice:
    """Return the rows that a process takes of some that all have.

    Parameters
    ----------
    n_rows : int
    rank, size : int
        Number of the process, and of all.
    """
    return slice(n_rows * rank // size, n_rows * (rank + 1) // size)


def share_of_batch(n_rows: int, rank: int, size: int) -> slice:
    """Return the rows of a batch that a process takes: two at least, or none.

    A row alone has no partner, and batch normalisation no variance of it: of a small
    batch, the first processes alone take rows.

    Parameters
    ----------
    n_rows : int
        Of the batch.
    rank, size : int
    """
    taking = min(size, max(1, n_rows // 2))
    if rank >= taking:
        return slice(n_rows, n_rows)
    return share(n_rows, rank, taking)


def even_bounds(n_rows: int, n_batches: int) -> list[tuple[int, int]]:
    """Return where batches of nearly one size begin and end.

    Parameters
    ----------
    n_rows : int
        Of this process.
    n_batches : int
        At most; fewer where some would have a single row.
    """
    n_batches = min(n_batches, max(1, n_rows // 2)) if n_rows else 0
    parts = (share(n_rows, i, n_batches) for i in range(n_batches))
    return [(part.start, part.stop) for part in parts]
