"""From `module=` to a skorch net that is ready to train.

Everything that can be wrong with a module, a criterion or an optimizer is found here,
by their signatures and by one forward pass of two rows, before training starts.
"""

from __future__ import annotations

import copy
import difflib
import inspect
from collections.abc import Callable
from typing import Any, Literal

import torch
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from torch import Tensor, nn
from torch.utils.data import DataLoader

from sk_mixup.mixing import (
    ManifoldMixup,
    Method,
    MixContext,
    OneOf,
    output_activation,
    try_layers,
    unreduced,
)
from sk_mixup.nets import (
    BagOfEmbeddings,
    ConvNet,
    HuggingFaceNet,
    ResNet,
    TabularNet,
    TextCNN,
    TimmNet,
)
from sk_mixup.training._ahead import mixes_input
from sk_mixup.training._batches import Input, first_input
from sk_mixup.training._heads import TargetKind
from sk_mixup.training._net import mixing_net_class
from sk_mixup.training._objective import Objective, main_output
from sk_mixup.training._prediction import call_module
from sk_mixup.training._trial import (
    check_arguments_of_forward,
    described,
    hints,
    try_plan,
)

#: Nets by short name. Each says in `input_kind` what it takes: "table", "array" or
#: "text"; an "array" net is built from the shape of the arrays.
BUNDLED: dict[str, type[nn.Module]] = {
    "mlp": TabularNet,
    "resnet": ResNet,
    "convnet": ConvNet,
    "text_cnn": TextCNN,
    "text_bag": BagOfEmbeddings,
}
#: Nets of other libraries, by the part of the name before the slash.
EXTERNAL: dict[str, type[nn.Module]] = {"timm": TimmNet, "hf": HuggingFaceNet}
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


def bundled_net(module: Any) -> type[nn.Module] | None:
    """Return the class that a name stands for; None for modules of the user's own."""
    if module is None:
        return TabularNet
    if not isinstance(module, str):
        return None
    return BUNDLED.get(module) or EXTERNAL.get(module.partition("/")[0])


def input_kind(module: Any) -> str:
    """Say what a module takes: "table", "array", "text" or "any"."""
    return getattr(bundled_net(module), "input_kind", "any")


def make_net(
    module: Any,
    *,
    is_classifier: bool,
    settings: dict[str, Any],
    prefixed: dict[str, Any],
    table_arguments: dict[str, Any] | None = None,
) -> Any:
    """Return a net that is not initialized yet.

    Parameters
    ----------
    module : object
        As `module_kind` takes it.
    is_classifier : bool
    settings : dict
        skorch's settings; for a wrapped net only those that replace its own.
    prefixed : dict
        ``module__x`` and the like.
    table_arguments : dict or None
        What the bundled net learns from the encoded table.
    """
    kind = module_kind(module)
    prefixed = dict(prefixed)
    default = NeuralNetClassifier if is_classifier else NeuralNetRegressor
    if kind == "net":
        net = _wrapped(module, settings, prefixed)
    else:
        if kind == "bundled":
            learnt = {f"module__{k}": v for k, v in (table_arguments or {}).items()}
            if isinstance(module, str) and module not in BUNDLED:
                learnt["module__name"] = module.partition("/")[2]
            prefixed = learnt | prefixed
            module = bundled_net(module)
        elif kind == "template":
            module = copy.deepcopy(module)
        _check_arguments("module", module, prefixed)
        net = mixing_net_class(default)(module=module, **settings, **prefixed)
    net.train_split = None
    criterion = net.criterion
    if inspect.isroutine(criterion):
        net.criterion = _Constant(criterion)
    elif criterion is not None:
        _prepare_criterion(net)
    _check_arguments("optimizer", net.optimizer, vars(net), given=("params", "lr"))
    _check_arguments("iterator_train", DataLoader, vars(net))
    has_options = any(key.startswith("iterator_train__") for key in vars(net))
    net.uses_loader_ = has_options or net.iterator_train is not DataLoader
    return net


def initialize_net(
    net: Any,
    sample: Input,
    y: Tensor,
    *,
    n_classes: int | None,
    needs_rows: bool,
    kind: TargetKind | None = None,
) -> Objective:
    """Initialize a net, and try module and criterion on two rows.

    Parameters
    ----------
    net : skorch net
    sample : Tensor or dict
        Two rows of input (one, if there are no more).
    y : Tensor
        Their targets.
    n_classes : int or None
        None: regression.
    needs_rows : bool
        Whether the training needs one loss per row (mixing or weights).
    kind : TargetKind or None
        Of targets other than one class or some numbers per row.

    Returns
    -------
    objective : Objective
    """
    outputs: list[Tensor] = []
    plain_initialize = net.initialize_module

    def initialize_module() -> Any:
        plain_initialize()
        _give_rates(net)
        outputs.append(_try_module(net.module_, sample, kind))
        if kind is None:
            _check_width(net.module_, outputs[0], y, n_classes)
        if net.criterion is None:
            net.criterion = (
                _default_criterion(outputs[0], n_classes)
                if kind is None
                else kind.default_criterion(outputs[0])
            )
            net.criterion__reduction = "none"
        return net

    if kind is not None and isinstance(net, NeuralNetClassifier):
        # skorch's accuracy knows one class per row; ours takes its place.
        net.callbacks__valid_acc = None
    # An attribute on the instance, removed at once: a net must stay picklable.
    net.initialize_module = initialize_module
    try:
        net.initialize()
    finally:
        del net.initialize_module
    takes_log = isinstance(net, NeuralNetClassifier) and isinstance(
        net.criterion_, nn.NLLLoss
    )
    takes_log = takes_log and net.wraps_ is True
    objective = (
        Objective(net.criterion_, n_classes, takes_log=takes_log)
        if kind is None
        else kind.objective(net.criterion_, takes_log=takes_log)
    )
    _try_criterion(objective, outputs[0], y, net.device, needs_rows)
    return objective


