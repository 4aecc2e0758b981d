"""What `None` means: settings of a training that the user left open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

#: Rows from which ``early_stopping="auto"`` holds out a validation part.
AUTO_EARLY_STOPPING_ROWS = 500


@dataclass(frozen=True)
class Recipe:
    """Settings of one training.

    Attributes
    ----------
    max_epochs, batch_size, n_iter_no_change : int
    lr : float
    optimizer : type
    optimizer_params : dict
    anneal : bool
        Whether the learning rate falls along a cosine over the planned epochs.
    longest : int
        Epochs where the losses still fall half-way, see `Horizon`.
    first_epoch : float
        Share of the planned epochs before which none is kept as the best, nor counts
        for `n_iter_no_change`.
    precision : str
        What ``precision="auto"`` stands for.
    net : dict
        Arguments of the net that `None` stands for.
    chooses_steps : bool
        Whether the first epochs decide between orthogonal steps and those of AdamW.
    tried_alpha : float
        With which half of the members try to mix, where nobody says how strongly; 0:
        none does.
    """

    max_epochs: int
    batch_size: int
    lr: float
    optimizer: type
    optimizer_params: dict[str, Any]
    n_iter_no_change: int
    anneal: bool
    longest: int = 0
    first_epoch: float = 0.0
    precision: str = "float32"
    net: dict[str, Any] = field(default_factory=dict)
    chooses_steps: bool = False
    tried_alpha: float = 0.0


def image_recipe(n_rows: int, device: str) -> Recipe:
    """Return the recipe of nets for images, sequences and spectrograms.

    About 1200 steps, between 30 and 100 epochs: on 5 000 photographs of 32 x 32 pixels
    30 epochs of batches of 128. Batches of a few rows make batch norm noisy; small
    data get 32.

    Parameters
    ----------
    n_rows : int
        Training rows.
    device : str
    """
    batch_size = 32 if n_rows <= 1_000 else 64 if n_rows <= 4_000 else 128
    steps = max(1, -(-n_rows // batch_size))
    return Recipe(
        max_epochs=int(min(100, max(30, 1_200 // steps))),
        batch_size=batch_size,
        lr=2e-3,
        optimizer=torch.optim.AdamW,
        optimizer_params={"weight_decay": 5e-2, "fused": fused(device)},
        n_iter_no_change=10,
        anneal=True,
    )


def text_recipe(n_rows: int, device: str) -> Recipe:
    """Return the recipe of nets for texts.

    Parameters
    ----------
    n_rows : int
        Training rows.
    device : str
    """
    batch_size = 32 if n_rows <= 1_000 else 64 if n_rows <= 20_000 else 256
    steps = max(1, -(-n_rows // batch_size))
    return Recipe(
        max_epochs=int(min(60, max(15, 2_000 // steps))),
        batch_size=batch_size,
        lr=2e-3,
        optimizer=torch.optim.AdamW,
        optimizer_params={"weight_decay": 1e-2, "fused": fused(device)},
        n_iter_no_change=6,
        anneal=True,
    )


def tuning_recipe(device: str) -> Recipe:
    """Return the recipe of a net whose weights are loaded: few epochs, small steps."""
    return Recipe(
        max_epochs=5,
        batch_size=32,
        lr=5e-5,
        optimizer=torch.optim.AdamW,
        optimizer_params={"weight_decay": 1e-2, "fused": fused(device)},
        n_iter_no_change=3,
        anneal=True,
    )


def module_recipe(device: str) -> Recipe:
    """Return the recipe of a module that the user brings: a plain AdamW."""
    return Recipe(
        max_epochs=20,
        batch_size=128,
        lr=1e-3,
        optimizer=torch.optim.AdamW,
        optimizer_params={"fused": fused(device)},
        n_iter_no_change=10,
        anneal=False,
    )


def fast_precision(device: str) -> str:
    """Return "bfloat16" where products of it are native to the CPU, else "float32".

    Emulated ones are slower than those of float32. An older torch cannot tell, and
    gets float32.
    """
    if torch.device(device).type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return "float32"
    found = torch.cpu.get_capabilities()
    native = found.get("avx512_bf16", False) or found.get("amx_bf16", False)
    return "bfloat16" if native else "float32"


def fused(device: str) -> bool:
    """Whether AdamW has a fused step there."""
    return torch.device(device).type in ("cpu", "cuda")


def resolve_device(device: Any, module: Any = None) -> str:
    """Return the device of a training.

    Parameters
    ----------
    device : str or torch.device
        "auto": CUDA, else Apple's MPS, else the CPU. None, as in skorch: where the
        module is.
    module : object
        As the user gives it.

    Raises
    ------
    ValueError
        For a device that this machine or torch does not have.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    if device is None:
        parameters = module.parameters() if isinstance(module, nn.Module) else iter(())
        return str(next((p.device for p in parameters), "cpu"))
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise ValueError(
            f"device must be 'auto', 'cpu', 'cuda', 'mps' or another torch device that"
            f" this machine has; got {device!r} ({error})."
        ) from error
    return str(resolved)
