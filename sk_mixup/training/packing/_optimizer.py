"""One optimizer step for all members.

The optimizers of torch that treat every number by itself are exact on stacked weights.
Consecutive members that share their settings and their number of steps form a block,
with one of torch's own optimizers over it; learning rates are read from the optimizers
of the members' nets, where schedulers set them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing.plans import sent
from sk_mixup.training.feeds import count_batches
from sk_mixup.training.packing._member import PackMember
from sk_mixup.training.packing._stack import Stack
from sk_mixup.training.recipes import apply_fused

#: Optimizers that treat every number by itself.
ELEMENTWISE = (
    torch.optim.ASGD, torch.optim.Adadelta, torch.optim.Adagrad, torch.optim.Adam,
    torch.optim.AdamW, torch.optim.Adamax, torch.optim.NAdam, torch.optim.RAdam,
    torch.optim.RMSprop, torch.optim.Rprop, torch.optim.SGD,
)  # fmt: skip
_FUSED = (torch.optim.Adagrad, torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD)


def names_of_groups(member: PackMember) -> list[tuple[str, ...]]:
    """Return the names of the parameters in each group of a member's optimizer."""
    names = {id(p): name for name, p in member.net.module_.named_parameters()}
    return [
        tuple(names[id(p)] for p in group["params"])
        for group in member.net.optimizer_.param_groups
    ]


def settings_of(member: PackMember, rates: Any) -> Any:
    """Return what members with one optimizer have in common.

    Parameters
    ----------
    member : PackMember
    rates : object
        What changes the learning rates of the member; compared.
    """
    settings = []
    for group in member.net.optimizer_.param_groups:
        plain = {key: value for key, value in group.items() if key != "params"}
        settings.append(repr(sorted(plain.items())))
    n_batches = count_batches(len(member.train), member.batch_size)
    return n_batches, tuple(settings), rates


class PackOptimizer:
    """The optimizers of a pack.

    Parameters
    ----------
    members : sequence of PackMember
        In the order of the stack, those with most batches first.
    stack : Stack
    settings : sequence of object
        Of each member, as `settings_of` returns them.
    """

    def __init__(
        self, members: Sequence[PackMember], stack: Stack, settings: Sequence[Any]
    ) -> None:
        self._members = list(members)
        self._settings = list(settings)
        self._stack = stack
        self._groups = names_of_groups(members[0])
        clips = [m.knobs.clip_norm for m in members]
        self._clips = clips if any(c is not None for c in clips) else None
        self._norms: dict[int, Tensor] = {}
        self._blocks: list[_Block] = []
        self._build(None, None)

    def _build(self, old: list[_Block] | None, kept: Sequence[int] | None) -> None:
        """Make the blocks; `old` ones hand over what they know of the kept members."""
        blocks = []
        low = 0
        for high in range(1, len(self._members) + 1):
            done = high == len(self._members)
            if not done and self._settings[high] == self._settings[low]:
                continue
            blocks.append(
                _Block(low, high, self._members[low], self._stack, self._groups)
            )
            low = high
        if old is not None and kept is not None:
            for block in blocks:
                # Members of one block were in one block before: their order stays.
                block.take_state(old, kept)
        self._blocks = blocks

    def step(self, grads: dict[str, Tensor], n_members: int) -> None:
        """Take a step of the first members.

        Parameters
        ----------
        grads : dict of str to Tensor of shape (n_members, ...)
        n_members : int
        """
        if self._clips is not None:
            clip_by_member(grads, self._limits(n_members, grads))
        for block in self._blocks:
            if block.high > n_members:
                break
            block.step(grads)

    def _limits(self, n_members: int, grads: dict[str, Tensor]) -> Tensor:
        """Return the norms of the first members, where their gradients are."""
        assert self._clips is not None
        if n_members not in self._norms:
            own = [float("inf") if c is None else c for c in self._clips[:n_members]]
            device = next(iter(grads.values())).device
            self._norms[n_members] = sent(torch.tensor(own), device)
        return self._norms[n_members]

    def set_rates(self) -> None:
        """Read the learning rates of the nets."""
        for block in self._blocks:
            block.set_rates()

    @property
    def leaders(self) -> list[int]:
        """First member of every block, whose learning rates count."""
        return [block.low for block in self._blocks]

    def release(self, k: int) -> None:
        """Give a member's own optimizer what it would know after its own training."""
        for block in self._blocks:
            if block.low <= k < block.high:
                block.write_state(k, self._members[k])

    def keep(self, kept: Sequence[int]) -> None:
        """Go on with some members, whose stack was cut already."""
        self._members = [self._members[k] for k in kept]
        self._settings = [self._settings[k] for k in kept]
        if self._clips is not None:
            self._clips = [self._clips[k] for k in kept]
            self._norms.clear()
        self._build(self._blocks, kept)


