"""Several labels at once: one logit, and one yes or no, per label."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from sk_mixup.mixing import MixPlan, output_activation
from sk_mixup.training.objectives._heads import TargetKind
from sk_mixup.training.objectives._objective import Objective, main_output

# Linear in the target, so that one blended target has the loss of the pair.
_LINEAR = (nn.BCEWithLogitsLoss, nn.BCELoss)
_ONE_CLASS = (nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss)


class MultiLabel(TargetKind):
    """Indicators, float32 of shape (B, n_labels).

    Parameters
    ----------
    n_labels : int
    """

    name = "several labels per row (multilabel)"

    def __init__(self, n_labels: int) -> None:
        self.width = n_labels

    def default_criterion(self, output: Tensor) -> type[nn.Module]:
        """Return binary cross-entropy, the mean over the labels."""
        return nn.BCEWithLogitsLoss

    def objective(self, criterion: Any, *, takes_log: bool) -> Objective:
        """Return a `MultiLabelObjective`; refuse losses of one class per row."""
        softmax = output_activation(criterion) == "softmax"
        if softmax or isinstance(criterion, _ONE_CLASS):
            name = type(criterion).__name__
            raise ValueError(
                f"criterion: {name} is for one class per row, and y is multilabel, a"
                " matrix of 0 and 1. Use nn.BCEWithLogitsLoss (the default), or"
                " another loss with one yes or no per label."
            )
        return MultiLabelObjective(criterion)

    def _check_width(self, module: str, output: Tensor) -> None:
        if output[0].numel() == self.width:
            return
        raise ValueError(
            f"module: {module} returns shape {tuple(output.shape)} for {len(output)}"
            f" rows, and y has {self.width} labels: it must return {self.width} logits"
            " per row."
        )


class MultiLabelObjective(Objective):
    """Loss of a yes or no per label: the mean over the labels of a row.

    To the criterion, labels are numbers of the shape of the output. A row counts as
    much of a hit as it has labels that are right, on mixed batches as in validation.

    Parameters
    ----------
    criterion : callable
        As for `Objective`. Outputs are logits unless it is ``nn.BCELoss`` or says so.
    """

    per_label = True

    def __init__(self, criterion: Any) -> None:
        super().__init__(criterion, None)
        self.counts = True
        if output_activation(criterion) is None:
            is_probability = isinstance(criterion, nn.BCELoss)
            self.activation = "none" if is_probability else "sigmoid"
        self._is_linear = type(criterion) in _LINEAR

    def __call__(
        self,
        output: Any,
        y: Tensor,
        weight: Tensor | None = None,
        plan: MixPlan | None = None,
        target: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of a batch; parameters as for `Objective`."""
        mixes = plan is not None and not plan.is_identity
        if mixes and weight is None and self._is_linear:
            assert plan is not None
            return self._mean(main_output(output), plan.targets(y), None)
        return super().__call__(output, y, weight, plan, target)

    def labels(self, output: Any) -> Tensor:
        """Return 1 for each label that is more probable than not, int64."""
        output = main_output(output).flatten(1)
        if self.nonlinearity is not None:
            return (self.probabilities(output) > 0.5).long()
        return (output > (0.5 if self.activation == "none" else 0.0)).long()

    def agreement(self, predicted: Tensor, y: Tensor) -> Tensor:
        """Return the share of right labels of every row."""
        return (predicted == y).float().mean(1)

    def probabilities(self, output: Tensor) -> Tensor:
        """Return a probability per label, of shape (rows, n_labels), float64."""
        if self.nonlinearity is not None:
            return self.nonlinearity(output).double().flatten(1)
        output = output.double().flatten(1)
        return output if self.activation == "none" else output.sigmoid()
