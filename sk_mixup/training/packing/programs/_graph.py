"""Which layers a module calls, in which order.

Most nets of users are layers called one after another in a `forward` of their own.
Such a module is traced once (`torch.fx`), so that its layers can be computed for all
members by hand. What cannot be traced, or does more than call known layers and
functions that treat every number by itself, is left to `torch.func.vmap`, which is
general and slower.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from sk_mixup.training.loop import copied
from sk_mixup.training.packing.programs._activations import ELEMENTWISE, FUNCTIONS
from sk_mixup.training.packing.programs._call import DROPOUTS

#: Layers that `LayerProgram` computes.
LAYERS: tuple[type[nn.Module], ...] = (
    nn.Linear, nn.LayerNorm, nn.BatchNorm1d, nn.Flatten, *DROPOUTS, *ELEMENTWISE,
)  # fmt: skip

_ARITHMETIC: frozenset[Any] = frozenset((
    torch.sin, torch.cos, torch.exp, torch.add, torch.sub, torch.mul,
    operator.add, operator.sub, operator.mul, operator.truediv, operator.neg,
))  # fmt: skip
_METHODS = frozenset(("float", "double", "add", "sub", "mul", "contiguous"))
_FLATTEN = (torch.flatten, "flatten")


@dataclass(frozen=True)
class Step:
    """One call.

    Attributes
    ----------
    layer : str or None
        Name of the module that is called; None: a function is.
    function : callable or None
    inputs : tuple
        Arguments; a `Place` stands for an earlier value.
    kwargs : dict
        Numbers.
    owns_input : bool
        Whether nobody else reads the first input.
    """

    layer: str | None
    function: Callable[..., Tensor] | None
    inputs: tuple[Any, ...]
    kwargs: dict[str, Any]
    owns_input: bool


@dataclass(frozen=True)
class Place:
    """An earlier value: 0 is the input of the module, 1 what the first step gives."""

    number: int


def read_graph(module: nn.Module, x: Any) -> list[Step] | None:
    """Return the calls that a module makes, the last of which is its output.

    Parameters
    ----------
    module : nn.Module
        Neither changed nor run: a copy is.
    x : Tensor, dict or tuple
        Some rows of its input, on the CPU.

    Returns
    -------
    steps : list of Step or None
        None: it does more than `LayerProgram` computes.
    """
    if not isinstance(x, Tensor) or getattr(module, "mixes_inside", False):
        return None
    if not any(True for _ in module.parameters()):
        return None
    if not all(_is_plain(part) for part in module.modules()):
        return None
    if type(module) in LAYERS:
        steps = [Step("", None, (Place(0),), {}, False)]
        return steps if _fits(module, x.ndim) else None
    # Code of users may raise anything when it meets what is no tensor.
    try:
        own = copied(module).cpu().eval()
        traced = fx.GraphModule(own, fx.Tracer().trace(own))
        widths = _Widths(traced)
        with torch.no_grad():
            widths.run(x.float() if x.dtype == torch.uint8 else x)
    except Exception:
        return None
    return _steps(traced, widths, len(x))


def _steps(traced: fx.GraphModule, widths: _Widths, n_rows: int) -> list[Step] | None:
    steps: list[Step] = []
    places: dict[fx.Node, Place] = {}
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            if places and node.users:
                return None
            places.setdefault(node, Place(0))
            continue
        if node.op == "output":
            ends = node.args[0] in places and places[node.args[0]].number == len(steps)
            return steps if ends and steps else None
        step = _step(node, places, traced)
        if step is None or not widths.is_flat(node, n_rows):
            return None
        if not _is_flattening(step, traced) and not all(
            widths.is_flat(given, n_rows) for given in node.all_input_nodes
        ):
            return None
        steps.append(step)
        places[node] = Place(len(steps))
    return None


def _step(
    node: fx.Node, places: dict[fx.Node, Place], traced: fx.GraphModule
) -> Step | None:
    inputs = tuple(
        places.get(value, value) if isinstance(value, fx.Node) else value
        for value in node.args
    )
    numbers = (int, float)
    if not all(isinstance(value, (Place, *numbers)) for value in inputs):
        return None
    if not any(isinstance(value, Place) for value in inputs):
        return None
    kwargs = dict(node.kwargs)
    if not all(isinstance(value, (*numbers, str)) for value in kwargs.values()):
        return None
    if kwargs.get("inplace"):
        return None
    first = node.all_input_nodes[0]
    owns = len(first.users) == 1 and first.op != "placeholder"
    if node.op == "call_module":
        name = str(node.target)
        part = traced.get_submodule(name)
        if type(part) not in LAYERS or len(inputs) != 1 or kwargs:
            return None
        if getattr(part, "inplace", False) and not owns:
            return None
        return Step(name, None, inputs, {}, owns)
    if node.target in _FLATTEN:
        return (
            Step(None, _flatten, inputs[:1], {}, owns) if inputs[1:] == (1,) else None
        )
    function: Any = node.target
    if node.op == "call_function" and function in FUNCTIONS | _ARITHMETIC:
        return Step(None, function, inputs, kwargs, owns)
    if node.op == "call_method":
        method = getattr(Tensor, str(node.target))
        if node.target in _METHODS or method in FUNCTIONS:
            return Step(None, method, inputs, kwargs, owns)
    return None


def _flatten(x: Tensor) -> Tensor:
    return x.flatten(2)


def _is_flattening(step: Step, traced: fx.GraphModule) -> bool:
    if step.layer is not None:
        return isinstance(traced.get_submodule(step.layer), nn.Flatten)
    return step.function is _flatten


def _is_plain(part: nn.Module) -> bool:
    """Whether calling a layer does what its class says, and nothing around it."""
    if part._forward_hooks or part._forward_pre_hooks or part._backward_hooks:
        return False
    if isinstance(part, nn.Flatten):
        return part.start_dim == 1 and part.end_dim == -1
    if isinstance(part, nn.LayerNorm):
        return len(part.normalized_shape) == 1
    return not (isinstance(part, nn.BatchNorm1d) and part.momentum is None)


def _fits(module: nn.Module, ndim: int) -> bool:
    return ndim == 2 or isinstance(module, nn.Flatten)


class _Widths(fx.Interpreter):
    """Runs a module, and remembers the shape of every value."""

    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__(traced)
        self._shapes: dict[fx.Node, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, Tensor):
            self._shapes[n] = tuple(value.shape)
        return value

    def is_flat(self, node: fx.Node, n_rows: int) -> bool:
        """Whether a value has a row per row of the input, and one more axis."""
        shape = self._shapes.get(node, ())
        return len(shape) == 2 and shape[0] == n_rows
