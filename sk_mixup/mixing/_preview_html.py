"""A preview as a notebook shows it: own, partner's and mixed samples side by side.

Pictures are written here, in a few lines, since `mixing` imports torch alone.
"""

from __future__ import annotations

import base64
import html
import struct
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from sk_mixup.mixing._preview import MixPreview

# More rows or columns than these are left out.
_ROWS, _COLUMNS = 8, 8
_WIDTH = 72


def preview_html(preview: MixPreview) -> str:
    """Return a table with a line per mixed row."""
    parts = {"own": preview.own, "partner": preview.partners, "mixed": preview.mixed}
    parts = {name: part for name, part in parts.items() if part is not None}
    n_rows = min(len(preview.lam), _ROWS)
    if preview.table is not None and "own" in preview.table:
        shown = _frames(preview.table, n_rows)
    else:
        shown = {
            name: _samples(part, preview.own, n_rows) for name, part in parts.items()
        }
    head = [*shown, "λ"]
    columns = [*shown.values(), [f"{lam:.2f}" for lam in preview.lam.tolist()]]
    if preview.targets is not None:
        head.append("target")
        columns.append([_target(row) for row in preview.targets[:n_rows]])
    lines = ["".join(f"<th>{name}</th>" for name in head)]
    for row in range(n_rows):
        lines.append("".join(f"<td>{column[row]}</td>" for column in columns))
    left_out = len(preview.lam) - n_rows
    more = f"<p>and {left_out} more rows</p>" if left_out else ""
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f"<p><code>{html.escape(_title(preview))}</code></p><table>{body}</table>{more}"
    )


def _title(preview: MixPreview) -> str:
    if preview.site is None:
        return preview.method
    return f"{preview.method}, at the layer {preview.site!r}"


def _frames(table: Any, n_rows: int) -> dict[str, list[str]]:
    """Return the rows of tables as lines of "column value"."""
    found = {}
    for name in ("own", "partner", "mixed"):
        if name not in table:
            continue
        frame = table[name]
        cells = frame.iloc[:n_rows, :_COLUMNS].astype(object).to_numpy().tolist()
        names = [html.escape(str(column)) for column in frame.columns]
        more = "<br>..." if len(names) > _COLUMNS else ""
        found[name] = [
            "<br>".join(
                f"{column} {html.escape(_text(value))}"
                for column, value in zip(names, row, strict=False)
            )
            + more
            for row in cells
        ]
    return found


def _samples(part: Any, own: Any, n_rows: int) -> list[str]:
    """Return a cell per sample: a picture of an image, otherwise its numbers."""
    if isinstance(part, Tensor):
        if part.ndim == 4 and part.shape[1] in (1, 3):
            low, high = _bounds(own)
            return [_image(row, low, high) for row in part[:n_rows]]
        return [_numbers(row) for row in part[:n_rows]]
    keyed = part.items() if hasattr(part, "items") else enumerate(part)
    inner = [(str(key), _samples(value, own[key], n_rows)) for key, value in keyed]
    return [
        "<br>".join(f"{html.escape(key)}: {cells[row]}" for key, cells in inner)
        for row in range(n_rows)
    ]


def _bounds(own: Tensor) -> tuple[float, float]:
    """Return the values of black and white."""
    if own.dtype == torch.uint8:
        return 0.0, 255.0
    low, high = float(own.min()), float(own.max())
    return (0.0, 1.0) if low >= 0.0 and high <= 1.0 else (low, high)


def _image(image: Tensor, low: float, high: float) -> str:
    unit = (image.detach().cpu().double() - low) / ((high - low) or 1.0)
    pixels = (unit.clamp(0.0, 1.0) * 255).round().byte().permute(1, 2, 0)
    data = base64.b64encode(png(pixels)).decode()
    return (
        f'<img width="{_WIDTH}" style="image-rendering:pixelated" alt="sample"'
        f' src="data:image/png;base64,{data}">'
    )


def png(pixels: Tensor) -> bytes:
    """Return the file of an image.

    Parameters
    ----------
    pixels : uint8 Tensor of shape (height, width, 1 or 3)
    """
    height, width, channels = pixels.shape
    lines = pixels.reshape(height, -1)
    # Each line says first that it is not filtered.
    raw = torch.cat([torch.zeros(height, 1, dtype=torch.uint8), lines], 1)
    kind = 2 if channels == 3 else 0
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(raw.flatten().tolist()))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + name
        + data
        + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def _target(row: Tensor) -> str:
    """Return shares of classes, largest first, or the numbers that a target is."""
    row = row.detach().cpu()
    is_share = row.ndim == 1 and len(row) > 1 and bool((row >= 0).all())
    if not is_share or abs(float(row.sum()) - 1.0) > 1e-3:
        return _numbers(row)
    order = row.argsort(descending=True, stable=True).tolist()
    shown = [(row[i].item(), i) for i in order if row[i] > 0]
    return " + ".join(
        f"{_text(round(share, 4))} × {i}" for share, i in shown[:_COLUMNS]
    )


def _numbers(row: Tensor) -> str:
    values: Sequence[Any] = row.detach().cpu().flatten()[: _COLUMNS + 1].tolist()
    texts = [html.escape(_text(value)) for value in values[:_COLUMNS]]
    return ", ".join(texts + ["..."] * (len(values) > _COLUMNS))


def _text(value: Any) -> str:
    # NaN differs from itself; pandas.NA gives no bool.
    if value is None or type(value).__name__ == "NAType" or value != value:
        return "missing"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
