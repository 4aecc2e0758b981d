"""Nets of timm and of Hugging Face transformers, with a head sized to the target.

The libraries are optional and are imported when a net is built. A thin module holds the
library's model as `model`, so that its forward pass returns a tensor, frozen parts stay
as they were, and a learning rate can fall from the head to the first layer. Names of
layers therefore begin with ``model.``, as in ``layers=["model.layer*"]``.
"""

from __future__ import annotations

import copy
import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from torch import Tensor, nn

from sk_mixup.nets._standardize import Standardize

# What texts are called by the inputs of the bundled nets.
_ALIASES = {"ids": "input_ids", "mask": "attention_mask"}
_STACKS = ("blocks", "stages", "layers", "features")


class _ExternalNet(nn.Module):
    """A model of another library: its freezing and its learning rates."""

    model: nn.Module
    lr_decay: float | None

    def _fine_tune(
        self, freeze: str | Sequence[str] | None, lr_decay: float | None
    ) -> None:
        if lr_decay is not None and not 0.0 < lr_decay <= 1.0:
            raise ValueError(
                f"lr_decay must be greater than 0 and at most 1; got {lr_decay!r}."
            )
        self.lr_decay = lr_decay
        patterns = [freeze] if isinstance(freeze, str) else list(freeze or [])
        for pattern in patterns:
            found = False
            for name, parameter in self.model.named_parameters():
                if _matches(name, pattern):
                    parameter.requires_grad_(False)
                    found = True
            if not found:
                names = [name for name, _ in self.model.named_modules() if name]
                raise ValueError(
                    f"freeze: {pattern!r} fits no part of {type(self.model).__name__};"
                    f" it has {names[:20]}{' ...' if len(names) > 20 else ''}."
                )
        if not any(p.requires_grad for p in self.model.parameters()):
            raise ValueError(
                f"freeze={freeze!r} leaves nothing of {type(self.model).__name__} to"
                " train."
            )

    def train(self, mode: bool = True) -> _ExternalNet:
        """Set the mode; frozen parts stay in evaluation mode.

        Their batch norms would go on to follow the data, and their dropout has no
        weights to regularize.
        """
        super().train(mode)
        if mode and any(not p.requires_grad for p in self.model.parameters()):
            for module in self.model.modules():
                own = list(module.parameters())
                if own and not any(p.requires_grad for p in own):
                    module.eval()
        return self

    def parts(self) -> list[str]:
        """Return the names of the parts in a row that inputs pass, first to last."""
        raise NotImplementedError

    def param_groups(self, lr: float) -> list[tuple[str, dict[str, float]]]:
        """Return learning rates by name, in the form of skorch's `param_groups`.

        The head keeps `lr`; each of `parts` has `lr_decay` times the rate of the next,
        and what comes before the first part that of a part before it.

        Parameters
        ----------
        lr : float
            Learning rate of the head.

        Returns
        -------
        groups : list of (name, {"lr": rate})
            Empty without `lr_decay`.
        """
        if self.lr_decay is None:
            return []
        parts = self.parts()
        rates = [
            lr * self.lr_decay ** (len(parts) - i + 1) for i in range(len(parts) + 1)
        ]
        before = []
        for name, _ in self.model.named_parameters():
            if any(name.startswith(f"{part}.") for part in parts):
                break
            before.append(name)
        # A name is its own pattern: those of parameters hold no wildcards.
        groups = [(f"model.{name}", {"lr": rates[0]}) for name in before if parts]
        return groups + [
            (f"model.{part}.*", {"lr": rate})
            for part, rate in zip(parts, rates[1:], strict=True)
        ]


