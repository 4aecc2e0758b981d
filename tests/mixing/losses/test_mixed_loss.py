"""What a criterion declares decides what it is given."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import (
    MixedTargets,
    RankMixupLoss,
    mixed_loss,
    output_activation,
    target_form,
)
from tests.mixing.losses.batches import batch, slow_soft


def test_mixed_loss_says_that_a_plan_is_needed():
    with pytest.raises(TypeError, match=r"needs the plan .* method\.draw"):
        mixed_loss(RankMixupLoss(), *batch())


def test_a_criterion_of_soft_targets_gets_them():
    output, pair = batch()

    class Squared(nn.Module):
        mixed_targets = "soft"

        def forward(self, output, target):
            return ((output - target) ** 2).mean(1)

    expected = ((output - slow_soft(pair)) ** 2).mean()
    assert_close(mixed_loss(Squared(), output, pair), expected)


def test_a_criterion_of_pairs_gets_the_pair():
    output, pair = batch()

    def criterion(output, targets):
        assert targets is pair
        return targets.lam

    criterion.mixed_targets = "pair"
    assert_close(mixed_loss(criterion, output, pair), pair.lam.mean())


def test_blended_numbers_keep_their_shape():
    lam = torch.tensor([0.25, 1.0])
    pair = MixedTargets(torch.zeros(2, 3), torch.ones(2, 3), lam)
    assert_close(pair.soft(), torch.tensor([[0.75] * 3, [0.0] * 3]))
    with pytest.raises(ValueError, match="say n_classes"):
        MixedTargets(torch.tensor([0]), torch.tensor([1]), lam[:1]).soft()


@pytest.mark.parametrize("name", ["mixed_targets", "output_activation"])
def test_an_unknown_declaration_is_an_error(name):
    criterion = nn.CrossEntropyLoss()
    setattr(criterion, name, "sot")
    read = target_form if name == "mixed_targets" else output_activation
    with pytest.raises(ValueError, match=f"CrossEntropyLoss.{name} must be one of"):
        read(criterion)
