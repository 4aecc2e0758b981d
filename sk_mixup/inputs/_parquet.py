"""Tables in Parquet files, read a part at a time."""

from __future__ import annotations

import numbers
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sk_mixup.inputs._parquet_files import (
    RowGroup,
    listed_files,
    look_at,
    need_pyarrow,
)

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

# Rows of a piece; row groups that are open at a time, and of large ones, each of which
# takes a page and a dictionary per column; what a reader holds of each of these.
_PIECE_ROWS = 16_384
_OPEN_GROUPS, _OPEN_LARGE, _OPEN_ROWS = 8, 4, 2**22
_BUFFER_BYTES = 2**18
# Rows that are predicted at a time: those of `BaseMixup`.
_FRAME_ROWS = 65_536


class ParquetRows:
    """Rows of Parquet files, which may be more than memory holds.

    `fit`, `partial_fit`, `predict`, `predict_proba` and `score` of the estimators take
    it as `X`, with no `y`. Files of up to `window` rows are read whole, and used as the
    DataFrame that they are. Of more, `fit` reads a sample of 200 000 rows, by which
    numbers are scaled, and runs once over all rows, for what must be exact: categories,
    classes, ranges, missing values. Every epoch reads the files anew: row groups in a
    random order, several open at a time, whose rows are shuffled in a window, by
    readers that run ahead of the training.

    Parameters
    ----------
    path : path-like or list of path-like
        A file, a folder (with all files below it that end with .parquet or .pq) or
        several of these. All files need the columns asked for, of one type.
    columns : list of str or None, default=None
        Features; None: all but the target.
    target : str or None, default=None
        Column to predict; None: there is none, as for `predict`.
    window : int, default=500_000
        Rows that are shuffled together.
    readers : int, default=2
        Threads that read, decode and encode.

    Attributes
    ----------
    shape : tuple of int
        ``(n_rows, n_columns)``, the target not counted.

    Raises
    ------
    ImportError
        Without pyarrow.
    ValueError
        If there are no such files, columns or rows, or files differ in a column.

    Notes
    -----
    Of more rows than `window`, validation rows are drawn at random from all files, at
    most 200 000, and kept in memory; no other order or weight of rows can be had:
    `sample_weight`, `groups` and `class_weight` are refused. Cross-validation needs
    rows that can be picked, which `read` gives.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sk_mixup import MixupClassifier
    >>> from sk_mixup.inputs import ParquetRows
    >>> folder = tempfile.mkdtemp()
    >>> frame = pd.DataFrame({"age": np.arange(80.0), "job": ["cook", "smith"] * 40})
    >>> frame["old"] = frame["age"] > 40
    >>> frame.to_parquet(f"{folder}/people.parquet", row_group_size=20)
    >>> rows = ParquetRows(folder, target="old", window=40)
    >>> rows
    ParquetRows(80 rows of 2 columns in 1 file, target='old')
    >>> model = MixupClassifier("mlp", max_epochs=5, random_state=0).fit(rows)
    >>> model.predict(rows).shape
    (80,)
    """

    ndim = 2

    def __init__(
        self,
        path: Any,
        *,
        columns: Sequence[str] | None = None,
        target: str | None = None,
        window: int = 500_000,
        readers: int = 2,
    ) -> None:
        for name, value in (("window", window), ("readers", readers)):
            if not isinstance(value, numbers.Integral) or isinstance(value, bool):
                raise TypeError(f"{name} must be an int of at least 1; got {value!r}.")
            if value < 1:
                raise ValueError(f"{name} must be an int of at least 1; got {value}.")
        wanted = _names(columns, target)
        self.path = path
        self.target = target
        self.window = int(window)
        self.readers = int(readers)
        self.files = listed_files(path)
        found = look_at(self.files, wanted, target)
        self.columns = [name for name in found.kinds if name != target]
        self.kinds = found.kinds
        self.groups = found.groups
        self._stamps = found.stamps

    def __len__(self) -> int:
        last = self.groups[-1]
        return last.start + last.n_rows

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return len(self), len(self.columns)

    @property
    def fits_window(self) -> bool:
        """Whether all rows are shuffled together, and read as one table."""
        return len(self) <= self.window

    def read(self) -> pd.DataFrame:
        """Return all rows of the features as one DataFrame."""
        return joined_frames([frame for frame, _ in self.frames()])

    def read_all(self) -> tuple[pd.DataFrame, pd.Series]:
        """Return features and target of all rows."""
        frames, targets = zip(*self.frames(), strict=True)
        return joined_frames(list(frames)), joined_frames(list(targets))

    def read_target(self) -> pd.Series:
        """Return the target of all rows.

        Raises
        ------
        ValueError
            If there is no target, or it is missing in a row.
        """
        self.check_has_target()
        only = self._of([], with_target=True)
        return joined_frames([y for _, y in only.frames()])

    def check_has_target(self) -> None:
        """Check that a target was named.

        Raises
        ------
        ValueError
        """
        if self.target is None:
            raise ValueError(
                "X: ParquetRows has no target. Say ParquetRows(path, target='NAME')."
            )

    def without_target(self) -> ParquetRows:
        """Return the same rows without their target, which need not be read."""
        return self._of(self.columns, with_target=False)

    def _of(self, columns: list[str], *, with_target: bool) -> ParquetRows:
        other = ParquetRows.__new__(ParquetRows)
        vars(other).update(vars(self))
        other.columns = columns
        other.target = self.target if with_target else None
        return other

    def frames(
        self, n_rows: int = _FRAME_ROWS
    ) -> Iterator[tuple[pd.DataFrame, pd.Series | None]]:
        """Yield all rows in order, in tables of so many rows; the last has the rest.

        The next one is read while somebody works on the one before it.
        """
        batches = self._batches(self.groups, n_rows)
        with ThreadPoolExecutor(1) as reader:
            ahead: Future[Any] = reader.submit(next, batches, None)
            while (table := ahead.result()) is not None:
                ahead = reader.submit(next, batches, None)
                yield self._frame(table)

    def head(self) -> tuple[pd.DataFrame, pd.Series | None]:
        """Return the first rows."""
        return self._frame(next(self._batches(self.groups[:1], 1024)))

    def pieces(
        self,
        make: Callable[[int, pd.DataFrame, pd.Series | None], T],
        order: Sequence[int] | None = None,
    ) -> Generator[T, None, None]:
        """Yield what is made of pieces of a few thousand rows, by readers ahead.

        Several row groups are open, and their pieces come in turns; the order depends
        on nothing but the order of the groups.

        Parameters
        ----------
        make : callable
            Is given the number of a piece's first row, features and target, in a
            thread of a reader.
        order : sequence of int or None
            Of the row groups; None: as they stand.
        """
        numbers_ = range(len(self.groups)) if order is None else order
        waiting = deque(self.groups[i] for i in numbers_)
        largest = max(group.n_rows for group in self.groups)
        most = max(_OPEN_LARGE, min(_OPEN_GROUPS, _OPEN_ROWS // largest))
        readers = ThreadPoolExecutor(self.readers, "sk_mixup-reader")

        def next_of(stream: Iterator[tuple[int, Any]]) -> T | None:
            found = next(stream, None)
            return None if found is None else make(found[0], *self._frame(found[1]))

        def opened(group: RowGroup) -> tuple[Any, Future[T | None]]:
            stream = self._stream(group)
            return stream, readers.submit(next_of, stream)

        try:
            open_: deque[tuple[Any, Future[T | None]]] = deque()
            while waiting or open_:
                while waiting and len(open_) < most:
                    open_.append(opened(waiting.popleft()))
                stream, future = open_.popleft()
                made = future.result()
                if made is None:
                    if waiting:
                        open_.append(opened(waiting.popleft()))
                    continue
                open_.append((stream, readers.submit(next_of, stream)))
                yield made
        finally:
            readers.shutdown(wait=True, cancel_futures=True)

    def where(self, row: int) -> str:
        """Return what messages call a row, by its number over all files."""
        starts = [group.start for group in self.groups]
        group = self.groups[int(np.searchsorted(starts, row, side="right")) - 1]
        first = next(g.start for g in self.groups if g.path == group.path)
        return f"row {row - first} of {group.path}"

    # -- reading ----------------------------------------------------------------------

    def _stream(self, group: RowGroup) -> Iterator[tuple[int, Any]]:
        """Yield number of the first row, and rows, of the pieces of a row group."""
        start = group.start
        for batch in self._opened(group, _PIECE_ROWS):
            if batch.num_rows:
                yield start, batch
                start += batch.num_rows

    def _batches(self, groups: Sequence[RowGroup], n_rows: int) -> Iterator[Any]:
        """Yield Arrow tables of so many rows of row groups in order."""
        import pyarrow

        kept: list[Any] = []
        count = 0
        for group in groups:
            for batch in self._opened(group, min(n_rows, _FRAME_ROWS)):
                kept.append(pyarrow.Table.from_batches([batch]))
                count += batch.num_rows
                while count >= n_rows:
                    whole = pyarrow.concat_tables(kept, promote_options="default")
                    yield whole.slice(0, n_rows)
                    kept, count = [whole.slice(n_rows)], count - n_rows
        if count:
            yield pyarrow.concat_tables(kept, promote_options="default")

    def _opened(self, group: RowGroup, n_rows: int) -> Iterator[Any]:
        parquet = need_pyarrow()
        names = [*self.columns, *([] if self.target is None else [self.target])]
        texts = [name for name in names if self.kinds[name] == "string"]
        with parquet.ParquetFile(
            group.path,
            read_dictionary=texts,
            buffer_size=_BUFFER_BYTES,
            pre_buffer=False,
        ) as file:
            yield from file.iter_batches(
                n_rows, row_groups=[group.number], columns=names, use_threads=False
            )

    def _cast(self, table: Any) -> Any:
        """Return a table whose columns pandas reads as the same in every piece."""
        import pyarrow

        for i, field in enumerate(table.schema):
            kind, column = field.type, table.column(i)
            if pyarrow.types.is_null(kind) and self.kinds[field.name] != "null":
                column = _nulls(column, self.kinds[field.name])
            if pyarrow.types.is_boolean(column.type) and column.null_count:
                # pandas would make objects of them; they are numbers all the same.
                column = column.cast(pyarrow.uint8()).cast(pyarrow.float32())
            elif pyarrow.types.is_decimal(kind):
                column = column.cast(pyarrow.float64())
            if column is not table.column(i):
                table = table.set_column(i, field.name, column)
        return table

    def _frame(self, table: Any) -> tuple[pd.DataFrame, pd.Series | None]:
        """Return features and target of rows of Arrow."""
        import pyarrow

        if isinstance(table, pyarrow.RecordBatch):
            table = pyarrow.Table.from_batches([table])
        table = self._cast(table).unify_dictionaries()
        frame: pd.DataFrame = table.to_pandas(
            strings_to_categorical=True, ignore_metadata=True, split_blocks=True
        )
        if self.target is None:
            return frame[self.columns], None
        return frame[self.columns], frame[self.target]

    # -- what it is not ---------------------------------------------------------------

    def __getitem__(self, index: object) -> Any:
        raise TypeError(self._no_array)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(self._no_array)

    @property
    def _no_array(self) -> str:
        return (
            "ParquetRows are read in parts, in an order of their own, and their rows"
            " cannot be picked: fit, partial_fit, predict, predict_proba and score take"
            " them. For anything else read them: X.read() and X.read_target()."
        )

    def __repr__(self) -> str:
        """Count rows, columns and files."""
        n = len(self.files)
        files = f"{n} file{'s' if n > 1 else ''}"
        return (
            f"ParquetRows({len(self)} rows of {len(self.columns)} columns in {files},"
            f" target={self.target!r})"
        )


def _nulls(column: Any, kind: str) -> Any:
    """Return a column of nothing but nulls as one of another type, by its name."""
    import pyarrow

    try:
        return column.cast(pyarrow.type_for_alias(kind))
    except ValueError:  # of a type with parts, which pandas reads by its values
        return column


def _names(columns: Any, target: Any) -> list[str] | None:
    """Return the names of the features, checked."""
    if target is not None and not isinstance(target, str):
        raise TypeError(
            f"target must be the name of a column; got {target!r} of type"
            f" {type(target).__name__}."
        )
    if columns is None:
        return None
    if isinstance(columns, str) or not all(isinstance(name, str) for name in columns):
        raise TypeError(
            f"columns must be a list of names of columns or None; got {columns!r}."
        )
    names = list(columns)
    if not names:
        raise ValueError("columns is empty: a net needs a column at least.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"columns names {twice} more than once.")
    if target in names:
        raise ValueError(
            f"columns: {target!r} is the target too. A net that is given the answer"
            " learns nothing else."
        )
    return names


def joined_frames(parts: list[Any]) -> Any:
    """Return frames, or columns, one below the other.

    Texts, which readers have numbered piece by piece, are texts again.
    """
    import pandas as pd

    if isinstance(parts[0], pd.Series):
        return _column(parts)
    names = parts[0].columns
    columns = {
        name: _column([part.iloc[:, j] for part in parts])
        for j, name in enumerate(names)
    }
    return pd.DataFrame(columns, columns=names)


def _column(parts: list[Any]) -> Any:
    import pandas as pd

    name = parts[0].name
    if isinstance(parts[0].dtype, pd.CategoricalDtype):
        if not all(map(_holds_texts, parts)):
            return pd.Series(pd.api.types.union_categoricals(parts), name=name)
        parts = [part.astype(object) for part in parts]
    if len(parts) == 1:
        return parts[0].reset_index(drop=True)
    if len({part.dtype for part in parts}) > 1 and parts[0].dtype.kind in "bf":
        # Of booleans, where some are missing in one part, and none in another.
        parts = [part.astype(np.float32) for part in parts if part.dtype.kind in "bf"]
    return pd.concat(parts, ignore_index=True)


def _holds_texts(column: Any) -> bool:
    import pandas as pd

    kind = pd.api.types.infer_dtype(column.cat.categories)
    return kind in ("string", "empty")
