"""A class per pixel: outputs (B, n_classes, height, width), one loss per place.

The loss of a batch is the mean over the pixels that count, as torch's cross-entropy
takes it: those of `ignore_index` add nothing above or below the line. On mixed batches
a pasted pixel has the class of whoever it comes from, and a blended one two classes
with their weights, of which the ones that do not count are left out as well.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sk_mixup.mixing import Method, MixPlan, target_form
from sk_mixup.training.objectives._heads import TargetKind
from sk_mixup.training.objectives._objective import Objective

_BINARY = (nn.BCEWithLogitsLoss, nn.BCELoss)
_IGNORED = -100


class PixelClasses(TargetKind):
    """A class per pixel, integers of shape (B, *size), or floats (B, n_classes, *size).

    Parameters
    ----------
    n_classes : int
    size : tuple of int or None
        Of the masks; None: not known.
    ignored : int
        Code of pixels that do not count.
    soft : bool, default=False
        Whether targets are numbers per class.
    exclusive : bool, default=True
        Whether a pixel has one class; False: a yes or no for each.
    """

    name = "a class per pixel"
    per_pixel = True
    serves = ("ignore_index",)

    def __init__(
        self,
        n_classes: int,
        size: tuple[int, ...] | None,
        ignored: int,
        *,
        soft: bool = False,
        exclusive: bool = True,
    ) -> None:
        self.n_classes = n_classes
        self.size = size
        self.ignored = ignored
        self.soft = soft
        self.exclusive = exclusive
        places = 1
        for n in size or ():
            places *= n
        self.width = n_classes * places

    def default_criterion(self, output: Tensor) -> type[nn.Module]:
        """Return cross-entropy, binary for one logit and for several labels."""
        one = self.exclusive and self._channels(output) == 1
        if one or not self.exclusive:
            return nn.BCEWithLogitsLoss
        return nn.CrossEntropyLoss

    def objective(self, criterion: Any, *, takes_log: bool) -> Objective:
        """Return a `PixelObjective`; refuse losses made for one class per row."""
        form = target_form(criterion)
        if form is not None:
            raise ValueError(
                f"criterion: {type(criterion).__name__} takes mixed targets of one"
                " class per row, and y holds a class per pixel. Use"
                " nn.CrossEntropyLoss (the default), or another loss of pixels."
            )
        return PixelObjective(criterion, self, takes_log=takes_log)

    def _check_part(self, method: Method) -> None:
        super()._check_part(method)
        if not method.keeps_places:
            raise ValueError(
                f"mix: {type(method).__name__} cannot be applied to masks, and y holds"
                f" {self.name}: what it does to an input says nothing of single places."
                " Use a method that pastes, such as mix='cutmix', or one that blends,"
                " such as 'mixup' or 'manifold'."
            )
        if getattr(method, "per", None) == "member":
            raise ValueError(
                f"mix: {type(method).__name__} with per='member' cannot be applied to"
                " masks. Use per='row'."
            )

    def _check_width(self, module: str, output: Tensor) -> None:
        size, channels = self.size, self._channels(output)
        one_logit = channels == 1 and self.n_classes == 2 and self.exclusive
        found = tuple(output.shape[2:])
        if size is not None and output.ndim == 1 + len(size):
            found = tuple(output.shape[1:])  # one logit, without an axis for it
        fits = size is None or found == size
        if fits and (channels == self.n_classes or one_logit):
            return
        logit = " (or one logit)" if self.n_classes == 2 else ""
        wanted = ", ".join(map(str, size or ("height", "width")))
        remedy = ""
        if not fits and channels == self.n_classes:
            remedy = (
                " Bring outputs to the size of the masks within the module, for example"
                f" by nn.Upsample(size={size}), or give masks of the size {found}."
            )
        raise ValueError(
            f"module: {module} returns shape {tuple(output.shape)} for {len(output)}"
            f" rows, and y holds masks of {self.n_classes} classes: it must return"
            f" shape ({len(output)}, {self.n_classes}, {wanted}){logit}.{remedy}"
        )

    def _channels(self, output: Tensor) -> int:
        if self.size is not None and output.ndim == 1 + len(self.size):
            return 1
        return output.shape[1] if output.ndim > 1 else 0


class PixelObjective(Objective):
    """Loss of a class per pixel.

    To the criterion, targets are as torch's losses take them: classes (rows, *size) for
    outputs (rows, n_classes, *size). It may return a loss per pixel, or one per row or
    batch where no pixel has two classes.

    Parameters
    ----------
    criterion : callable
    kind : PixelClasses
    takes_log : bool
        As for `Objective`.
    """

    #: Said where a temperature is asked for.
    why_no_temperature = "of masks, which have a class per pixel, none is fitted"

    per_pixel = True

    def __init__(
        self, criterion: Any, kind: PixelClasses, *, takes_log: bool = False
    ) -> None:
        if getattr(criterion, "ignore_index", _IGNORED) != _IGNORED:
            # The user's value, which may be the code of a class here.
            criterion = copy.copy(criterion)
            criterion.ignore_index = _IGNORED
        super().__init__(criterion, kind.n_classes, takes_log=takes_log)
        self.kind = kind
        self._is_plain = (
            type(criterion) is nn.CrossEntropyLoss
            and criterion.weight is None
            and criterion.label_smoothing == 0.0
            and not kind.soft
        )

    def __call__(
        self,
        output: Any,
        y: Tensor,
        weight: Tensor | None = None,
        plan: MixPlan | None = None,
        target: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of a batch; parameters as for `Objective`."""
        output = self.scored(self.read(output))
        if plan is None or plan.is_identity:
            return _quotient(*self._sums(output, y, None, weight))
        pixels = plan.pixel_targets(y)
        if pixels.y_partner is None:
            if weight is not None:
                # A pixel counts as much as the row that it comes from.
                places = weight.view(-1, *[1] * (y.ndim - 1 - self.kind.soft))
                size = y.shape[2:] if self.kind.soft else y.shape[1:]
                weight = plan.pixel_targets(places.expand(len(y), *size)).y
            return _quotient(*self._sums(output, pixels.y, None, weight))
        own, own_weight, other_weight = pixels.own, None, None
        if weight is not None:
            own_weight, other_weight = plan.own_rows(weight), plan.partner_rows(weight)
        assert own is not None
        first = self._sums(output, pixels.y, own, own_weight)
        second = self._sums(output, pixels.y_partner, 1.0 - own, other_weight)
        return _quotient(first[0] + second[0], first[1] + second[1])

    def _sums(
        self, output: Tensor, y: Tensor, share: Tensor | None, weight: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return the sum of weighted losses, and of the shares that they count.

        Parameters
        ----------
        output, y : Tensor
        share : Tensor of shape (rows,) or (rows or 1, *size), or None
            Of this target in each row, or at each place.
        weight : Tensor of shape (rows,) or (rows, *size), or None
        """
        loss, counts = self._places(output, y)
        if loss.ndim == 0:
            part = None if share is None else share.reshape(-1)
            if weight is not None or (
                part is not None and bool((part != part[0]).any())
            ):
                raise ValueError(_one_number(self.criterion))
            whole = loss.new_ones(()) if part is None else part[0]
            return whole * loss, whole
        if loss.ndim == 1 and any(
            t is not None and t.ndim > 1 for t in (share, weight)
        ):
            raise ValueError(
                f"criterion: {type(self.criterion).__name__} returns one loss per row,"
                " and the mixing gives every pixel shares or weights of its own. Use a"
                " criterion with a loss per pixel, or mix='cutmix'."
            )
        counts = counts if share is None else counts * _spread(share, loss)
        weighted = counts if weight is None else counts * _spread(weight, loss)
        return (weighted * loss).sum(), counts.sum()

    def _places(self, output: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the losses of pixels (or rows), and which of them count, as floats."""
        if self.kind.soft:
            loss = self.criterion(output.reshape(y.shape), y.to(output.dtype))
            if loss.ndim == y.ndim:  # one per class
                loss = loss.mean(1)
            return loss, torch.ones_like(loss)
        counts = y != self.kind.ignored
        codes = y.long()
        if self._is_plain:
            codes = codes.masked_fill(~counts, _IGNORED)
            loss = functional.nll_loss(
                output, codes, reduction="none", ignore_index=_IGNORED
            )
            return loss, counts.to(loss.dtype)
        knows = hasattr(self.criterion, "ignore_index")
        codes = codes.masked_fill(~counts, _IGNORED if knows else 0)
        if isinstance(self.criterion, _BINARY):
            loss = self.criterion(output.reshape(y.shape), codes.to(output.dtype))
        else:
            loss = self.criterion(output, codes)
        if loss.ndim > 1:
            if loss.ndim > y.ndim:  # one per class
                loss = loss.mean(1)
            # Filled, not multiplied: a loss may be infinite where nobody asks.
            return loss.masked_fill(~counts, 0.0), counts.to(loss.dtype)
        if not knows and bool((~counts).any()):
            raise ValueError(
                f"criterion: {type(self.criterion).__name__} returns one loss per"
                f" {'row' if loss.ndim else 'batch'} and has no ignore_index, so it"
                " cannot leave out the pixels that do not count. Let it return a loss"
                " per pixel, or take ignore_index."
            )
        return loss, torch.ones_like(loss)

    def scored(self, output: Tensor) -> Tensor:
        """Return what the criterion takes: logarithms that both targets share."""
        if self.takes_log:
            output = output.clamp(min=torch.finfo(output.dtype).tiny).log()
        return functional.log_softmax(output, 1) if self._is_plain else output

    def rows(self, output: Tensor, y: Tensor) -> Tensor:
        """Return one loss per row, the mean of its pixels; a scalar stays one."""
        loss, counts = self._places(output, y)
        if loss.ndim < 2:
            return loss
        total = (loss * counts).flatten(1).sum(1)
        return total / counts.flatten(1).sum(1).clamp(min=1.0)

    def takes_mixed_rows(self, plan: MixPlan | None) -> bool:
        """Whether a mixed row has one loss: its pixels have one or two."""
        return False

    def labels(self, output: Any) -> Tensor:
        """Return the most probable class of each pixel, of several labels which hold.

        Parameters
        ----------
        output : Tensor of shape (rows, n_classes, *size), or labels made of it
        """
        output = self.read(output)
        if not output.is_floating_point():
            return output
        if self.nonlinearity is not None:
            output = self.probabilities(output)
        limit = 0.5 if self._gives_shares else 0.0
        if not self.kind.exclusive:
            return (output > limit).to(torch.uint8)
        if self._has_one(output):
            one = output.squeeze(1) if self._has_axis(output) else output
            return (one > limit).to(torch.uint8)
        found = output.argmax(1)
        return found.to(torch.uint8) if self.kind.n_classes <= 255 else found

    def kept(self, output: Any) -> Tensor:
        """Return labels, which take a fraction of the memory of outputs."""
        return self.labels(self.read(output).detach())

    def agreement(self, predicted: Tensor, y: Tensor) -> Tensor:
        """Return the share of right pixels of every row; 1 where none count."""
        right, counts = self._right(predicted, y)
        counted = counts.flatten(1).sum(1)
        share = right.flatten(1).sum(1) / counted.clamp(min=1.0)
        return torch.where(counted > 0, share, 1.0)

    def mixed_agreement(
        self, predicted: Tensor, y: Tensor, plan: MixPlan | None
    ) -> Tensor:
        """Return how far predictions for mixed rows are right: a sum over B rows."""
        if plan is None or plan.is_identity:
            return self.agreement(predicted, y).sum()
        pixels = plan.pixel_targets(y)
        n_copies = len(predicted) / len(y)
        right, counts = self._right(predicted, pixels.y)
        if pixels.y_partner is not None:
            assert pixels.own is not None
            own = _spread(pixels.own, right)
            other = self._right(predicted, pixels.y_partner)
            right = own * right + (1.0 - own) * other[0]
            counts = own * counts + (1.0 - own) * other[1]
        counted = counts.flatten(1).sum(1)
        share = right.flatten(1).sum(1) / counted.clamp(min=1e-12)
        return torch.where(counted > 0, share, 1.0).sum() / n_copies

    def _right(self, predicted: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return which pixels are right, and which count, as floats (rows, *size)."""
        if self.kind.soft and self.kind.exclusive:
            right = y.gather(1, predicted.long().unsqueeze(1)).squeeze(1)
            return right, torch.ones_like(right)
        if self.kind.soft:
            right = (predicted == (y > 0.5)).float().mean(1)
            return right, torch.ones_like(right)
        counts = y != self.kind.ignored
        return ((predicted == y) & counts).float(), counts.float()

    def probabilities(self, output: Tensor) -> Tensor:
        """Return probabilities of shape (rows, n_classes, *size)."""
        if self.nonlinearity is not None:
            output = self.nonlinearity(output)
        elif not self.kind.exclusive:
            return output if self.activation == "none" else output.sigmoid()
        elif not self._has_one(output) and self.activation == "softmax":
            return output.softmax(1)
        elif self.activation in ("softmax", "sigmoid"):
            output = output.sigmoid()
        if not self._has_one(output):
            return output / output.sum(1, keepdim=True).clamp(min=1e-30)
        one = output if self._has_axis(output) else output.unsqueeze(1)
        return torch.cat([1.0 - one, one], 1)

    @property
    def _gives_shares(self) -> bool:
        """Whether outputs are probabilities."""
        return self.nonlinearity is not None or self.activation == "none"

    def _has_one(self, output: Tensor) -> bool:
        """Whether there is one value per pixel, for the second class."""
        return not self._has_axis(output) or output.shape[1] == 1

    def _has_axis(self, output: Tensor) -> bool:
        size = self.kind.size
        return size is None or output.ndim > 1 + len(size)


def _spread(values: Tensor, loss: Tensor) -> Tensor:
    """Give one number per row the axes of losses."""
    return values.view(-1, *[1] * (loss.ndim - 1)) if values.ndim == 1 else values


def _quotient(total: Tensor, counted: Tensor) -> Tensor:
    # A batch in which no pixel counts has a loss, and a gradient, of zero.
    return total / counted.clamp(min=1e-12)


def _one_number(criterion: Any) -> str:
    return (
        f"criterion: {type(criterion).__name__} returns one number per batch, and"
        " weights or shares need one loss per pixel or row: give a criterion with"
        " reduction='none' (or a `reduction` parameter)."
    )