def check_mixing(
    method: Method | None,
    net: Any,
    sample: Input,
    y: Tensor,
    facts: dict[str, Any],
) -> None:
    """Draw and apply plans, so that a method that cannot mix this input says so.

    Parameters
    ----------
    method : Method or None
    net : skorch net
        Initialized.
    sample : Tensor or dict
        Some rows of input.
    y : Tensor
        Their targets.
    facts : dict
        As `mix_facts` returns them.
    """
    if method is None:
        return
    module = net.module_
    inside = getattr(module, "mixes_inside", False)
    context = MixContext(module=module, **facts)
    for one in method.methods if isinstance(method, OneOf) else [method]:
        _check_memory(one, module, inside)
        try_layers(one, module, sample, y, call=net.infer, context=context)
        # Also of a method inside another: `method__off_first`.
        epochs = [k for k in one.get_params() if k.endswith(("off_first", "off_last"))]
        trial = copy.deepcopy(one).set_params(**dict.fromkeys(epochs, 0))
        plan = trial.draw(
            sample, y, generator=torch.Generator().manual_seed(0), context=context
        )
        if plan.unites_targets:
            _check_union(net.criterion_)
        # A hidden layer that can be drawn excuses an input that cannot be mixed.
        hidden = isinstance(one, ManifoldMixup) and "input" not in one.sites(module)
        if mixes_input(plan, inside) and not hidden:
            try_plan(plan, sample)


def _check_union(criterion: Any) -> None:
    """Refuse the labels of both partners where a row can have one alone."""
    one_class = isinstance(criterion, (nn.CrossEntropyLoss, nn.NLLLoss))
    if one_class or output_activation(criterion) == "softmax":
        raise ValueError(
            "mix: union=True gives a row the labels of both partners, and criterion:"
            f" {type(criterion).__name__} takes shares of one label. Use"
            " criterion=torch.nn.BCEWithLogitsLoss, or union=False."
        )


def _check_memory(method: Method, module: nn.Module, inside: bool) -> None:
    """Refuse partners from memory where something else than the input is mixed."""
    for value in method.get_params().values():
        if not getattr(value, "keeps_rows", False):
            continue
        if isinstance(method, ManifoldMixup) or (inside and method.blends):
            place = "hidden layers" if not inside else "the embedded input"
            raise ValueError(
                f"mix: pairing={value!r} keeps rows of the input, and"
                f" {type(method).__name__} mixes {place} of {type(module).__name__}."
                " Use another pairing such as 'shuffle'"
                + (", or a module of your own." if inside else ".")
            )


def _give_rates(net: Any) -> None:
    """Let a module that knows learning rates of its parts have them."""
    rates = getattr(net.module_, "param_groups", None)
    if callable(rates) and "optimizer__param_groups" not in vars(net):
        lr = vars(net).get("optimizer__lr", net.lr)
        if groups := rates(lr):
            vars(net)["optimizer__param_groups"] = groups


