"""The loss of a mixed batch, and what an output means.

Sum over rows of ``lam * w_i * loss(f, y_i) + (1 - lam) * w_j * loss(f, y_j)``, divided
by the number of rows. It needs one loss value per row, so criteria are used unreduced.

A criterion that is not linear in the target says what it takes instead, see
`sk_mixup.mixing.plans._targets`. It gives one loss for a mixed row, whose weight can
only be ``lam * w_i + (1 - lam) * w_j``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sk_mixup.mixing import (
    MixedTargets,
    MixPlan,
    output_activation,
    row_means,
    target_form,
)
from sk_mixup.training.objectives._units import loss_of_deviation

# Beyond, soft labels are more memory to read than two lookups per row.
MOST_DENSE_CLASSES = 64
_BINARY = (nn.BCEWithLogitsLoss, nn.BCELoss)


class Objective:
    """Loss of outputs against pairs of targets.

    Parameters
    ----------
    criterion : callable
        Returns one loss per row (``reduction="none"``). Its attributes `mixed_targets`
        and `output_activation`, if any, say what it takes and what outputs are.
    n_classes : int or None
        None: regression.
    takes_log : bool
        Whether the net returns probabilities whose logarithm `criterion` wants, as in
        skorch's NeuralNetClassifier with NLLLoss.

    Attributes
    ----------
    nonlinearity : callable or None
        What makes probabilities of outputs, as a wrapped net says; None: what follows
        from the criterion.
    threshold : float
        Probability of the second class of two above which it is predicted.
    """

    #: Whether a row has an output per pixel, per label, or for each of several targets.
    per_pixel: bool = False
    per_label: bool = False
    has_heads: bool = False
    nonlinearity: Callable[[Tensor], Tensor] | None = None
    threshold: float = 0.5
    # Of losses that count in the target's own units, see `in_units`.
    _scale: Tensor | None = None
    _scale_there: Tensor | None = None
    _unit: float = 1.0

    def __init__(
        self, criterion: Any, n_classes: int | None, *, takes_log: bool = False
    ) -> None:
        self.criterion = criterion
        self.n_classes = n_classes
        self.takes_log = takes_log
        self._form = target_form(criterion)
        self.activation = output_activation(criterion) or _activation_of(
            criterion, takes_log
        )
        if n_classes is not None and self.activation == "exp":
            raise ValueError(
                f"criterion: {type(criterion).__name__}.output_activation='exp' is for"
                " numbers to predict, not for classes."
            )
        # Whether predictions can be right or wrong.
        self.counts = n_classes is not None
        self._is_binary = isinstance(criterion, _BINARY)
        self._is_plain = (
            type(criterion) is nn.CrossEntropyLoss
            and criterion.weight is None
            and criterion.label_smoothing == 0.0
            and criterion.ignore_index == -100
        )

    def __call__(
        self,
        output: Any,
        y: Tensor,
        weight: Tensor | None = None,
        plan: MixPlan | None = None,
        target: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of a batch.

        Parameters
        ----------
        output : Tensor of shape (rows, ...), or a tuple that starts with it
        y : Tensor of shape (B,) or (B, k)
        weight : Tensor of shape (B,) or None
        plan : MixPlan or None
        target : Tensor or None
            One of `dense_targets`, mixed by `plan`, where there is one.

        Returns
        -------
        loss : Tensor, scalar
        """
        output = self.scored(self.read(output))
        if target is not None and output.shape == target.shape:
            # The row-by-row product and its sum in one call, forwards and backwards.
            return torch.dot(output.reshape(-1), target.view(-1).to(output.dtype))
        if plan is None or plan.is_identity:
            return self._mean(output, y, weight)
        if self.takes_mixed_rows(plan):
            loss = self._whole_rows(output, y, plan)
            if weight is not None:
                loss = summed([share for share, _ in parts(plan, y, weight)]) * loss
            return loss.mean()
        if weight is None and (lam := plan.label_lam_host) is not None:
            own = self._mean(output, plan.own_rows(y), None)
            other = self._mean(output, plan.partner_rows(y), None)
            return lam * own + (1.0 - lam) * other
        losses = [
            share * self.rows(output, part) for share, part in parts(plan, y, weight)
        ]
        return summed(losses).mean()

    def in_units(self, scale: Tensor, y: Tensor) -> None:
        """Let the criterion see differences in the units of the target.

        Its losses are divided by that of a row which is one standard deviation off, so
        that learning rates serve targets of any size.

        Parameters
        ----------
        scale : Tensor of shape (n_outputs,)
            What targets were divided by.
        y : Tensor of shape (B,) or (B, n_outputs)
            Some of them.

        Raises
        ------
        ValueError
            If that loss overflows.
        """
        self._unit = loss_of_deviation(self.rows, scale, y)
        self._scale = scale if y.ndim > 1 else scale[0]

    def take_soft_targets(self) -> None:
        """Give the criterion a share per class, in place of the class."""
        self._form = "soft"

    @property
    def takes_pairs(self) -> bool:
        """Whether the criterion is called for either target of a mixed row."""
        return self._form is None

    @property
    def counts_in_units(self) -> bool:
        """Whether the criterion sees differences in the units of the target."""
        return self._scale is not None

    def scored(self, output: Tensor) -> Tensor:
        """Return what `rows` takes: logarithms, where one serves both targets."""
        if self.takes_log:
            output = output.clamp(min=torch.finfo(output.dtype).tiny).log()
        if self._is_plain and output.ndim == 2:
            output = functional.log_softmax(output, 1)
        return output

    def takes_mixed_rows(self, plan: MixPlan | None) -> bool:
        """Whether a mixed row has one loss, and not one per partner."""
        return self._form is not None or (plan is not None and plan.unites_targets)

    @property
    def joins(self) -> str:
        """What the outputs of several members are joined by, see `joined_output`."""
        return "none" if self.n_classes is None else self.activation

    def dense_targets(
        self, batches: Sequence[tuple[Tensor, Any]]
    ) -> Sequence[Tensor | None]:
        """Return targets whose product with log-probabilities is the loss.

        For plain cross-entropy a pair of hard labels equals one soft label, and a soft
        label made beforehand costs a step less than two lookups.

        Parameters
        ----------
        batches : sequence of (y, weight)
            Unmixed targets and row weights of some batches; at least one.

        Returns
        -------
        targets : sequence of Tensor of shape (B, n_classes), or of None
            One-hot labels times -1/B, for `MixPlan.targets` to mix. None where the pair
            form is meant or cheaper: other criteria, row weights, many classes.
        """
        ys = [y for y, _ in batches]
        if (
            not self._is_plain
            or self.n_classes is None
            or self.n_classes > MOST_DENSE_CLASSES
            or any(weight is not None for _, weight in batches)
            or any(y.ndim != 1 or y.is_floating_point() for y in ys)
        ):
            return [None] * len(ys)
        labels = torch.cat(ys).unsqueeze(1)
        dense = torch.zeros((len(labels), self.n_classes), device=labels.device)
        parts = dense.scatter_(1, labels, -1.0).split([len(y) for y in ys])
        return [part.div_(len(part)) for part in parts]

    def _mean(self, output: Tensor, y: Tensor, weight: Tensor | None) -> Tensor:
        if weight is None and self._is_plain and output.ndim == 2:
            return functional.nll_loss(output, y)
        loss = self.rows(output, y)
        return loss.mean() if weight is None else (loss * weight).mean()

    def rows(self, output: Tensor, y: Tensor) -> Tensor:
        """Return one loss per row of what `scored` returned; a scalar stays one."""
        if self._is_plain and output.ndim == 2:
            return functional.nll_loss(output, y, reduction="none")
        if self._form is not None:
            return self._whole_rows(output, y, None)
        loss = self.criterion(*self._aligned(output, y))
        if self._scale is not None:
            loss = loss / self._unit
        return loss if loss.ndim == 0 else row_means(loss)

    def row_losses(self, output: Any, y: Tensor) -> Tensor:
        """Return one loss per row of what the module returned, unmixed: (rows,)."""
        return self.rows(self.scored(self.read(output)), y)

    def _whole_rows(self, output: Tensor, y: Tensor, plan: MixPlan | None) -> Tensor:
        """Return one loss per row of a criterion that takes mixed targets whole."""
        if self._form == "plan":
            if self.n_classes is None and plan is None:
                output = output.reshape(y.shape)
            loss = self.criterion(output, y, plan)
        elif self._form == "soft" or (plan is not None and plan.unites_targets):
            loss = self.criterion(*self._soft(output, y, plan))
        else:
            if plan is None:
                whole = torch.ones(len(y), device=y.device)
                targets = MixedTargets(y, y, whole)
            else:
                pair = plan.own_rows(y), plan.partner_rows(y)
                targets = MixedTargets(*pair, plan.own_share)
            if self.n_classes is None:
                output = output.reshape(targets.y.shape)
            loss = self.criterion(output, targets)
        return loss if loss.ndim == 0 else row_means(loss)

    def _soft(
        self, output: Tensor, y: Tensor, plan: MixPlan | None
    ) -> tuple[Tensor, Tensor]:
        """Return output and one blended target per row, of the same shape."""
        if plan is not None:
            target = plan.targets(y, self.n_classes)
        elif self.n_classes is not None:
            target = functional.one_hot(y, self.n_classes).float()
        else:
            target = y
        if self.n_classes is None:
            output = output.reshape(target.shape)
        elif self.activation == "sigmoid" and output[0].numel() == 1:
            # One logit, of the second class.
            output, target = output.reshape(-1), target[:, 1]
        # No narrower than the shares: half precision would move them over thresholds.
        return output, target.to(torch.promote_types(output.dtype, target.dtype))

    def _aligned(self, output: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Give output and target the shapes that the criterion wants."""
        if self.n_classes is None:
            output, y = output.reshape(y.shape), y.to(output.dtype)
            if self._scale is not None:
                scale = self._scale_beside(output)
                output, y = output * scale, y * scale
            return output, y
        if self._is_binary:
            if output.ndim == 1 or output.shape[1] == 1:
                return output.reshape(len(y)), y.to(output.dtype)
            return output, functional.one_hot(y, output.shape[1]).to(output.dtype)
        return output, y

    def _scale_beside(self, output: Tensor) -> Tensor:
        """Return what differences are multiplied with, sent to a device once."""
        assert self._scale is not None
        if self._scale.ndim == 0:  # which is a number for any device
            return self._scale.to(output.dtype)
        if self._scale_there is None or self._scale_there.device != output.device:
            self._scale_there = self._scale.to(output.device)
        return self._scale_there.to(output.dtype)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is on a device that others may lack."""
        return vars(self) | {"_scale_there": None}

    def read(self, output: Any) -> Tensor:
        """Return what the module returned as one tensor."""
        return main_output(output)

    def kept(self, output: Any) -> Tensor:
        """Return what the accuracy of a mixed batch is counted of."""
        return self.read(output).detach()

    def agreement(self, predicted: Tensor, y: Tensor) -> Tensor:
        """Return how far predictions, as `labels` returns them, are right: (rows,)."""
        return predicted == y

    def labels(self, output: Any) -> Tensor:
        """Return the most probable class of each row, int64."""
        output = self.read(output)
        if self.nonlinearity is not None or self.threshold != 0.5:
            return self.decided(self.probabilities(output))
        if output.ndim == 1 or output.shape[1] == 1:
            limit = 0.5 if self.activation == "none" else 0.0
            return (output.reshape(-1) > limit).long()
        return output.argmax(1)

    def decided(self, proba: Tensor) -> Tensor:
        """Return the class that is predicted at some probabilities, int64."""
        if proba.shape[1] == 2 and self.threshold != 0.5:
            return (proba[:, 1] > self.threshold).long()
        if proba.device.type == "cpu":
            return torch.from_numpy(proba.numpy().argmax(axis=1))
        return first_largest(proba)

    def predicted(self, output: Tensor) -> Tensor:
        """Return the numbers that outputs stand for, on the scale of the targets."""
        return output.exp() if self.activation == "exp" else output

    def probabilities(self, output: Tensor) -> Tensor:
        """Return class probabilities of shape (rows, n_classes), float64."""
        if self.nonlinearity is not None:
            output = self.nonlinearity(output).double()
            if output.ndim == 2 and output.shape[1] > 1:
                return output
            return torch.stack([1.0 - output.reshape(-1), output.reshape(-1)], 1)
        output = output.double()
        if output.ndim == 1 or output.shape[1] == 1:
            one = output.reshape(-1)
            if self.activation != "none":
                one = one.sigmoid()
            return torch.stack([1.0 - one, one], 1)
        if self.activation == "softmax":
            return output.softmax(1)
        if self.activation == "sigmoid":
            # Sigmoids scaled to sum to one, also where all of them are tiny.
            return functional.logsigmoid(output).softmax(1)
        return output / output.sum(1, keepdim=True).clamp(min=1e-300)


def _activation_of(criterion: Any, takes_log: bool) -> str:
    if takes_log or isinstance(criterion, nn.BCELoss):
        return "none"
    if isinstance(criterion, nn.PoissonNLLLoss) and criterion.log_input:
        return "exp"
    return "sigmoid" if isinstance(criterion, nn.BCEWithLogitsLoss) else "softmax"


def parts(
    plan: MixPlan, y: Tensor, weight: Tensor | None
) -> list[tuple[Tensor, Tensor]]:
    """Return what every target of a mixed row counts, and the target itself.

    Parameters
    ----------
    plan : MixPlan
    y : Tensor of shape (B, ...)
    weight : Tensor of shape (B,) or None

    Returns
    -------
    parts : list of (Tensor of shape (rows,), Tensor of shape (rows, ...))
        As `MixPlan.label_parts` returns them.
    """
    if weight is None:
        return plan.label_parts(y)
    if plan.pool is not None:
        raise ValueError(
            "pairing: partners from memory have no weights; leave sample_weight"
            " and class_weight out, or choose another pairing."
        )
    both = zip(plan.label_parts(y), plan.label_parts(weight), strict=True)
    return [(share * own, target) for (share, target), (_, own) in both]


def summed(values: Sequence[Tensor]) -> Tensor:
    """Return the sum of tensors, added in order."""
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def main_output(output: Any) -> Tensor:
    """Return the logits of a mapping, or the first tensor of a tuple as skorch does."""
    if isinstance(output, Mapping):
        # What models of Hugging Face return; a mapping of one tensor leaves no choice.
        values = [output["logits"]] if "logits" in output else list(output.values())
        output = values[0] if len(values) == 1 else output
    return output[0] if isinstance(output, tuple) else output


def first_largest(proba: Tensor) -> Tensor:
    """Return where each row is largest, where it is: ``argmax(axis=1)`` of NumPy.

    Of equal values the first, and of missing ones too, which torch leaves open.
    """
    largest = (proba == proba.amax(1, keepdim=True)) | proba.isnan()
    places = torch.arange(proba.shape[1], device=proba.device).expand_as(proba)
    return places.masked_fill(~largest, proba.shape[1]).amin(1)
