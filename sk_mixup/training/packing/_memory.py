"""How much memory a pack takes, and how many members fit."""

from __future__ import annotations

import torch
from torch import Tensor

from sk_mixup.training.feeds import move, tensors_of
from sk_mixup.training.loop import call_module
from sk_mixup.training.packing._feeds import row_bytes
from sk_mixup.training.packing._member import PackMember

# Weights, gradients and two states of an optimizer.
_COPIES = 4
# Of the memory that is free now, what a pack may take by default.
_SHARE = 0.5
_UNKNOWN = 2**31


def member_bytes(member: PackMember) -> int:
    """Estimate what a member adds to a pack.

    Weights and the states of the optimizer, the values that the backward pass of a
    batch needs, and batches made ready. The rows themselves are there once per fold.

    Parameters
    ----------
    member : PackMember
    """
    best = _weight_bytes(member) if member.best_weights is not None else 0
    rows = min(member.batch_size, len(member.train))
    return cached_bytes(member) + best + 3 * row_bytes(member.train) * rows


def cached_bytes(member: PackMember) -> int:
    """Estimate what every step of a member reads or writes.

    Parameters
    ----------
    member : PackMember
    """
    rows = min(member.batch_size, len(member.train))
    inputs = row_bytes(member.train) * rows
    return _COPIES * _weight_bytes(member) + _activation_bytes(member, rows) + inputs


def _weight_bytes(member: PackMember) -> int:
    module = member.net.module_
    tensors = [*module.parameters(), *module.buffers()]
    return sum(t.numel() * t.element_size() for t in tensors)


def _activation_bytes(member: PackMember, n_rows: int) -> int:
    """Measure what a backward pass keeps of one row, with two of them."""
    x, _ = member.train.sample(2)
    module = member.net.module_
    device = member.net.place_
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    was_training = module.training
    module.eval()
    try:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            call_module(module, move(x, device))
    finally:
        module.train(was_training)
    own = {p.data_ptr() for p in module.parameters()}
    per_batch = sum(size for pointer, size in kept.items() if pointer not in own)
    n_given = max(1, len(tensors_of(x)[0]))
    # The gradients of the same values come and go beside them.
    return 2 * per_batch * n_rows // n_given


def available_bytes(device: torch.device) -> int:
    """Return the memory that a pack may take by default."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free * _SHARE)
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(int(line.split()[1]) * 1024 * _SHARE)
    except OSError:
        pass
    return _UNKNOWN


def sizes_of_packs(n_members: int, each: int, limit: int) -> list[int]:
    """Return sizes of packs, as even as possible, that fit a limit.

    Parameters
    ----------
    n_members : int
    each, limit : int
        Bytes. A pack has at least one member.
    """
    most = max(1, limit // max(1, each))
    return even_sizes(n_members, -(-n_members // most))


def even_sizes(n_members: int, n_packs: int) -> list[int]:
    """Return sizes of packs that differ by one member at most, larger ones first."""
    small, larger = divmod(n_members, n_packs)
    return [small + 1] * larger + [small] * (n_packs - larger)
