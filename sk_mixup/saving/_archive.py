"""The container: a zip archive of two entries that are stored as they are.

Nothing in it is compressed, so that no file can grow when it is read, and nothing is
ever unpacked to a disk: names of entries are compared with the two that there are.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import struct
import zipfile
from pathlib import Path
from typing import Any

from sk_mixup.saving._errors import as_damage

DOCUMENT, TENSORS = "model.json", "tensors.safetensors"
#: Bytes of the document; parsed, it takes some twenty times as many.
MOST_BYTES = 2**26
# The end of an archive without a comment.
_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_MOST_DIRECTORY = 4096
# The earliest that zip knows: equal models make equal files.
_TIME = (1980, 1, 1, 0, 0, 0)


def archive_bytes(document: dict[str, Any], tensors: bytes) -> bytes:
    """Return the bytes of a file.

    Parameters
    ----------
    document : dict
        Of JSON values.
    tensors : bytes
        As `tensor_bytes` makes them.

    Raises
    ------
    ValueError
        If the document is larger than may be read again.
    """
    text = json.dumps(document, allow_nan=False, separators=(",", ":")).encode("ascii")
    if len(text) > MOST_BYTES:
        raise ValueError(
            f"The model needs {len(text)} bytes beside its weights, and a file holds at"
            f" most {MOST_BYTES}: it knows very many categories or tokens. Use pickle."
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in ((DOCUMENT, text), (TENSORS, tensors)):
            archive.writestr(zipfile.ZipInfo(name, _TIME), data)
    return buffer.getvalue()


def write_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file as a whole: whoever reads sees the old one or the new one.

    Raises
    ------
    OSError
    """
    target = Path(path)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        with open(beside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read_archive(data: bytes) -> tuple[dict[str, Any], bytearray]:
    """Return document and tensors of the bytes of a file.

    Raises
    ------
    ValueError
        If it is no such file, or is damaged.
    """
    with as_damage("the archive"):
        _check_end(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            if set(entries) != {DOCUMENT, TENSORS}:
                raise ValueError(f"it holds {sorted(entries)[:4]}")
            for entry in entries.values():
                stored = entry.compress_type == zipfile.ZIP_STORED
                if not stored or entry.file_size != entry.compress_size:
                    raise ValueError(f"{entry.filename} is compressed")
                if entry.flag_bits & 0x1 or entry.file_size > len(data):
                    raise ValueError(f"{entry.filename} is no plain entry")
            if entries[DOCUMENT].file_size > MOST_BYTES:
                raise ValueError(f"{DOCUMENT} is larger than {MOST_BYTES} bytes")
            text = archive.read(entries[DOCUMENT])
            tensors = bytearray(archive.read(entries[TENSORS]))
    with as_damage(DOCUMENT):
        document = json.loads(
            text.decode("ascii"),
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_repeats,
        )
        if not isinstance(document, dict):
            raise ValueError("it is no object")
    return document, tensors


def _check_end(data: bytes) -> None:
    """Look at the end before `zipfile` does: a directory may list millions of files."""
    if len(data) < _END.size:
        raise ValueError("the file is too short")
    mark, _, _, here, total, size, _, comment = _END.unpack(data[-_END.size :])
    if mark != _END_MARK or comment:
        raise ValueError("it is no zip file, or is cut off")
    if here != 2 or total != 2 or size > _MOST_DIRECTORY:
        raise ValueError("it holds something else than two entries")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found
