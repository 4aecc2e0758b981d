"""What reads the input of a net as fields, and back.

Beside what is needed to read, a file says for whoever looks at it what the columns are
called and what they hold.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sk_mixup.encoding import SparseScale
from sk_mixup.inputs import (
    SPARSE_NETS,
    ArrayInput,
    BagInput,
    ShapedInput,
    SparseTableInput,
    TableInput,
    TextInput,
    TextTokenizer,
)
from sk_mixup.saving._errors import Unstorable
from sk_mixup.saving._fields import Fields
from sk_mixup.saving._tables import table_of, table_state
from sk_mixup.saving._values import ValueWriter
from sk_mixup.training import bundled_net

# Values in a row of input.
_MOST_VALUES = 2**27
_MOST_TOKENS = 4096
_NORMALIZERS = ("NFKC", "Lowercase")


def source_state(source: Any, writer: ValueWriter) -> dict[str, Any]:
    """Return a fitted input object as JSON.

    Raises
    ------
    Unstorable
    """
    state: dict[str, Any] = {"kind": source.kind}
    if isinstance(source, TableInput):
        table = table_state(source.encoder, writer)
        return state | {"columns": _schema(source), "table": table}
    if isinstance(source, SparseTableInput):
        assert source.scale is not None
        return state | {"scale": writer.write(source.scale.scale, "scale")}
    if isinstance(source, TextInput):
        return state | _text_state(source)
    if isinstance(source, BagInput):
        return state | {
            "mean": writer.write(source.mean, "X"),
            "std": writer.write(source.std, "X"),
        }
    state["rows"] = _spec_state(source.spec)
    if isinstance(source, ShapedInput):
        state["channel_mean"] = writer.write(source.channel_mean, "channels")
        state["channel_std"] = writer.write(source.channel_std, "channels")
    return state


def source_of(given: Fields, estimator: Any) -> Any:
    """Return the input object of what `source_state` returned.

    Parameters
    ----------
    given : Fields
    estimator : MixupClassifier or MixupRegressor
        With its parameters.
    """
    name = type(estimator).__name__
    kind = given.text("kind", ("table", "text", "bags", "array", "any"))
    net: Any = bundled_net(estimator.module, kind)
    if getattr(net, "input_kind", "any") != kind:
        raise ValueError(f"module={estimator.module!r} takes no {kind}")
    if kind == "table":
        features = estimator.categorical_features
        if given.has("scale"):
            return _sparse_of(given, estimator)
        source: Any = TableInput(features, 0, name)
        source.encoder = table_of(given.fields("table"), features)
        return source
    if kind == "text":
        return _text_of(given, name)
    if kind == "bags":
        return _bags_of(given, name)
    if kind == "any":
        source = ArrayInput(name)
    else:
        source = ShapedInput(name, estimator.module, net.input_axes, net.input_shape)
        source.channel_mean = _channels(given, "channel_mean")
        source.channel_std = _channels(given, "channel_std")
    source.fit_stream(_rows_of(given.raw("rows")))
    if kind == "array":
        shape = source.shape
        if shape is None or not shape or len(source.channel_mean) != shape[0]:
            raise ValueError("the channels do not fit the rows")
    return source


def _sparse_of(given: Fields, estimator: Any) -> SparseTableInput:
    name, module = type(estimator).__name__, estimator.module
    if module not in SPARSE_NETS:
        raise ValueError(f"module={module!r} takes no sparse rows")
    source = SparseTableInput(module, estimator.categorical_features, 0, name)
    scale = given.array("scale", "f")
    if not np.isfinite(scale).all() or (scale < 0).any():
        raise ValueError("the scale of a column is no size")
    source.scale = SparseScale(scale)
    return source


# -- arrays ---------------------------------------------------------------------------


def _spec_state(spec: Any) -> Any:
    """Return shapes and dtypes of the arrays of a row."""
    if isinstance(spec, dict):
        if not all(isinstance(key, str) for key in spec):
            raise Unstorable(f"X: the names of its arrays, {list(spec)}")
        return {"by_name": {key: _spec_state(part) for key, part in spec.items()}}
    shape, dtype = spec if _is_leaf(spec) else (None, None)
    if shape is None:
        return {"by_position": [_spec_state(part) for part in spec]}
    return {"shape": list(shape), "dtype": str(dtype).removeprefix("torch.")}


def _is_leaf(spec: Any) -> bool:
    return len(spec) == 2 and isinstance(spec[1], torch.dtype)


def _rows_of(given: Any, depth: int = 0) -> Any:
    """Return two rows of some form, which take no memory."""
    if not isinstance(given, dict) or depth > 8:
        raise ValueError("the form of a row is none")
    if "by_name" in given:
        return {k: _rows_of(v, depth + 1) for k, v in given["by_name"].items()}
    if "by_position" in given:
        return tuple(_rows_of(part, depth + 1) for part in given["by_position"])
    shape, dtype = given["shape"], getattr(torch, str(given["dtype"]), None)
    if any(type(n) is not int or n < 1 for n in shape) or len(shape) > 16:
        raise ValueError(f"a row has the shape {str(shape)[:80]}")
    if math.prod(shape) > _MOST_VALUES or not isinstance(dtype, torch.dtype):
        raise ValueError(f"a row has the shape {shape} and dtype {given['dtype']}")
    return torch.ones((), dtype=dtype).expand(2, *shape)


def _channels(given: Fields, key: str) -> Tensor:
    found = given.value(key)
    if not isinstance(found, Tensor) or found.ndim != 1 or found.dtype != torch.float32:
        raise ValueError(f"{key} is no row of numbers")
    return found


def example_rows(source: Any) -> Any:
    """Return two rows as a net reads them, to be tried with.

    Parameters
    ----------
    source : input object
    """
    if isinstance(source, TableInput):
        encoder = source.encoder
        width = encoder.n_numeric_ + len(encoder.indicator_columns_)
        return {
            "numeric": torch.zeros(2, width),
            "categorical": torch.zeros(2, len(encoder.n_levels_), dtype=torch.int64),
        }
    if isinstance(source, SparseTableInput):
        return {
            "numeric": torch.zeros(2, source.n_features),
            "categorical": torch.zeros(2, 0, dtype=torch.int64),
        }
    if isinstance(source, TextInput):
        ids = torch.zeros(2, 2, dtype=torch.int64)
        return {"ids": ids, "mask": torch.ones(2, 2, dtype=torch.bool)}
    if isinstance(source, BagInput):
        assert source.mean is not None
        instances = torch.zeros(2, 2, len(source.mean))
        return {"instances": instances, "mask": torch.ones(2, 2, dtype=torch.bool)}
    return _ones(source.spec)


def _ones(spec: Any) -> Any:
    if isinstance(spec, dict):
        return {key: _ones(part) for key, part in spec.items()}
    if _is_leaf(spec):
        return torch.ones((), dtype=spec[1]).expand(2, *spec[0])
    return tuple(map(_ones, spec))


# -- bags -----------------------------------------------------------------------------


def _bags_of(given: Fields, name: str) -> BagInput:
    source = BagInput(name)
    source.mean = given.array("mean", "f").astype(np.float64)
    source.std = given.array("std", "f", len(source.mean)).astype(np.float64)
    numbers = np.r_[source.mean, source.std]
    if not len(source.mean) or not np.isfinite(numbers).all() or not source.std.all():
        raise ValueError("the scale of the instances is none")
    return source


# -- texts ----------------------------------------------------------------------------


def _text_state(source: TextInput) -> dict[str, Any]:
    tokenizer = source.tokenizer
    return {
        "n_tokens": source.n_tokens,
        "padding_idx": source.padding_idx,
        "length": None if tokenizer is None else int(tokenizer.length_),
        "tokenizer": None
        if tokenizer is None
        else json.loads(tokenizer.tokenizer_.to_str()),
    }


def _text_of(given: Fields, name: str) -> TextInput:
    source = TextInput(name)
    n_tokens = source.n_tokens = given.integer("n_tokens", 1, 2**31)
    source.padding_idx = None
    if given.has("padding_idx"):
        source.padding_idx = given.integer("padding_idx", 0, n_tokens - 1)
    if not given.has("tokenizer"):
        return source
    source.tokenizer = tokenizer = TextTokenizer()
    tokenizer.tokenizer_ = _tokenizer_of(given.raw("tokenizer"))
    tokenizer.length_ = given.integer("length", 1, _MOST_TOKENS)
    tokenizer.n_tokens_ = int(tokenizer.tokenizer_.get_vocab_size())
    tokenizer.padding_idx_ = source.padding_idx
    if tokenizer.n_tokens_ != n_tokens:
        raise ValueError(f"{tokenizer.n_tokens_} tokens are said to be {n_tokens}")
    return source


def _tokenizer_of(given: Any) -> Any:
    """Return a tokenizer of the one form that a net trains for itself."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ImportError(
            "The file holds a net for texts, which needs the tokenizers library: pip"
            " install 'sk-mixup[text]'"
        ) from error
    normalizer = given["normalizer"]
    plain = (
        normalizer["type"] == "Sequence"
        and all(part == {"type": part["type"]} for part in normalizer["normalizers"])
        and all(part["type"] in _NORMALIZERS for part in normalizer["normalizers"])
        and given["pre_tokenizer"] == {"type": "Whitespace"}
        and given["model"]["type"] == "BPE"
        and not any(given.get(key) for key in ("post_processor", "decoder", "padding"))
        and not given.get("truncation")
    )
    if not plain:
        raise ValueError("the tokenizer is of another kind than ours")
    ids = [*given["model"]["vocab"].values()]
    if sorted(ids) != list(range(len(ids))):
        raise ValueError("tokens share an id")
    try:
        return Tokenizer.from_str(json.dumps(given))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of Rust is no Exception
        raise ValueError(f"the tokenizer: {error}") from None


# -- for readers ----------------------------------------------------------------------


def _schema(source: TableInput) -> list[dict[str, Any]]:
    """Return name, role and dtype of the columns of a table."""
    encoder = source.encoder
    of_levels = dict(
        zip(encoder.categorical_columns_.tolist(), encoder._levels, strict=True)
    )
    schema = []
    for j, name in enumerate(encoder.column_names_):
        levels = of_levels.get(j)
        codes = levels.codes if levels else ()
        kinds = sorted({type(level).__name__ for level in codes})
        schema.append(
            {
                "name": name,
                "role": "number" if levels is None else "category",
                "dtype": "float" if levels is None else " or ".join(kinds) or "str",
            }
        )
    return schema