class _Block:
    """One of torch's optimizers, over consecutive members."""

    def __init__(
        self,
        low: int,
        high: int,
        leader: PackMember,
        stack: Stack,
        groups: list[tuple[str, ...]],
    ) -> None:
        self.low, self.high, self._stack = low, high, stack
        self._leader = leader.net.optimizer_
        # Leaves of their own: those of the forward pass may be cut otherwise.
        self.leaves = {
            name: value[low:high].requires_grad_(name in stack.trained)
            for name, value in stack.params.items()
        }
        device = next(iter(stack.params.values())).device.type
        made = []
        for names, group in zip(groups, self._leader.param_groups, strict=True):
            settings = {k: v for k, v in group.items() if k not in ("initial_lr",)}
            settings["params"] = [self.leaves[name] for name in names]
            if type(self._leader) in _FUSED and _may_fuse(settings, device):
                settings |= {"fused": True, "foreach": False}
            made.append(settings)
        self.optimizer = type(self._leader)(made)
        # What a step reads besides the gradients, in calls without the optimizer's
        # bookkeeping; known after the first step.
        self._direct: list[_Direct] = []
        self._names: list[str] = []

    def set_rates(self) -> None:
        for mine, own in zip(
            self.optimizer.param_groups, self._leader.param_groups, strict=True
        ):
            mine["lr"] = own["lr"]

    def step(self, grads: dict[str, Tensor]) -> None:
        if self._direct and self._names == list(grads):
            low, high = self.low, self.high
            for direct in self._direct:
                direct([grads[name][low:high] for name in direct.names])
            return
        for name, leaf in self.leaves.items():
            grad = grads.get(name)
            leaf.grad = None if grad is None else grad[self.low : self.high]
        self.optimizer.step()
        self._names = list(grads)
        self._direct = self._directly()

    def _directly(self) -> list[_Direct]:
        """Return calls that step as the optimizer does; none if there are none."""
        if type(self.optimizer) not in (torch.optim.Adam, torch.optim.AdamW):
            return []
        names = {id(leaf): name for name, leaf in self.leaves.items()}
        calls = []
        for group in self.optimizer.param_groups:
            if not group.get("fused") or group["amsgrad"]:
                return []
            leaves = [p for p in group["params"] if p.grad is not None]
            if leaves:
                chosen = [names[id(leaf)] for leaf in leaves]
                states = [self.optimizer.state[leaf] for leaf in leaves]
                calls.append(
                    _Direct(type(self.optimizer), group, chosen, leaves, states)
                )
        return calls

    def take_state(self, old: list[_Block], kept: Sequence[int]) -> None:
        first = kept[self.low]
        before = next(b for b in old if b.low <= first < b.high)
        places = [kept[k] - before.low for k in range(self.low, self.high)]
        for name, leaf in self.leaves.items():
            state = before.optimizer.state.get(before.leaves[name])
            if not state:
                continue
            index = torch.tensor(places, device=leaf.device)
            self.optimizer.state[leaf] = {
                key: value.index_select(0, index)
                if _is_stacked(value, before.leaves[name])
                else value
                for key, value in state.items()
            }

    def write_state(self, k: int, member: PackMember) -> None:
        own = member.net.optimizer_
        for name, parameter in member.net.module_.named_parameters():
            state = self.optimizer.state.get(self.leaves[name])
            if not state:
                continue
            own.state[parameter] = {
                key: self._stack.unpacked(name, value[k - self.low]).clone(
                    memory_format=torch.contiguous_format
                )
                if _is_stacked(value, self.leaves[name])
                else (value.clone() if isinstance(value, Tensor) else value)
                for key, value in state.items()
            }


class _Direct:
    """A fused step of one group of parameters, and nothing around it."""

    def __init__(
        self,
        kind: type,
        group: dict[str, Any],
        names: list[str],
        leaves: list[Tensor],
        states: list[dict[str, Tensor]],
    ) -> None:
        self.names = names
        self._group = group
        self._decoupled = kind is torch.optim.AdamW
        self._leaves = [leaf.detach() for leaf in leaves]
        self._first = [state["exp_avg"] for state in states]
        self._second = [state["exp_avg_sq"] for state in states]
        self._steps = [state["step"] for state in states]

    @torch.no_grad()
    def __call__(self, grads: list[Tensor]) -> None:
        apply_fused(
            self._decoupled,
            self._group,
            self._leaves,
            grads,
            self._first,
            self._second,
            self._steps,
        )


def _is_stacked(value: Any, leaf: Tensor) -> bool:
    return isinstance(value, Tensor) and value.shape == leaf.shape and value.ndim > 0


def _may_fuse(settings: dict[str, Any], device: str) -> bool:
    if device not in ("cpu", "cuda") or isinstance(settings["lr"], Tensor):
        return False
    if settings.get("capturable") or settings.get("differentiable"):
        return False
    kinds = (torch.float32, torch.float64)
    return all(p.dtype in kinds for p in settings["params"])


def clip_by_member(grads: dict[str, Tensor], limits: Tensor) -> None:
    """Scale the gradients of each member to a norm of its own.

    Parameters
    ----------
    grads : dict of str to Tensor of shape (members, ...)
        Changed in place.
    limits : Tensor of shape (members,)
        Infinite: as they are.
    """
    values = list(grads.values())
    norms = torch.stack([g.flatten(1).norm(dim=1) for g in values]).norm(dim=0)
    scale = (limits.to(norms) / (norms + 1e-6)).clamp(max=1.0)
    for grad in values:
        grad.mul_(scale.view((-1,) + (1,) * (grad.ndim - 1)))
