"""A mix block that trains beside a net, against the net's momentum copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from sk_mixup.mixing._batch import Mark
from sk_mixup.mixing._companion import Companion
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._drawing import Later
from sk_mixup.mixing.draws import MixStreams
from sk_mixup.mixing.layers import find_layer, plain_call
from sk_mixup.mixing.looks import plain_criterion
from sk_mixup.mixing.methods.learned._map_layer import as_map, found_layer
from sk_mixup.mixing.methods.learned._momentum import MomentumCopy
from sk_mixup.mixing.plans import to_blendable
from sk_mixup.turns import TURNS

if TYPE_CHECKING:
    from sk_mixup.mixing.methods.learned._learned import LearnedMix


class Seen(NamedTuple):
    """What the momentum copy makes of a batch.

    Attributes
    ----------
    x : Tensor
        The batch.
    features : Tensor of shape (B, channels, height, width), float32
    output : Tensor, tuple or mapping
        As the net returns it.
    """

    x: Tensor
    features: Tensor
    output: Any


class Lesson(NamedTuple):
    """One batch that the block has mixed, to be judged.

    Attributes
    ----------
    output : Tensor, tuple or mapping
        What the momentum copy says of the mixed rows.
    clean : Tensor, tuple or mapping
        What it says of the rows themselves.
    y : Tensor of shape (B, ...)
    weight : Tensor of shape (B,) or None
    partner : Tensor of shape (B,), int64
    lam : Tensor of shape (B,)
    mask : Tensor of shape (B, height, width)
        The partner's share, with a graph back to the block.
    criterion : callable
        Gives one loss per row.
    number : int
        Lessons before this one.
    """

    output: Any
    clean: Any
    y: Tensor
    weight: Tensor | None
    partner: Tensor
    lam: Tensor
    mask: Tensor
    criterion: Callable[[Any, Tensor], Tensor]
    number: int

    def classification(
        self, criterion: Callable[[Any, Tensor], Tensor] | None = None
    ) -> Tensor:
        """Return the loss of the mixed rows against both targets, by lambda."""
        criterion = criterion or self.criterion
        own_share = self.lam
        other_share = 1.0 - self.lam
        if self.weight is not None:
            own_share = own_share * self.weight
            other_share = other_share * self.weight[self.partner]
        own = criterion(self.output, self.y)
        other = criterion(self.output, self.y[self.partner])
        return (own_share * own + other_share * other).mean()


class BlockCompanion(Companion):
    """The mix block of a method, its optimizer, and the momentum copy of a net.

    Parameters
    ----------
    method : LearnedMix
    module : torch.nn.Module
        The net; it is followed and never changed.
    x : Tensor of shape (rows, channels, height, width)
        Some rows, of which two are tried.
    call : callable or None
        ``call(module, x)`` runs a net as the training does; None: ``module(x)``.
    criterion : callable or None
        As in `MixContext`.
    generator : torch.Generator or None
        Seeds the block and all its draws; None: torch's global one.
    """

    method: LearnedMix

    def __init__(
        self,
        method: LearnedMix,
        module: nn.Module,
        x: Tensor,
        *,
        call: Callable[[nn.Module, Any], Any] | None,
        criterion: Callable[[Any, Tensor], Tensor] | None,
        generator: torch.Generator | None,
    ) -> None:
        self.method = method
        self.who = type(method).__name__
        self.copy = MomentumCopy(module, method.momentum, self.who)
        self._call = call
        self.criterion = criterion or plain_criterion
        device = "cpu" if generator is None else generator.device
        seeds = torch.randint(2**62, (5,), generator=generator, device=device).tolist()
        first, *others = (torch.Generator().manual_seed(seed) for seed in seeds)
        self.streams = MixStreams(*others)
        first_weight = next(self.copy.net.parameters(), None)
        self.device = x.device if first_weight is None else first_weight.device
        self.dtype = torch.float32 if first_weight is None else first_weight.dtype
        self.layer = self._found_layer(x)
        channels = self._look(x[:2], tries=True).features.shape[1]
        with self._alone():  # torch's layers draw weights, which `start` replaces
            self.block = method.block(channels)
        self.block.start(first)
        self.block.to(self.device)
        self.optimizer = torch.optim.AdamW(self.block.parameters(), lr=method.lr)
        self._seen: Seen | None = None
        # Of its lesson: partners and lambda; and the batch that some were drawn for.
        self._pairs: tuple[Tensor, Tensor] | None = None
        self._drawn_for: Mark | None = None
        # Batches so far, of which some are no lessons, and rows that await the step.
        self._n_batches = self._n_lessons = self._n_rows = 0

    # -- look -------------------------------------------------------------------------

    def pairs_for(
        self, x: Tensor, y: Tensor | None, context: MixContext | None
    ) -> tuple[Tensor | Later, Tensor] | None:
        """Draw partners and lambda of a lesson, to be sent with those of the net.

        Parameters
        ----------
        x, y, context :
            As for `Method.draw`, of a batch that is mixed.

        Returns
        -------
        pairs : (partner, lam) or None
            None: the batch is no lesson, or has its own already, as where it is mixed
            several times.
        """
        if self._drawn_for is not None and self._drawn_for.is_on(x):
            return None
        self._drawn_for = Mark(x)
        number = self._n_batches
        self._n_batches += 1
        if number % self.method.every:
            return None
        return self.method.pairs_for(x, y, self.streams, context)

    def mask(
        self,
        x: Tensor,
        partner: Tensor,
        lam: Tensor,
        lesson: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Return the partner's share of every pixel.

        Parameters
        ----------
        x : Tensor of shape (B, channels, height, width)
        partner : Tensor of shape (B,), int64
        lam : Tensor of shape (B,)
        lesson : (partner, lam) or None
            What `pairs_for` gave for this batch, for `learn`.

        Returns
        -------
        mask : Tensor of shape (B, height, width), float32
            On the device of `x`.
        """
        if self._seen is None or self._seen.x is not x:
            self._seen, self._pairs = self._look(x), None
        if lesson is not None:
            self._pairs = lesson
        with torch.inference_mode(False), torch.no_grad():
            return self._masked(self._seen, partner, lam).to(x.device)

    def _masked(self, seen: Seen, partner: Tensor, lam: Tensor) -> Tensor:
        partner, lam = partner.to(self.device), lam.to(self.device)
        size = (seen.x.shape[2], seen.x.shape[3])
        mask: Tensor = self.block(
            seen.features, seen.features[partner], lam.float(), size
        )
        return mask

    def _look(self, x: Tensor, *, tries: bool = False) -> Seen:
        """Ask the momentum copy about a batch."""
        maps: list[Any] = []
        layer = find_layer(self.copy.net, self.layer)
        hooked = layer.register_forward_hook(lambda part, _, out: maps.append(out))
        # Two rows of one place have no statistics: a trial needs none.
        self.copy.set_mode(batch_statistics=not tries)
        try:
            with self._alone(), torch.no_grad():
                output = self._run(x.clone())
        finally:
            hooked.remove()
            self.copy.set_mode(batch_statistics=True)
        return Seen(x, as_map(self.who, self.layer, maps, x), output)

    def _found_layer(self, x: Tensor) -> str:
        if self.method.layer != "auto":
            return self.method.layer
        self.copy.set_mode(batch_statistics=False)
        try:
            return found_layer(self.copy.net, self._run, x[:2], self.who)
        finally:
            self.copy.set_mode(batch_statistics=True)

    def _run(self, x: Tensor) -> Any:
        """Run the momentum copy on rows of any device and dtype."""
        x = x.to(self.device)
        if self._call is not None:
            return self._call(self.copy.net, x)
        if x.is_floating_point():
            x = x.to(self.dtype)
        return plain_call(self.copy.net)(x)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep what the copy draws, if its forward does, from the net's draws."""
        cuda = [self.device] if self.device.type == "cuda" else []
        with TURNS, torch.inference_mode(False), torch.random.fork_rng(cuda):
            yield

    # -- learn ------------------------------------------------------------------------

    def learn(
        self,
        y: Tensor,
        weight: Tensor | None = None,
        context: MixContext | None = None,
    ) -> None:
        """Let the block mix the batch that was drawn last anew, and judge what it did.

        Partners and lambda are others than those that the net sees, and were drawn with
        those.
        """
        seen, pairs = self._seen, self._pairs
        self._forget()
        if seen is None or pairs is None:
            return
        partner, lam = (t.to(self.device) for t in pairs)
        y = y.to(self.device)
        with self._alone(), torch.enable_grad():
            mask = self._masked(seen, partner, lam)
            x = to_blendable(seen.x.to(self.device))
            own = (1.0 - mask).unsqueeze(1).to(x.dtype)
            output = self._run(x[partner].lerp(x, own))
            lesson = Lesson(
                output=output,
                clean=seen.output,
                y=y,
                weight=None if weight is None else weight.to(self.device),
                partner=partner,
                lam=lam.float(),
                mask=mask,
                criterion=self.criterion,
                number=self._n_lessons,
            )
            # A mean over all rows of a step, however many batches they come in.
            loss = self.method.judged(lesson).float() * len(x)
            weights = list(self.block.parameters())
            gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        for parameter, gradient in zip(weights, gradients, strict=True):
            if gradient is None:
                continue
            if parameter.grad is None:
                parameter.grad = gradient
            else:
                parameter.grad += gradient
        self._n_lessons += 1
        self._n_rows += len(x)

    def step(self) -> None:
        """Take the block's step, and let the copy follow the net."""
        self._forget()
        if self._n_rows:
            for parameter in self.block.parameters():
                if parameter.grad is not None:
                    parameter.grad /= self._n_rows
            with torch.inference_mode(False):
                self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            self._n_rows = 0
        self.copy.follow()

    def _forget(self) -> None:
        """Drop what was made of the last batch; it may be drawn for anew."""
        self._seen = self._pairs = self._drawn_for = None

    # -- store ------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return block, optimizer, momentum copy, counts and random streams."""
        return {
            "block": self.block.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "copy": self.copy.state_dict(),
            "counts": (self._n_batches, self._n_lessons),
            "streams": [stream.get_state() for stream in self._generators()],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state of `state_dict`."""
        self.block.load_state_dict(state["block"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.copy.load_state_dict(state["copy"])
        self._n_batches, self._n_lessons = state["counts"]
        self._n_rows = 0
        self._forget()
        for stream, value in zip(self._generators(), state["streams"], strict=True):
            stream.set_state(value)

    def _generators(self) -> list[torch.Generator]:
        return [stream for stream in self.streams if stream is not None]
