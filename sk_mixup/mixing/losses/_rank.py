"""A loss that compares clean rows with the mixed rows made from them.

It needs to know which row came from which, so it takes the plan of the batch.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from sk_mixup.mixing._params import check_choice, check_number
from sk_mixup.mixing.losses._cross_entropies import class_logits, reduced
from sk_mixup.mixing.losses._pairs import class_pair
from sk_mixup.mixing.plans import MixedTargets, MixPlan, StackPlan


class RankMixupLoss(nn.Module):
    r"""Cross-entropy of clean rows, and a margin between them and their mixed copies.

    .. math:: L = \frac{1}{B} \sum_i -\log \sigma(z_i)_{y_i}
        + w \, \frac{1}{B} \sum_i \max\big(0,\; m + \max_c \tilde z_{ic}
        - \max_c z_{ic}\big)

    A net should be less sure of a mixed sample than of the sample it was made from. The
    labels of mixed rows are not learnt from. It needs clean and mixed rows in one
    batch, as :class:`RegMixup` makes them; rows that were not mixed, or mixed with
    their own class, have no second part.

    NOTE[DIFF] The paper states the margin in probabilities, and its code takes it in
    logits; the defaults are the code's (for CIFAR), and `on` chooses.

    Parameters
    ----------
    margin : float, default=2.0
        `m`, at least 0.
    rank_weight : float, default=0.1
        `w`, at least 0.
    on : "logits" or "probabilities", default="logits"
        What is compared; probabilities need a margin below 1.
    reduction : "mean" or "none", default="mean"
        "none" returns one value per row, of which the mean is the loss.

    Attributes
    ----------
    mixed_targets : str
        "plan": the estimators call ``criterion(output, y, plan)``.

    References
    ----------
    .. [1] J. Noh, H. Park, J. Lee, B. Ham, "RankMixup: Ranking-Based Mixup Training for
       Network Calibration", ICCV 2023, arXiv:2308.11990 (M-RankMixup's margin loss).

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import RankMixupLoss
    >>> RankMixupLoss(margin=1.0)
    RankMixupLoss(margin=1.0, rank_weight=0.1, on='logits', reduction='mean')
    """

    mixed_targets: ClassVar[str] = "plan"
    output_activation: ClassVar[str] = "softmax"

    def __init__(
        self,
        margin: float = 2.0,
        rank_weight: float = 0.1,
        on: str = "logits",
        *,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        check_number("margin", margin, low=0.0)
        check_number("rank_weight", rank_weight, low=0.0)
        check_choice("on", on, ("logits", "probabilities"))
        check_choice("reduction", reduction, ("mean", "none"))
        if on == "probabilities" and margin >= 1:
            raise ValueError(
                f"margin={margin!r} with on='probabilities': they differ by less than"
                " 1. Choose a smaller margin, such as 0.1."
            )
        self.margin = margin
        self.rank_weight = rank_weight
        self.on = on
        self.reduction = reduction

    def forward(
        self, output: Tensor, target: Tensor, plan: MixPlan | None = None
    ) -> Tensor:
        """Return the loss.

        Parameters
        ----------
        output : Tensor of shape (rows, C)
            Logits of the mixed batch; half precision is widened.
        target : Tensor of shape (B,)
            Class indices of the unmixed batch.
        plan : MixPlan or None
            Makes clean rows, then mixed ones. None, or a plan that leaves every row as
            it is: cross-entropy.

        Returns
        -------
        loss : Tensor, scalar or of shape (rows,)

        Raises
        ------
        ValueError, TypeError
            For a plan without clean rows, or shapes that do not fit.
        """
        output = class_logits(self, output)
        if plan is None or plan.is_identity:
            y = class_pair(self, output, target)[0]
            rows = functional.cross_entropy(output, y, reduction="none")
            return reduced(rows, self.reduction)
        self.check_plan(plan)
        assert isinstance(plan, StackPlan)
        n_rows, n_clean = len(output), plan.parts[0].n_rows
        pair = MixedTargets(
            plan.own_rows(target), plan.partner_rows(target), plan.label_weights[0]
        )
        own, other, lam = class_pair(self, output, pair)
        clean = functional.cross_entropy(
            output[:n_clean], own[:n_clean], reduction="none"
        )
        sure = (output if self.on == "logits" else output.softmax(1)).amax(1)
        assert plan.rows is not None
        above = sure[n_clean:] - sure[plan.rows[n_clean:]] + self.margin
        mixes = (own != other) & (lam > 0) & (lam < 1)
        rank = self.rank_weight * functional.relu(above) * mixes[n_clean:]
        # Each part is a mean over its own rows.
        rows = torch.cat(
            (clean * (n_rows / n_clean), rank * (n_rows / (n_rows - n_clean)))
        )
        return reduced(rows, self.reduction)

    def check_plan(self, plan: MixPlan) -> None:
        """Check that a plan makes clean rows, then mixed ones.

        The estimators do so before training.

        Parameters
        ----------
        plan : MixPlan

        Raises
        ------
        ValueError
            For a plan that mixes, and has no clean rows beside the mixed ones.
        """
        if plan.is_identity:
            return
        parts = plan.parts if isinstance(plan, StackPlan) else ()
        if len(parts) < 2 or not parts[0].is_identity or parts[0].rows is not None:
            raise ValueError(
                "RankMixupLoss compares clean rows with their mixed copies, and"
                f" {type(plan).__name__} does not hold both: use mix='reg_mixup'."
            )

    def extra_repr(self) -> str:
        """Show the parameters."""
        return (
            f"margin={self.margin}, rank_weight={self.rank_weight}, on={self.on!r},"
            f" reduction={self.reduction!r}"
        )
