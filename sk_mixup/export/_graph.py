"""The graph of ONNX around that of the net: columns by name, texts as codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sk_mixup.export._check import inputs_of
from sk_mixup.export._ensemble import Program
from sk_mixup.export._programs import TableProgram, column_names
from sk_mixup.export._texts import UNSEEN, codes_of_texts

_ROWS = "N"
# With the attributes for texts and integers by name.
_ML_OPSET = 3


@dataclass(frozen=True)
class Columns:
    """The columns of a table as inputs of a graph.

    Attributes
    ----------
    names : list of str
        In their order.
    texts : dict of str to dict
        Of a category column, the code of every text that stands for a level.
    """

    names: list[str]
    texts: dict[str, dict[str, int]]

    @classmethod
    def of(cls, program: TableProgram, model: Any) -> Columns:
        """Return the columns of a model.

        Raises
        ------
        ValueError
            If columns have names that no input can have, or levels that are one text.
        """
        names = column_names(model)
        check_names(names, program.output_names)
        encoder = model._source_.encoder
        texts = {
            name: codes_of_texts(encoder, k, name)
            for k, name in enumerate(program.category_names)
        }
        return cls(names, texts)


def joined_graph(
    inner: Any,
    program: Program,
    columns: Columns | None,
    dtype: str,
) -> Any:
    """Return the whole model.

    Parameters
    ----------
    inner : onnx.ModelProto
        From the inputs of `program` on.
    program : program
    columns : Columns or None
        None: there are the arrays of the program.
    dtype : str
        Of numbers.
    """
    from onnx import TensorProto, compose, helper

    prefix = "net."
    taken = inputs_of(program) if columns is None else columns.names
    while any(name.startswith(prefix) for name in taken):
        prefix = f"_{prefix}"
    net = compose.add_prefix(inner, prefix).graph
    imports = {one.domain: one.version for one in inner.opset_import}
    nodes, inputs = [], []
    if columns is not None:
        imports["ai.onnx.ml"] = _ML_OPSET
        number = TensorProto.FLOAT if dtype == "float32" else TensorProto.DOUBLE
        for name in columns.names:
            kind = TensorProto.STRING if name in columns.texts else number
            inputs.append(helper.make_tensor_value_info(name, kind, [_ROWS, 1]))
        nodes = _front(columns, prefix)
    else:
        names = inputs_of(program)
        nodes = [helper.make_node("Identity", [n], [prefix + n]) for n in names]
        inputs = [_renamed(one, n) for one, n in zip(net.input, names, strict=True)]
    outputs = []
    for name, found in zip(program.output_names, net.output, strict=True):
        outputs.append(_renamed(found, name))
        net.node.append(helper.make_node("Identity", [found.name], [name]))
    graph = helper.make_graph(
        [*nodes, *net.node],
        "sk_mixup",
        inputs,
        outputs,
        initializer=net.initializer,
    )
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(*item) for item in imports.items()],
        ir_version=inner.ir_version,
        functions=inner.functions,
        producer_name="sk-mixup",
    )


def _front(columns: Columns, prefix: str) -> list[Any]:
    """Return what makes numbers and codes of columns."""
    from onnx import helper

    nodes, codes = [], []
    numbers = [name for name in columns.names if name not in columns.texts]
    if numbers:
        nodes.append(helper.make_node("Concat", numbers, [f"{prefix}numbers"], axis=1))
    for k, (name, known) in enumerate(columns.texts.items()):
        codes.append(f"{prefix}code_{k}")
        nodes.append(
            helper.make_node(
                "LabelEncoder",
                [name],
                codes[-1:],
                domain="ai.onnx.ml",
                keys_strings=list(known),
                values_int64s=list(known.values()),
                default_int64=UNSEEN,
            )
        )
    if codes:
        nodes.append(helper.make_node("Concat", codes, [f"{prefix}codes"], axis=1))
    return nodes


def _renamed(info: Any, name: str) -> Any:
    """Return the description of a value under another name, with our word for rows."""
    found = type(info)()
    found.CopyFrom(info)
    found.name = name
    found.type.tensor_type.shape.dim[0].dim_param = _ROWS
    return found


def check_names(names: list[str], outputs: list[str], what: str = "column") -> None:
    """Raise a ValueError for columns or arrays that cannot be told apart by name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"model: several {what}s are called {twice[0]!r} as text, and inputs go by"
            " their name. Rename them before fit."
        )
    taken = [name for name in names if not name or name in outputs]
    article = "an" if what == "array" else "a"
    if taken:
        raise ValueError(
            f"model: {article} {what} is called {taken[0]!r}, which no input can be."
            " Rename it before fit."
        )
