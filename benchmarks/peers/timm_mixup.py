"""timm's Mixup, read from its one file.

Importing the package would pull in torchvision and take seconds; the file needs NumPy
and torch alone.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

Mix = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def find_timm_file(given: Path | None) -> Path | None:
    """Return timm's ``data/mixup.py``: the one given, an installed one, or None."""
    if given is not None:
        return given
    # find_spec of a top-level package locates it without running it.
    spec = importlib.util.find_spec("timm")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        file = Path(folder) / "data" / "mixup.py"
        if file.is_file():
            return file
    return None


def load_timm_class(file: Path) -> type[Any]:
    """Return the class ``Mixup`` of a copy of the file.

    Raises
    ------
    ImportError
        If the file holds no such class.
    """
    loader = importlib.machinery.SourceFileLoader("_timm_mixup", str(file))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    if not hasattr(module, "Mixup"):
        raise ImportError(f"{file.name} defines no class Mixup: is it timm's file?")
    found: type[Any] = module.Mixup
    return found


def timm_mixer(
    cls: type[Any], *, alpha: float, mode: str, n_classes: int, cutmix: bool = False
) -> Mix:
    """Return timm's mixing of a batch that stays as it is.

    timm writes into the batch it is given, so each call works on a clone: whoever mixes
    data that is used again (the next epoch) has to pay for one too.
    """
    mixer = cls(
        mixup_alpha=0.0 if cutmix else alpha,
        cutmix_alpha=alpha if cutmix else 0.0,
        mode=mode,
        label_smoothing=0.0,
        num_classes=n_classes,
    )

    def mix(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        mixed: tuple[Tensor, Tensor] = mixer(x.clone(), y)
        return mixed

    return mix
