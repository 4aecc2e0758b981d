"""Which hidden layers of an unknown net can be mixed, found by trying.

A layer is a sensible place to mix only if everything that the net knows of a row goes
through it: where one branch of two is mixed, labels are blended and half of what speaks
for them is not. That is tried, not guessed: with the rows of a batch of two exchanged
at the layer, the net must return its two outputs exchanged.

All trials run in evaluation mode, without gradients, on two or three rows, and leave
weights, buffers, modes and the random state of the module as they were.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing.layers._hooks import (
    batch_axis,
    find_layer,
    layer_names,
    mix_layer,
    tensors_of,
    uncompiled,
    unwrapped,
)
from sk_mixup.mixing.plans import LinearPlan
from sk_mixup.turns import TURNS

INPUT = "input"
Call = Callable[[Any], Any]
# With fewer places, the largest part of the net is looked into.
_FEW = 3


@dataclass(frozen=True)
class Sites:
    """The places to mix that were found in a net.

    Attributes
    ----------
    input_mixes : bool
        Whether the input can be blended.
    layers : tuple of str
        In the order in which they run.
    n_axes : tuple of int
        Number of axes of what each layer returns.
    """

    input_mixes: bool
    layers: tuple[str, ...]
    n_axes: tuple[int, ...]

    @property
    def names(self) -> list[str]:
        """The names to draw from."""
        return [INPUT] * self.input_mixes + list(self.layers)


# Of each net, as long as it lives: a draw must not cost a trial.
_FOUND: weakref.WeakKeyDictionary[nn.Module, Sites] = weakref.WeakKeyDictionary()


def known_sites(module: nn.Module) -> Sites | None:
    """Return what `find_sites` found in this net earlier, or None."""
    return _FOUND.get(unwrapped(module))


def find_sites(module: nn.Module, x: Any, call: Call | None = None) -> Sites:
    """Find the places to mix in a net.

    Parameters
    ----------
    module : torch.nn.Module
    x : Tensor, or dict, tuple or list of such
        A batch of at least one row, of which two are tried.
    call : callable or None
        Runs the net on rows like those of `x`; None: ``module(x)``, with the parts
        of a dict by name and those of a tuple one by one.

    Returns
    -------
    sites : Sites
        The same object every time for the same net.
    """
    net = unwrapped(module)
    if net not in _FOUND:
        if any(nn.parameter.is_lazy(p) for p in net.parameters()):
            raise ValueError(
                "layers='auto' tries the net on two rows, and it has lazy parameters:"
                " run it once on a batch before."
            )
        _FOUND[net] = _Search(module, x, call or plain_call(module)).sites()
    return _FOUND[net]


def plain_call(module: nn.Module) -> Call:
    """Return what runs a net on a batch: a dict by name, uint8 as floats."""

    def call(x: Any) -> Any:
        if isinstance(x, Mapping):
            return module(**x)
        if type(x) is tuple:
            return module(*x)
        is_bytes = isinstance(x, Tensor) and x.dtype == torch.uint8
        return module(x.float() if is_bytes else x)

    return call


def some_rows(x: Any, index: tuple[int, ...]) -> Any:
    """Return rows of a batch for a trial; masks are joined over these rows.

    A mask goes to every layer of a transformer beside the rows, and is joined in
    training too, or does not matter.
    """
    if isinstance(x, Tensor):
        return x[list(index)]
    if isinstance(x, Mapping):
        rows = {key: some_rows(value, index) for key, value in x.items()}
        for key, value in rows.items():
            if "mask" in str(key) and isinstance(value, Tensor):
                rows[key] = value.amax(0, keepdim=True).expand_as(value)
        return rows
    if isinstance(x, (tuple, list)):
        parts = [some_rows(value, index) for value in x]
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    return x


@contextmanager
def quiet(module: nn.Module, *, evaluates: bool = True) -> Iterator[None]:
    """Run a net without leaving a trace in it: buffers, modes, random states.

    Modes are set on the modules themselves, since a `train` method of their own may do
    more than that.

    Parameters
    ----------
    module : torch.nn.Module
    evaluates : bool, default=True
        Run it in evaluation mode; otherwise in the mode that each part is in.
    """
    parts = list(module.modules())
    modes = [part.training for part in parts]
    buffers = [
        (part._buffers, name, buffer, buffer.clone())
        for part in parts
        for name, buffer in part._buffers.items()
        if buffer is not None and not nn.parameter.is_lazy(buffer)
    ]
    cuda = {p.device for p in module.parameters() if p.device.type == "cuda"}
    # The fused path of transformers runs no inner layer. Both the switch and the random
    # state are the process's own.
    with TURNS, torch.random.fork_rng(sorted(cuda, key=str)), torch.no_grad():
        fused = torch.backends.mha.get_fastpath_enabled()
        try:
            torch.backends.mha.set_fastpath_enabled(False)
            if evaluates:
                for part in parts:
                    part.training = False
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fused)
            for part, mode in zip(parts, modes, strict=True):
                part.training = mode
            for owner, name, buffer, value in buffers:
                owner[name] = buffer.copy_(value)


@dataclass
class LayerRun:
    """What a layer did in one forward pass.

    Attributes
    ----------
    calls : int
    start, end : int
        When it began and ended, in order among all layers.
    shapes : list of tuple of int
        Of the floats that it returned.
    """

    calls: int = 0
    start: int = -1
    end: int = -1
    shapes: list[tuple[int, ...]] = field(default_factory=list)


def run_and_record(module: nn.Module, call: Call, x: Any) -> dict[str, LayerRun]:
    """Run a net once, and return what each of its layers did.

    Parameters
    ----------
    module : torch.nn.Module
    call : callable
    x : object
        What `call` takes.
    """
    runs = {name: LayerRun() for name in layer_names(module)}
    clock = iter(range(2**62))

    def begin(run: LayerRun) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            run.start = next(clock)

        return hook

    def end(run: LayerRun) -> Callable[..., None]:
        def hook(layer: nn.Module, inputs: Any, output: Any) -> None:
            run.calls += 1
            run.end = next(clock)
            run.shapes = [
                tuple(t.shape)
                for t in tensors_of(output)
                if not t.is_nested and t.is_floating_point()
            ]

        return hook

    with ExitStack() as stack:
        for name, run in runs.items():
            layer = find_layer(module, name)
            for handle in (
                layer.register_forward_pre_hook(begin(run)),
                layer.register_forward_hook(end(run)),
            ):
                stack.callback(handle.remove)
        with uncompiled(module):
            call(x)
    return runs


def misplaced_batch(
    layer: nn.Module, two: LayerRun, three: LayerRun
) -> tuple[int, ...] | None:
    """Return the shape of a tensor whose batch is not where it is looked for.

    The axis that grows with the rows is the batch; no shape alone can tell.

    Parameters
    ----------
    layer : torch.nn.Module
    two, three : LayerRun
        What it did for two and for three rows.
    """
    if isinstance(layer, (nn.RNNBase, nn.MultiheadAttention)):
        return None  # of torch, with known places for each tensor
    axis = batch_axis(layer)
    for few, many in zip(two.shapes, three.shapes, strict=False):
        sizes = list(zip(few, many, strict=False))
        if (2, 3) in sizes and sizes[axis : axis + 1] != [(2, 3)]:
            return few
    return None


class _Search:
    """Looks for places to mix in one net.

    Parameters
    ----------
    module, x, call :
        As for `find_sites`.
    """

    def __init__(self, module: nn.Module, x: Any, call: Call) -> None:
        self.module, self.net, self.call = module, unwrapped(module), call
        last = len(next(tensors_of(x))) - 1
        self.x, self.two = x, some_rows(x, (0, last))
        self.three = some_rows(x, (0, last, 0))
        self.fitting: dict[str, bool] = {}

    def sites(self) -> Sites:
        """Return what was found."""
        inputs = list(tensors_of(self.x))
        blendable = all(
            t.is_floating_point() or t.is_complex() or t.dtype == torch.uint8
            for t in inputs
        )
        with quiet(self.module):
            self.runs = run_and_record(self.module, self.call, self.two)
            self.many = run_and_record(self.module, self.call, self.three)
            self.head = max(
                (name for name in self.runs if self._holds_weights_itself(name)),
                key=lambda name: self.runs[name].end,
                default=None,
            )
            self.clean = self._ends(None)
            layers = self._chosen()
            if not layers and not blendable and len(inputs) == 1:
                # What passes beside every layer can only be a mask or the positions
                # that the net makes of its only input.
                self.clean, self.fitting = [], {}
                layers = self._chosen()
        inside = bool(getattr(self.net, "mixes_inside", False))
        if not layers and not blendable and not inside:
            raise ValueError(
                f"layers='auto' found no layer of {type(self.net).__name__} to mix:"
                " none with weights runs once, has the batch first, stands before the"
                " last one and takes all that the net knows of a row. Give"
                f" layers=[...] with names such as {layer_names(self.net)[:5]}."
            )
        n_axes = tuple(len(self.runs[name].shapes[0]) for name in layers)
        return Sites(blendable or inside, tuple(layers), n_axes)

    def _chosen(self) -> list[str]:
        parts, opened = self._blocks(""), set[str]()
        while True:
            fitting = [name for name in parts if self._fits(name)]
            closed = [name for name in parts if name not in opened]
            lists = [name for name in closed if self._holds_a_list(name)]
            if not lists and (len(fitting) >= _FEW or not closed):
                return fitting
            part = lists[0] if lists else max(closed, key=self._n_weights)
            opened.add(part)
            inner = self._blocks(part)
            if sum(map(self._fits, inner)) > self._fits(part):
                at = parts.index(part)
                parts[at : at + 1] = inner

    def _blocks(self, name: str) -> list[str]:
        """Return the parts of a layer that ran, in order, and hold weights."""
        prefix = f"{name}." if name else ""
        layer = find_layer(self.module, name) if name else self.net
        blocks: list[str] = []
        for child, part in layer.named_children():
            if self._n_weights(prefix + child) == 0 or _normalises(part):
                continue
            ran = self.runs[prefix + child].calls > 0
            # Lists of layers do not run, their elements do.
            blocks += [prefix + child] if ran else self._blocks(prefix + child)
        return sorted(blocks, key=lambda name: self.runs[name].end)

    def _fits(self, name: str) -> bool:
        if name not in self.fitting:
            run, many = self.runs[name], self.many[name]
            layer = find_layer(self.module, name)
            axis = batch_axis(layer)
            self.fitting[name] = (
                run.calls == 1
                and self.head is not None
                and run.end < self.runs[self.head].start
                and any(len(s) > axis and s[axis] == 2 for s in run.shapes)
                and misplaced_batch(layer, run, many) is None
                and self._takes_all(name)
            )
        return self.fitting[name]

    def _takes_all(self, name: str) -> bool:
        """Whether rows exchanged at this layer come out exchanged."""
        return all(
            torch.allclose(now, was.flip(0), 1e-3, 1e-4 * float(was.abs().max() + 1e-6))
            for was, now in zip(self.clean, self._ends(name), strict=False)
        )

    def _ends(self, site: str | None) -> list[Tensor]:
        """Return what goes into the last layer and what the net returns.

        Both, since a head may begin with weights of zero.
        """
        seen: list[Any] = []
        device = next((p.device for p in self.net.parameters()), None)
        swap = LinearPlan(
            torch.tensor([1, 0], device=device),
            torch.zeros(2, device=device),
            lam_host=0.0,
            site=site,
        )
        with ExitStack() as stack:
            if self.head is not None:
                handle = find_layer(self.module, self.head).register_forward_pre_hook(
                    lambda layer, args, kwargs: seen.extend([args, kwargs]),
                    with_kwargs=True,
                )
                stack.callback(handle.remove)
            stack.enter_context(uncompiled(self.module))
            stack.enter_context(mix_layer(self.module, swap))
            torch.manual_seed(0)
            seen.append(self.call(self.two))
        return [
            t.float()
            for t in tensors_of(seen)
            if not t.is_nested and t.is_floating_point() and t.shape[:1] == (2,)
        ]

    def _holds_a_list(self, name: str) -> bool:
        return any(
            isinstance(part, nn.ModuleList)
            for part in find_layer(self.module, name).children()
        )

    def _holds_weights_itself(self, name: str) -> bool:
        layer = find_layer(self.module, name)
        return self.runs[name].calls > 0 and any(
            True for _ in layer.parameters(recurse=False)
        )

    def _n_weights(self, name: str) -> int:
        return sum(p.numel() for p in find_layer(self.module, name).parameters())


def _normalises(layer: nn.Module) -> bool:
    return "norm" in type(layer).__name__.lower()