class TimmNet(_ExternalNet):
    """An image model of timm.

    Parameters
    ----------
    name : str
        As ``timm.list_models()`` has it.
    in_channels, n_outputs : int
        Channels of an image, and width of the output.
    size : (int, int) or None
        Height and width; given to models that ask for them (`img_size`).
    pretrained : bool, default=False
        Whether to load the published weights (a download, the first time).
    channel_mean, channel_std : sequence of float or None
        By which inputs are standardized; the estimators give those of the training
        data.
    freeze : str, sequence of str or None
        Parts, or patterns such as ``"layer[12]"``, that are not trained.
    lr_decay : float or None
        Factor of the learning rate from one part to the one before it.
    **options : object
        Further arguments of ``timm.create_model``.
    """

    input_kind: ClassVar[str] = "array"
    input_axes: ClassVar[tuple[int, ...]] = (2,)
    input_shape: ClassVar[str] = "images of shape (n, channels, height, width)"

    def __init__(
        self,
        name: str,
        in_channels: int,
        n_outputs: int,
        *,
        size: Sequence[int] | None = None,
        pretrained: bool = False,
        channel_mean: Any = None,
        channel_std: Any = None,
        freeze: str | Sequence[str] | None = None,
        lr_decay: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        timm = _import("timm", f"module='timm/{name}'", "timm")
        if size is not None and _has_image_size(name):
            options.setdefault("img_size", tuple(size))
        self.scale = Standardize(in_channels, channel_mean, channel_std)
        self.model = timm.create_model(
            name,
            pretrained=pretrained,
            num_classes=n_outputs,
            in_chans=in_channels,
            **options,
        )
        self._fine_tune(freeze, lr_decay)

    def parts(self) -> list[str]:
        """Return the stages, or the entries of a stack of blocks."""
        names = []
        for name, child in self.model.named_children():
            if isinstance(child, (nn.Sequential, nn.ModuleList)) and len(child):
                if name in _STACKS:
                    names += [f"{name}.{i}" for i in range(len(child))]
                else:
                    names.append(name)
        return names

    def forward(self, x: Tensor) -> Tensor:
        """Compute the outputs of shape (B, n_outputs) for images (B, C, H, W)."""
        output: Tensor = self.model(self.scale(x))
        return output


class HuggingFaceNet(_ExternalNet):
    """A model of transformers for the classification of texts, images or sounds.

    Parameters
    ----------
    name : str
        A name on the Hub or a folder; its model's type, such as ``"bert"``, is enough
        where `config` is given.
    n_outputs : int
        Width of the output.
    config : PretrainedConfig, dict or None
        Builds a model with new weights, without any download. A dict holds arguments
        of the config class; its `model_type` defaults to `name`. None: the config of
        `name`, which is looked up.
    pretrained : bool, default=False
        Whether to load the weights of `name`; the head is new if its size differs.
    channel_mean, channel_std : sequence of float or None
        By which images are standardized; None: they are not.
    freeze : str, sequence of str or None
        Parts that are not trained, such as ``"embeddings"``, or patterns such as
        ``"encoder.layer.0*"``.
    lr_decay : float or None
        Factor of the learning rate from one layer to the one before it.
    trust_remote_code : bool, default=False
        Whether code that comes with the model may run. Nobody is asked: without it,
        such a model is an error.

    Notes
    -----
    Texts are token ids with or without their mask: ``{"input_ids": ...,
    "attention_mask": ...}``, ``{"ids": ..., "mask": ...}``, or an array of ids, of
    which those that are the config's `pad_token_id` are masked.
    """

    input_kind: ClassVar[str] = "any"

    def __init__(
        self,
        name: str,
        n_outputs: int,
        *,
        config: Any = None,
        pretrained: bool = False,
        channel_mean: Any = None,
        channel_std: Any = None,
        freeze: str | Sequence[str] | None = None,
        lr_decay: float | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(trust_remote_code, bool):
            raise TypeError(
                "trust_remote_code must be True or False; got"
                f" {trust_remote_code!r} of type {type(trust_remote_code).__name__}."
            )
        transformers = _import("transformers", f"module='hf/{name}'", "hf")
        with _refuses_code(name):
            config = _config(transformers, name, config, trust_remote_code)
            config.num_labels = n_outputs
            auto = _auto_class(transformers, config, trust_remote_code)
            if pretrained:
                self.model = auto.from_pretrained(
                    name,
                    config=config,
                    ignore_mismatched_sizes=True,
                    trust_remote_code=trust_remote_code,
                )
            else:
                self.model = auto.from_config(
                    config, trust_remote_code=trust_remote_code
                )
        self.main_input = str(self.model.main_input_name)
        self.pad_token_id: int | None = getattr(config, "pad_token_id", None)
        self.scale: Standardize | None = None
        if channel_mean is not None or channel_std is not None:
            known = channel_mean if channel_mean is not None else channel_std
            self.scale = Standardize(len(known), channel_mean, channel_std)
        self._fine_tune(freeze, lr_decay)

    def parts(self) -> list[str]:
        """Return the embeddings and the layers of the encoder."""
        names: list[str] = []
        stack = ""
        longest = 1
        for name, module in self.model.named_modules():
            if name.rpartition(".")[2] == "embeddings" and not names:
                names.append(name)
            if isinstance(module, nn.ModuleList) and len(module) > longest:
                stack, longest = name, len(module)
        return names + [f"{stack}.{i}" for i in range(longest) if stack]

    def forward(self, *args: Tensor, **inputs: Tensor) -> Tensor:
        """Compute the logits.

        Parameters
        ----------
        *args : Tensor
            The main input (ids, pixels or sounds), and its mask if there is one.
        **inputs : Tensor
            Arguments of the model by name.

        Returns
        -------
        logits : Tensor of shape (B, n_outputs)
        """
        inputs = {_ALIASES.get(key, key): value for key, value in inputs.items()}
        inputs |= dict(zip((self.main_input, "attention_mask"), args, strict=False))
        main = inputs[self.main_input]
        if self.main_input == "input_ids":
            if "attention_mask" not in inputs and self.pad_token_id is not None:
                inputs["attention_mask"] = main != self.pad_token_id
            mask = inputs.get("attention_mask")
            if mask is not None:
                inputs["attention_mask"] = mask.long()
        elif self.scale is not None:
            inputs[self.main_input] = self.scale(main)
        output: Tensor = self.model(**inputs).logits
        return output


@contextmanager
def _refuses_code(name: str) -> Iterator[None]:
    """Say what to do about a model that comes with code."""
    try:
        yield
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise ValueError(
            f"module='hf/{name}' comes with code of its own, which would run in this"
            " process. Read it, and say module__trust_remote_code=True if you trust it;"
            " or choose a model that transformers knows."
        ) from error


def _config(transformers: Any, name: str, config: Any, trusts: bool) -> Any:
    """Return a config of our own to change."""
    if config is None:
        return transformers.AutoConfig.from_pretrained(name, trust_remote_code=trusts)
    if isinstance(config, Mapping):
        return transformers.AutoConfig.for_model(**{"model_type": name, **config})
    return copy.deepcopy(config)


def _auto_class(transformers: Any, config: Any, trusts: bool) -> Any:
    kinds = (
        "AutoModelForSequenceClassification",
        "AutoModelForImageClassification",
        "AutoModelForAudioClassification",
    )
    for kind in kinds:
        auto = getattr(transformers, kind)
        if type(config) in auto._model_mapping:
            return auto
        if kind in (getattr(config, "auto_map", None) or {}):
            if not trusts:
                raise ValueError("Its classifier needs trust_remote_code.")
            return auto
    raise ValueError(
        f"config: transformers has no classifier of texts, images or sounds for"
        f" {type(config).__name__}."
    )


def _has_image_size(name: str) -> bool:
    """Whether a timm model is built for one image size."""
    return any(part in name for part in ("vit", "deit", "swin", "mixer", "beit"))


def _matches(name: str, pattern: str) -> bool:
    """Whether a parameter is in a part: any run of the names of its path."""
    return fnmatch.fnmatchcase(f".{name}.", f"*.{pattern}.*")


def _import(library: str, what: str, extra: str) -> Any:
    try:
        return __import__(library)
    except ImportError as error:
        raise ImportError(
            f"{what} needs the library {library} ({error}):"
            f" pip install 'sk-mixup[{extra}]'"
        ) from error
