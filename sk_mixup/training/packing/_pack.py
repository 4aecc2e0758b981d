"""The training of a pack: one loop for all members.

What is done per step does not depend on the number of members: one forward and one
backward pass over stacked weights, one step of the optimizer. Losses and hits stay on
the device until the end of an epoch. Members that have finished leave the stacks.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor

from sk_mixup.training.packing._blocks import make_block
from sk_mixup.training.packing._draws import Drawer
from sk_mixup.training.packing._feeds import DataShelf, Feeds, row_bytes
from sk_mixup.training.packing._key import make_program
from sk_mixup.training.packing._losses import BlockLoss, loss_kind, make_loss
from sk_mixup.training.packing._member import PackMember
from sk_mixup.training.packing._optimizer import PackOptimizer, settings_of
from sk_mixup.training.packing._rates import Rates, catch_up, rate_signature
from sk_mixup.training.packing._record import Record
from sk_mixup.training.packing._stack import Stack
from sk_mixup.training.packing._steps import Span, stretches
from sk_mixup.training.packing._stopping import Stopping
from sk_mixup.training.packing._validation import Validation
from sk_mixup.training.packing.programs import (
    Call,
    DropMasks,
    LayerProgram,
    Tape,
    dropouts_of,
)

# Steps made ready together, and the memory that they may take.
_AHEAD = 32
_AHEAD_BYTES = 2**20


class Pack:
    """Members of one key, trained together.

    Parameters
    ----------
    members : sequence of PackMember
        Whose runs were started, in the order of `training_order`.
    numbers : sequence of int
        What the caller calls them.
    shelf : DataShelf
        Their rows, each data set once for all packs.
    """

    def __init__(
        self,
        members: Sequence[PackMember],
        numbers: Sequence[int],
        shelf: DataShelf,
    ) -> None:
        self.members, self.numbers = list(members), list(numbers)
        self.errors: dict[int, BaseException] = {}
        first = self.members[0]
        self._size = first.batch_size
        self._device = first.net.place_
        self._program = make_program(first)
        self._kind = loss_kind(first.run.objective)
        self._inside = bool(getattr(first.net.module_, "mixes_inside", False))
        modules = [member.net.module_ for member in self.members]
        self.stack = Stack(modules, self._program.transposed)
        self._optimizer = PackOptimizer(
            self.members, self.stack, list(map(_settings, self.members))
        )
        self._rates = Rates(self.members)
        self._feeds = Feeds(self.members, shelf)
        self._drawer = Drawer(self.members, self._feeds.of)
        self._validation = Validation(self.members, shelf)
        self._stopping = Stopping(self.members, self.stack)
        self._records = [Record(member) for member in self.members]
        rows = row_bytes(first.train) * self._size * len(self.members)
        self._ahead = max(1, min(_AHEAD, _AHEAD_BYTES // max(1, rows)))
        self._views: dict[tuple[int, int], Any] = {}
        self._tapes: dict[tuple[int, int, int], Tape | None] = {}
        self._stops: set[int] = set()

    def run_epoch(self, epoch: int, rests: bool = False) -> None:
        """Train and validate, and part with the members that failed.

        Parameters
        ----------
        epoch : int
            Counted from 0.
        rests : bool
            Whether the memory of a step is let go afterwards.
        """
        self._epoch = epoch
        stops = self._run_epoch(epoch)
        stops |= {k for k, m in enumerate(self.members) if epoch + 1 >= m.n_epochs}
        self._stops = stops
        if rests:
            self._views.clear()
            self._tapes.clear()

    def valid_losses(self) -> dict[int, float]:
        """Return the last loss on validation rows of each member that has such rows."""
        return {
            number: float(member.net.history[-1, "valid_loss"])
            for number, member in zip(self.numbers, self.members, strict=True)
            if member.valid is not None
        }

    def end_epoch(self, stopped: Collection[int]) -> None:
        """Part with the members that are done, and with others.

        Parameters
        ----------
        stopped : collection of int
            Numbers of those that are to stop; they may be members of other packs.
        """
        stops = {k for k, number in enumerate(self.numbers) if number in stopped}
        self._leave(self._stops | stops)

    # -- epochs ---------------------------------------------------------------------

    def _run_epoch(self, epoch: int) -> set[int]:
        """Train and validate; return the members that are to leave."""
        began = time.perf_counter()
        for record in self._records:
            record.begin_epoch()
        self._feeds.start_epoch()
        self._drawer.start_epoch(epoch)
        self._rates.start_epoch()
        self._optimizer.set_rates()
        failed = self._train_epoch()
        validated = self._validation(self._program, self.stack)
        for k, (record, values) in enumerate(
            zip(self._records, validated, strict=True)
        ):
            if k not in failed and values is not None:
                counts = self.members[k].run.objective.counts
                record.validation(
                    values[0], self._validation.n_rows(k), values[1] if counts else None
                )
        seconds = (time.perf_counter() - began) / len(self.members)
        good = [k for k in range(len(self.members)) if k not in failed]
        for k in good:
            self._records[k].end_epoch(seconds, validated[k] is not None)
        self._leave(failed)
        if not self.members:
            return set()
        leaders, leader = self._optimizer.leaders, 0
        leader_of = []
        for k in range(len(self.members)):
            leader = k if k in leaders else leader
            leader_of.append(leader)
        self._rates.end_epoch(leader_of)
        stops = self._stopping.end_epoch([m.net for m in self.members])
        return {k for k, stop in enumerate(stops) if stop}

    def _train_epoch(self) -> set[int]:
        """Take the steps of an epoch; return the members that failed."""
        self._failed: set[int] = set()
        n_members = len(self.members)
        losses: list[tuple[Span, Tensor]] = []
        hits: Tensor | None = None
        lengths = [len(member.train) for member in self.members]
        moves = self._rates.move_in_steps
        for first, n_steps, spans in stretches(lengths, self._size, self._ahead):
            blocks = [
                make_block(
                    span.low, span.high, self._feeds, self._drawer, first, n_steps,
                    span.size, mixes_inside=self._inside,
                )
                for span in spans
            ]  # fmt: skip
            criteria = [
                make_loss(
                    self._kind, [m.run for m in self.members[s.low : s.high]], block
                )
                for s, block in zip(spans, blocks, strict=True)
            ]
            active = spans[-1].high
            for step in range(n_steps):
                if moves:
                    self._rates.start_batch(self._optimizer.leaders, active)
                    self._optimizer.set_rates()
                grads = [
                    self._gradients(part, criterion, first + step)
                    for block, criterion in zip(blocks, criteria, strict=True)
                    for part in block.parts(step)
                ]
                self._optimizer.step(_joined(grads), active)
            for span, criterion in zip(spans, criteria, strict=True):
                if self._failed.intersection(range(span.low, span.high)):
                    continue
                losses.append((span, criterion.losses()))
                counted = criterion.hits()
                if counted is not None:
                    if hits is None:
                        hits = torch.zeros(n_members, device=counted.device)
                    hits[span.low : span.high] += counted.to(hits)
            # Before the next ones are made.
            del blocks, criteria
        self._write(losses, hits)
        return self._failed

    def _gradients(
        self, part: Any, criterion: BlockLoss, step: int
    ) -> dict[str, Tensor]:
        """Return the gradients of a part's members; of none where they failed."""
        key = part.low, part.high
        if key not in self._views:
            self._views[key] = *self.stack.views(*key), self._masks(*key)
        params, buffers, masks = self._views[key]
        if self._failed.intersection(range(*key)):
            return {name: torch.zeros_like(leaf) for name, leaf in params.items()}
        try:
            masks.start(self._epoch, step)
            call = Call(True, masks, part.mix)
            if (tape := self._tape(part)) is not None:
                return tape(part.x, call, lambda y: criterion.gradient(part, y))
            output = self._program(params, buffers, part.x, call)
            criterion(part, output).backward()
        except Exception as error:
            # What the rows do to the module, such as one row to batch norm, they would
            # do to each of these members alone.
            for k in range(*key):
                self._fail(k, error)
            return {name: torch.zeros_like(leaf) for name, leaf in params.items()}
        grads = {}
        for name, leaf in params.items():
            if leaf.grad is not None:
                grads[name] = leaf.grad
                leaf.grad = None
        return grads

    def _tape(self, part: Any) -> Tape | None:
        """Return what computes the gradients of a part by hand; None: nothing does."""
        if not isinstance(self._program, LayerProgram) or part.x.dtype == torch.uint8:
            return None
        key = part.low, part.high, part.x.shape[1]
        if key not in self._tapes:
            params, *_ = self._views[key[:2]]
            same = (tape for k, tape in self._tapes.items() if k[:2] == key[:2])
            self._tapes[key] = self._program.tape(params, key[2], next(same, None))
        return self._tapes[key]

    def _fail(self, k: int, error: BaseException) -> None:
        self.errors.setdefault(self.numbers[k], error)
        self._failed.add(k)

    def _write(self, losses: list[tuple[Span, Tensor]], hits: Tensor | None) -> None:
        """Bring the losses of an epoch to the host, and write them down."""
        flat = [values.reshape(-1).double() for _, values in losses]
        if hits is not None:
            flat.append(hits.double())
        if not flat:
            return
        host = torch.cat(flat).tolist()
        rows: list[list[float]] = [[] for _ in self.members]
        sizes: list[list[int]] = [[] for _ in self.members]
        start = 0
        for span, values in losses:
            n_steps = values.shape[1]
            for k in range(span.low, span.high):
                rows[k] += host[start : start + n_steps]
                sizes[k] += [span.size] * n_steps
                start += n_steps
        for k, (record, member) in enumerate(
            zip(self._records, self.members, strict=True)
        ):
            if k in self._failed:
                continue
            score = None if hits is None else host[start + k] / len(member.train)
            try:
                record.training(rows[k], sizes[k], score)
            except FloatingPointError as error:
                self._fail(k, error)

    # -- members --------------------------------------------------------------------

    def _leave(self, leaving: Collection[int]) -> None:
        """Write what some members have learnt, and go on with the others."""
        if not leaving:
            return
        leaders = self._optimizer.leaders
        for k in sorted(leaving):
            member = self.members[k]
            if self.numbers[k] in self.errors:
                continue
            self._stopping.restore(k)
            self.stack.write(k, member.net.module_)
            self._optimizer.release(k)
            self._feeds.release(k, member)
            self._drawer.release(k)
            leader = max(low for low in leaders if low <= k)
            catch_up(member, self.members[leader])
        kept = [k for k in range(len(self.members)) if k not in leaving]
        for k in kept:
            leader = max(low for low in leaders if low <= k)
            catch_up(self.members[k], self.members[leader])
        self.members = [self.members[k] for k in kept]
        self.numbers = [self.numbers[k] for k in kept]
        self._records = [self._records[k] for k in kept]
        self._views.clear()
        self._tapes.clear()
        if not kept:
            return
        index = torch.tensor(kept, device=self.stack.tensors()[0].device)
        self.stack.select(index)
        for part in (
            self._optimizer, self._rates, self._feeds, self._drawer,
            self._validation, self._stopping,
        ):  # fmt: skip
            part.keep(kept)

    def _masks(self, low: int, high: int) -> DropMasks:
        members = self.members[low:high]
        drops = [[part.p for _, part in dropouts_of(m.net.module_)] for m in members]
        rates = [list(map(float, layer)) for layer in zip(*drops, strict=True)]
        return DropMasks([m.dropout_seed for m in members], rates, self._device)


def training_order(members: Sequence[PackMember]) -> list[int]:
    """Return members in the order of a pack: those that share most are neighbours.

    Members with more rows come first, so that those with a batch at some step are the
    first ones. Then members with one setting of the optimizer stand side by side, and
    of these those with the same rows.

    Parameters
    ----------
    members : sequence of PackMember
        Whose runs were started.
    """
    settings = list(map(_settings, members))
    ranks = {key: rank for rank, key in enumerate(dict.fromkeys(settings))}
    data = [member.train.y.data_ptr() for member in members]
    folds = {pointer: rank for rank, pointer in enumerate(dict.fromkeys(data))}

    def key(k: int) -> tuple[int, int, int]:
        return -len(members[k].train), ranks[settings[k]], folds[data[k]]

    return sorted(range(len(members)), key=key)


def _settings(member: PackMember) -> Any:
    return settings_of(member, rate_signature(member))


def _joined(grads: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the gradients of consecutive members as one."""
    if len(grads) == 1:
        return grads[0]
    names = [name for name in grads[0] if all(name in part for part in grads)]
    return {name: torch.cat([part[name] for part in grads]) for name in names}
