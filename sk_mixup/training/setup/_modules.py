"""What `module=` names: a bundled net, one of another library, or the user's own."""

from __future__ import annotations

import difflib
from typing import Any, Literal

from skorch import NeuralNet
from torch import nn

from sk_mixup import nets
from sk_mixup.inputs import SPARSE_NETS

#: Nets of `sk_mixup.nets` by short name. Each says in `input_kind` what it takes:
#: "table", "array", "text" or "bags"; an "array" net is built from the shape of the
#: arrays.
BUNDLED = {
    "mlp": "TabularNet",
    "tabm": "TabularNet",
    "ft_transformer": "FTTransformer",
    "excelformer": "ExcelFormer",
    "resnet": "ResNet",
    "convnet": "ConvNet",
    "text_cnn": "TextCNN",
    "text_bag": "BagOfEmbeddings",
    "mil": "AttentionMIL",
}
#: What a name stands for where X is a table, if that is another net.
FOR_TABLES = {"resnet": "TabularResNet"}
#: Nets of other libraries, by the part of the name before the slash.
EXTERNAL = {"timm": "TimmNet", "hf": "HuggingFaceNet"}
Kind = Literal["bundled", "class", "template", "net"]


def module_kind(module: Any) -> Kind:
    """Say what `module` is.

    Raises
    ------
    ValueError
        For an unknown short name.
    TypeError
        For anything that is no module, factory or skorch net.
    """
    if module is None:
        return "bundled"
    if isinstance(module, str):
        library, _, name = module.partition("/")
        if module in BUNDLED or (library in EXTERNAL and name):
            return "bundled"
        near = difflib.get_close_matches(module, BUNDLED, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"module={module!r} is no bundled net; known are {sorted(BUNDLED)}, and"
            f" 'timm/NAME' and 'hf/NAME'.{hint}"
        )
    if isinstance(module, NeuralNet):
        return "net"
    if isinstance(module, type) and issubclass(module, NeuralNet):
        return "net"
    if isinstance(module, nn.Module):
        return "template"
    if callable(module):
        return "class"
    raise TypeError(
        "module must be None, the name of a bundled net, an nn.Module class, factory or"
        f" instance, or a skorch net; got {module!r} of type {type(module).__name__}."
    )


def bundled_net(module: Any, kind: str | None = None) -> type[nn.Module] | None:
    """Return the class that a name stands for; None for modules of the user's own.

    Parameters
    ----------
    module : object
        As `module_kind` takes it.
    kind : str or None
        What `input_kind` says of X, for names that stand for several nets.
    """
    if module is None:
        return nets.TabularNet
    if not isinstance(module, str):
        return None
    name = BUNDLED.get(module) or EXTERNAL.get(module.partition("/")[0])
    if kind == "table":
        name = FOR_TABLES.get(module, name)
    return None if name is None else _net(name)


def _net(name: str) -> type[nn.Module]:
    net: type[nn.Module] = getattr(nets, name)
    return net


def input_kind(module: Any, X: Any = None) -> str:
    """Say what a module takes: "table", "array", "text", "bags" or "any".

    A name that stands for several nets takes what `X` is: a DataFrame and anything else
    of two dimensions is a table.
    """
    if isinstance(module, str) and module in FOR_TABLES and _is_table(X):
        return "table"
    return getattr(bundled_net(module), "input_kind", "any")


def may_take_tables(module: Any) -> bool:
    """Whether a module takes tables, perhaps among others."""
    named = isinstance(module, str) and module in FOR_TABLES
    return named or input_kind(module) == "table"


def takes_sparse(module: Any) -> bool:
    """Whether a module takes the rows of a sparse matrix, made dense batch by batch."""
    if module is None or isinstance(module, str):
        return module in SPARSE_NETS
    return True


def _is_table(X: Any) -> bool:
    if hasattr(X, "columns"):
        return True
    if isinstance(X, (list, tuple)):
        # Of rows; nobody wants to convert them twice.
        depth = 0
        while isinstance(X, (list, tuple)) and len(X):
            X, depth = X[0], depth + 1
        return depth + getattr(X, "ndim", 0) == 2
    return getattr(X, "ndim", None) == 2