class _Constant:
    """Returns a loss function where skorch calls a class."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self.function = function

    def __call__(self) -> Callable[..., Tensor]:
        return self.function


def _wrapped(module: Any, settings: dict[str, Any], prefixed: dict[str, Any]) -> Any:
    """Return a copy of a skorch net with mixing added."""
    if isinstance(module, type):
        try:
            module = module()
        except TypeError as error:
            raise ValueError(
                f"module={module.__name__} cannot be built without arguments ({error})."
                f" Give an instance, such as {module.__name__}(MyModule)."
            ) from error
    params = module.get_params(deep=False)
    params = {k: v for k, v in params.items() if not k.startswith("_")}
    params["module"] = copy.deepcopy(params["module"])
    own_callbacks = list(params.get("callbacks") or [])
    added = settings.get("callbacks") or []
    params |= settings
    params["callbacks"] = own_callbacks + list(added)
    params |= prefixed
    base: Any = type(module)
    net = mixing_net_class(base)(**params)
    net.wraps_ = True
    _check_arguments("module", net.module, vars(net))
    return net


def _prepare_criterion(net: Any) -> None:
    criterion = net.criterion
    if isinstance(criterion, nn.Module):
        # skorch takes modules as attributes only while it initializes.
        vars(net)["criterion"] = unreduced(criterion)
        return
    _check_arguments("criterion", criterion, vars(net))
    try:
        takes_reduction = "reduction" in inspect.signature(criterion).parameters
    except (TypeError, ValueError):
        return
    if not takes_reduction:
        return
    wanted = getattr(net, "criterion__reduction", "mean")
    if wanted not in ("mean", "none"):
        raise ValueError(
            f"criterion__reduction={wanted!r}: the loss of a batch is the mean over its"
            " rows; remove the parameter or say 'mean'."
        )
    net.criterion__reduction = "none"


def _check_arguments(
    prefix: str, target: Any, parameters: dict[str, Any], given: tuple[str, ...] = ()
) -> None:
    """Raise a TypeError for ``prefix__x`` that `target` does not take."""
    start = f"{prefix}__"
    names = [key[len(start) :] for key in parameters if key.startswith(start)]
    names = [name for name in names if not name.startswith("param_groups")]
    if not names:
        return
    if isinstance(target, nn.Module):
        if prefix != "module":
            return
        raise ValueError(
            f"{start}{names[0]} was given, but module is an instance, which is copied"
            f" as it is. Give the class {type(target).__name__} instead."
        )
    try:
        parameter = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return
    if any(p.kind is p.VAR_KEYWORD for p in parameter.values()):
        return
    known = [name for name in parameter if name not in given]
    for name in names:
        if name in parameter:
            continue
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {start}{near[0]}?" if near else ""
        label = getattr(target, "__name__", repr(target))
        raise TypeError(
            f"{start}{name}: {label} takes no argument {name!r}; it takes"
            f" {known}.{hint}"
        )


@torch.no_grad()
def _try_module(
    module: nn.Module, sample: Input, kind: TargetKind | None = None
) -> Tensor:
    check_arguments_of_forward(module, sample)
    module.eval()
    try:
        output = call_module(module, sample)
    except Exception as error:
        raise ValueError(
            f"module: {type(module).__name__} failed on {len(first_input(sample))} rows"
            f" of shape {described(sample)}: {type(error).__name__}: {error}"
            f"{hints(sample)}"
        ) from error
    finally:
        module.train()
    if kind is not None:
        n_rows = len(first_input(sample))
        kind.check_output(type(module).__name__, output, n_rows)
        return kind.read(output)
    output = main_output(output)
    if not isinstance(output, Tensor):
        raise ValueError(
            f"module: {type(module).__name__} must return a tensor, or a tuple that"
            f" starts with one; it returned {type(output).__name__}."
        )
    return output


def _check_width(
    module: nn.Module, output: Tensor, y: Tensor, n_classes: int | None
) -> None:
    name = type(module).__name__
    width = output[0].numel() if len(output) else 0
    if len(output) != len(y):
        raise ValueError(
            f"module: {name} returned {len(output)} rows for {len(y)} rows of input."
        )
    if n_classes is None:
        wanted = y[0].numel()
        if width != wanted:
            raise ValueError(
                f"module: {name} returns {width} values per row, and y has {wanted}"
                " per row."
            )
        return
    if output.ndim > 2 or (width != n_classes and not (width == 1 and n_classes == 2)):
        logit = " (or one logit)" if n_classes == 2 else ""
        raise ValueError(
            f"module: {name} returns shape {tuple(output.shape)} for {len(y)} rows, and"
            f" y has {n_classes} classes: it must return {n_classes} values per row"
            f"{logit}."
        )


def _default_criterion(output: Tensor, n_classes: int | None) -> type[nn.Module]:
    if n_classes is None:
        return nn.MSELoss
    if output.ndim == 1 or output.shape[1] != n_classes:
        return nn.BCEWithLogitsLoss
    return nn.CrossEntropyLoss


def _try_criterion(
    objective: Objective, output: Tensor, y: Tensor, device: Any, needs_rows: bool
) -> None:
    name = getattr(objective.criterion, "__name__", None)
    name = name or type(objective.criterion).__name__
    try:
        with torch.no_grad():
            loss = objective.rows(output.to(device), y.to(device))
    except Exception as error:
        raise ValueError(
            f"criterion: {name} failed on outputs of shape {tuple(output.shape)} and"
            f" targets of shape {tuple(y.shape)}, dtype {y.dtype}:"
            f" {type(error).__name__}: {error}"
        ) from error
    if loss.ndim == 0 and (needs_rows or len(y) == 1):
        raise ValueError(
            f"criterion: {name} returns one number per batch. Mixed targets and weights"
            " need one loss per row: give a criterion with reduction='none' (or a"
            " `reduction` parameter), or mix=None."
        )
    if loss.ndim and loss.shape != (len(y),):
        raise ValueError(
            f"criterion: {name} returned shape {tuple(loss.shape)} for {len(y)} rows."
        )
