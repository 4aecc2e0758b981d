"""The encoder of a table as fields and arrays, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from sk_mixup.encoding import (
    Alike,
    FrequentValues,
    KnownNumbers,
    Levels,
    RobustScale,
    TableEncoder,
)
from sk_mixup.saving._fields import Fields
from sk_mixup.saving._values import ValueWriter

_COUNTED = ("n_bins", "seed", "n_features_")
_PLACES = ("numeric_columns_", "categorical_columns_", "indicator_columns_")
# Codes of missing and of unknown values come before those of the levels.
_RESERVED = 2


def table_state(encoder: TableEncoder, writer: ValueWriter) -> dict[str, Any]:
    """Return a fitted encoder as JSON."""
    levels = zip(encoder.categorical_columns_, encoder._levels, strict=True)
    names = encoder.column_names_
    scale = encoder._scale
    arrays: dict[str, Any] = {name: getattr(encoder, name) for name in _PLACES}
    arrays |= {"center": scale.center, "scale": scale.scale, "constant": scale.constant}
    state: dict[str, Any] = {name: int(getattr(encoder, name)) for name in _COUNTED}
    state |= {key: writer.write(value, key) for key, value in arrays.items()}
    return state | {
        "column_names_": list(names),
        "has_names": list(encoder._labels) != list(names),
        "numbers": [
            {
                "edges": writer.write(edges, "bin edges"),
                "values": writer.write(found.values, "frequent values"),
                "counts": writer.write(found.counts, "frequent values"),
                "known": _known_state(encoder._known.get(j), writer),
            }
            for j, (edges, found) in enumerate(
                zip(encoder.bin_edges_, encoder.frequent_values_, strict=True)
            )
        ],
        "levels": [
            _levels_state(found, f"X: column {names[j]!r}", writer)
            for j, found in levels
        ],
    }


def table_of(given: Fields, categorical_features: Any) -> TableEncoder:
    """Return the encoder of what `table_state` returned.

    Parameters
    ----------
    given : Fields
    categorical_features : object
        The parameter, which is stored with the others.
    """
    n_bins, seed = given.integer("n_bins", 1), given.integer("seed")
    encoder = TableEncoder(categorical_features, n_bins=n_bins, seed=seed)
    n_features = encoder.n_features_ = given.integer("n_features_", 1)
    for name in _PLACES:
        setattr(encoder, name, given.indices(name, n_features))
    numeric, categorical = encoder.numeric_columns_, encoder.categorical_columns_
    n_numeric = encoder.n_numeric_ = len(numeric)
    if not np.array_equal(np.sort(np.r_[numeric, categorical]), np.arange(n_features)):
        raise ValueError("columns are neither numbers nor categories, or both")
    encoder._indicators = np.searchsorted(numeric, encoder.indicator_columns_)
    if not set(encoder.indicator_columns_.tolist()) <= set(numeric.tolist()):
        raise ValueError("a missing indicator belongs to no number")
    names = given.list("column_names_")
    if len(names) != n_features or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{n_features} columns have {len(names)} names")
    encoder.column_names_ = names
    has_names = given.flag("has_names")
    encoder._labels = [f"column {name!r}" for name in names] if has_names else names
    encoder._scale = RobustScale(
        center=given.array("center", "f", n_numeric).astype(np.float64),
        scale=given.array("scale", "f", n_numeric).astype(np.float64),
        constant=given.array("constant", "b", n_numeric),
    )
    _set_numbers(encoder, given.each("numbers"))
    levels = given.each("levels")
    if len(levels) != len(categorical):
        raise ValueError(f"{len(categorical)} columns of categories have {len(levels)}")
    encoder._levels = [_levels_of(one) for one in levels]
    encoder.level_counts_ = [one.counts for one in encoder._levels]
    encoder.n_levels_ = [len(counts) for counts in encoder.level_counts_]
    return encoder


def _set_numbers(encoder: TableEncoder, numbers: list[Fields]) -> None:
    if len(numbers) != encoder.n_numeric_:
        raise ValueError(f"{encoder.n_numeric_} columns of numbers have {len(numbers)}")
    encoder.bin_edges_ = [_increasing(one, "edges", least=2) for one in numbers]
    encoder.frequent_values_ = []
    known = {}
    for j, one in enumerate(numbers):
        values = _increasing(one, "values")
        counts = one.array("counts", "i", len(values) + 1).astype(np.int64)
        encoder.frequent_values_.append(FrequentValues(values, counts))
        if one.has("known"):
            known[j] = _known_of(one.fields("known"))
    encoder._known = known


def _increasing(given: Fields, key: str, least: int = 0) -> np.ndarray:
    values = given.array(key, "f").astype(np.float32)
    if len(values) < least or not (np.diff(values) > 0).all():
        raise ValueError(f"{given.name}.{key} does not increase")
    return values


def _known_state(known: KnownNumbers | None, writer: ValueWriter) -> Any:
    if known is None:
        return None
    return {
        "values": writer.write(known.values, "known numbers"),
        "tolerances": writer.write(known.tolerances, "known numbers"),
    }


def _known_of(given: Fields) -> KnownNumbers:
    values = given.array("values", "f").astype(np.float64)
    tolerances = given.array("tolerances", "f", len(values)).astype(np.float64)
    return KnownNumbers(values, tolerances)


def _levels_state(levels: Levels, where: str, writer: ValueWriter) -> dict[str, Any]:
    alike = levels.alike
    return {
        "levels": writer.write(list(levels.codes), where),
        "codes": writer.write(np.array(list(levels.codes.values()), np.int64), where),
        "counts": writer.write(levels.counts, where),
        "alike": None
        if alike is None
        else {
            "known": _known_state(alike.known, writer),
            "codes": writer.write(alike.codes, where),
            "of_texts": bool(alike.of_texts),
            "of_truths": bool(alike.of_truths),
        },
    }


def _levels_of(given: Fields) -> Levels:
    keys = given.values.read_all(given.raw("levels"))
    codes = _codes(given, "codes", len(keys))
    counts = given.array("counts", "i").astype(np.int64)
    if len(counts) != len(keys) + _RESERVED or (counts < 0).any():
        raise ValueError(f"{len(keys)} levels have {len(counts)} counts")
    if sorted(codes.tolist()) != list(range(_RESERVED, len(counts))):
        raise ValueError("levels share a code")
    by_level = dict(zip(keys, codes.tolist(), strict=True))
    if len(by_level) != len(keys):
        raise ValueError("a level stands twice")
    return Levels(by_level, counts, _alike_of(given, len(counts)))


def _alike_of(given: Fields, n_codes: int) -> Alike | None:
    if not given.has("alike"):
        return None
    found = given.fields("alike")
    known = _known_of(found.fields("known"))
    codes = _codes(found, "codes", len(known.values))
    if len(codes) and not _RESERVED <= codes.min() <= codes.max() < n_codes:
        raise ValueError("a number stands for a level that is none")
    return Alike(known, codes, found.flag("of_texts"), found.flag("of_truths"))


def _codes(given: Fields, key: str, length: int) -> np.ndarray:
    return given.array(key, "i", length).astype(np.int64)
