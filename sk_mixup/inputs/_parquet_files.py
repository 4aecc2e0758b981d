"""Which files a Parquet path means, and whether their columns are alike."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

_ENDINGS = (".parquet", ".pq")
_INDEX = re.compile(r"__index_level_\d+__")
_SHOWN = 20


class RowGroup(NamedTuple):
    """A part of a file that is read on its own.

    Attributes
    ----------
    path : str
    number : int
        Within the file.
    start : int
        Number of its first row, over all files.
    n_rows : int
    """

    path: str
    number: int
    start: int
    n_rows: int


class Files(NamedTuple):
    """Files that stand for one table.

    Attributes
    ----------
    groups : list of RowGroup
        None of them empty.
    kinds : dict of str to str
        Type of each column.
    stamps : list of tuple of int
        Size and time of change of each file.
    """

    groups: list[RowGroup]
    kinds: dict[str, str]
    stamps: list[tuple[int, int]]


def need_pyarrow() -> Any:
    """Return `pyarrow.parquet`.

    Raises
    ------
    ImportError
        With what to install.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            "ParquetRows reads files by pyarrow, which is not installed: pip install"
            " 'sk-mixup[parquet]'."
        ) from error
    return pyarrow.parquet


def listed_files(path: Any) -> list[str]:
    """Return the files that a path or a list of paths means, sorted within a folder.

    Raises
    ------
    TypeError
        For anything that is no path.
    ValueError
        If there is no such file, or a folder holds none.
    """
    if isinstance(path, (list, tuple)):
        if not path:
            raise ValueError("path: the list of files is empty.")
        return [file for one in path for file in listed_files(one)]
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            "path must be a file, a folder or a list of them; got"
            f" {type(path).__name__}."
        )
    place = Path(path)
    if place.is_file():
        return [str(place)]
    if not place.is_dir():
        raise ValueError(f"path={str(path)!r}: there is no such file or folder.")
    found = [
        file
        for ending in _ENDINGS
        for file in place.rglob(f"*{ending}")
        if file.is_file() and not _is_hidden(file.relative_to(place))
    ]
    if not found:
        raise ValueError(
            f"path={str(path)!r}: the folder holds no file that ends with"
            f" {' or '.join(_ENDINGS)}."
        )
    return sorted(map(str, found))


def look_at(paths: list[str], wanted: list[str] | None, target: str | None) -> Files:
    """Read what the ends of the files say, and compare them.

    Parameters
    ----------
    paths : list of str
    wanted : list of str or None
        Columns; None: all of the first file.
    target : str or None

    Raises
    ------
    ValueError
        For a file that is none of Parquet's, columns that a file lacks or has with
        another type, and files without rows.
    """
    parquet = need_pyarrow()
    groups: list[RowGroup] = []
    kinds: dict[str, str] = {}
    stamps = []
    start = 0
    for path in paths:
        try:
            with parquet.ParquetFile(path) as file:
                found = {field.name: _kind(field.type) for field in file.schema_arrow}
                counts = [
                    file.metadata.row_group(i).num_rows
                    for i in range(file.metadata.num_row_groups)
                ]
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{path} cannot be read as a Parquet file: {error}"
            ) from error
        if not kinds:
            kinds = _chosen(found, wanted, target, path)
        else:
            _compare(kinds, found, path, paths[0])
        for number, n_rows in enumerate(counts):
            if n_rows:
                groups.append(RowGroup(path, number, start, n_rows))
                start += n_rows
        stat = os.stat(path)
        stamps.append((stat.st_size, stat.st_mtime_ns))
    if not groups:
        raise ValueError(
            f"{paths[0]}{' and the other files' if len(paths) > 1 else ''}: no rows."
        )
    return Files(groups, kinds, stamps)


def _chosen(
    found: dict[str, str], wanted: list[str] | None, target: str | None, path: str
) -> dict[str, str]:
    if target is not None and target not in found:
        raise ValueError(
            f"target={target!r} is no column of {path}.{_near(target, found)}"
        )
    if wanted is None:
        wanted = [n for n in found if n != target and not _INDEX.fullmatch(n)]
        if not wanted:
            raise ValueError(f"{path} has no column beside the target {target!r}.")
    for name in wanted:
        if name not in found:
            raise ValueError(
                f"columns: {name!r} is no column of {path}.{_near(name, found)}"
            )
    names = wanted if target is None else [*wanted, target]
    return {name: found[name] for name in names}


def _compare(
    kinds: dict[str, str], found: dict[str, str], path: str, first: str
) -> None:
    missing = [name for name in kinds if name not in found]
    if missing:
        raise ValueError(
            f"{path} lacks the columns {missing[:_SHOWN]}, which {first} has. Leave the"
            " file out, or write it again with them, of missing values if need be."
        )
    for name, kind in kinds.items():
        other = found[name]
        if kind == "null":
            kinds[name] = other
        elif other not in (kind, "null"):
            raise ValueError(
                f"column {name!r} is of type {other} in {path}, and {kind} in {first}."
                " Write one of the files again with the other's type, for example by"
                f" table.set_column(i, {name!r}, table[{name!r}].cast({kind!r}))."
            )


def _kind(kind: Any) -> str:
    """Return the name of a type; ways to store the same values have one name."""
    import pyarrow

    if pyarrow.types.is_dictionary(kind):
        kind = kind.value_type
    if pyarrow.types.is_large_string(kind):
        kind = pyarrow.string()
    return str(kind)


def _near(name: str, found: dict[str, str]) -> str:
    near = difflib.get_close_matches(name, found, n=3)
    if near:
        return f" Did you mean {' or '.join(map(repr, near))}?"
    return f" It has {list(found)[:_SHOWN]}."


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)
