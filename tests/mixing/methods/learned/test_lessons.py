"""What a mix block is taught, against sums written out."""

import math

import pytest
import torch
from torch.nn import functional

from sk_mixup.mixing import AdAutoMix, AutoMix, SAMix
from sk_mixup.mixing.looks import plain_criterion
from sk_mixup.mixing.methods.learned._beside import Lesson
from tests.builders import generator
from tests.mixing.methods.learned.nets import cnn, companion_of, drawn, images


def lesson(number=0, y=(0, 1, 2, 1), weight=None, n_classes=3):
    draws = generator(7)
    n = len(y)
    return Lesson(
        output=torch.randn(n, n_classes, generator=draws),
        clean=torch.randn(n, n_classes, generator=draws),
        y=torch.tensor(y),
        weight=weight,
        partner=torch.tensor([3, 2, 1, 0]),
        lam=torch.tensor([0.2, 0.9, 0.5, 0.7]),
        mask=torch.rand(n, 4, 4, generator=draws),
        criterion=plain_criterion,
        number=number,
    )


def cross_entropy(logits, label):
    return math.log(sum(math.exp(z) for z in logits)) - logits[label]


def slow_classification(given):
    total, n = 0.0, len(given.y)
    y, logits = given.y.tolist(), given.output.tolist()
    weight = [1.0] * n if given.weight is None else given.weight.tolist()
    for i, j in enumerate(given.partner.tolist()):
        lam = float(given.lam[i])
        total += lam * weight[i] * cross_entropy(logits[i], y[i]) / n
        total += (1 - lam) * weight[j] * cross_entropy(logits[i], y[j]) / n
    return total


def slow_off_share(given):
    distances = [
        abs((1 - float(mask.mean())) - float(lam))
        for mask, lam in zip(given.mask, given.lam, strict=True)
    ]
    return sum(max(0.0, d - 0.1) for d in distances) / len(distances)


def close(found, wanted):
    assert abs(float(found) - wanted) < 1e-5


@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 2.0, 0.5, 0.5])])
def test_automix_teaches_to_show_both_labels_by_lambda(weight):
    given = lesson(weight=weight)
    wanted = slow_classification(given) + 0.3 * slow_off_share(given)
    close(AutoMix(mask_loss=0.3).judged(given), wanted)


@pytest.mark.parametrize("y", [(0, 1, 2, 1), (0, 1, 1, 0)])
def test_samix_teaches_to_tell_both_classes_from_each_other_first(y):
    given = lesson(y=y)
    local = 0.0
    for i, j in enumerate(given.partner.tolist()):
        own, other = (float(given.output[i, y[k]]) for k in (i, j))
        lam = float(given.lam[i])
        if y[i] != y[j]:
            both = math.exp(own) + math.exp(other)
            p, q = math.exp(own) / both, math.exp(other) / both
            local -= (lam * math.log(p) + (1 - lam) * math.log(q)) / len(y)
    varies = float(given.mask.var(unbiased=False))
    wanted = local + 0.7 * slow_classification(given)
    wanted += 0.3 * (slow_off_share(given) - 2 * varies)
    close(SAMix(eta=0.7, mask_loss=0.3).judged(given), wanted)


def test_samix_of_numbers_teaches_by_the_loss_of_the_training():
    given = lesson(n_classes=1)._replace(y=torch.rand(4, generator=generator()))
    varies = given.mask.var(unbiased=False)
    wanted = given.classification() - 0.2 * varies + 0.1 * slow_off_share(given)
    close(SAMix().judged(given), float(wanted))


def test_ad_auto_mix_teaches_in_turn_to_be_understood_and_to_be_hard():
    given = lesson(number=2)
    shape = 0.1 * slow_off_share(given)
    close(AdAutoMix().judged(given), slow_classification(given) + shape)
    given = lesson(number=3)
    likeness = 0.0
    for i, j in enumerate(given.partner.tolist()):
        lam = float(given.lam[i])
        own, other = (
            float(functional.cosine_similarity(given.output[i], given.clean[k], dim=0))
            for k in (i, j)
        )
        likeness += (lam * own + (1 - lam) * other) / 4
    wanted = -0.4 * slow_classification(given) + 0.6 * (1 - likeness) + shape
    close(AdAutoMix(beta=0.4).judged(given), wanted)


def test_likeness_is_rewarded_and_not_punished():
    """Of two answers as hard, the one like its images has the lower loss."""
    given = lesson(number=1)
    alike = given._replace(clean=given.output)
    unlike = given._replace(clean=-given.output)
    method = AdAutoMix()
    assert method.judged(alike) < method.judged(unlike)


@pytest.mark.parametrize("method", [AutoMix(), SAMix(), AdAutoMix()], ids=repr)
def test_a_lesson_that_comes_again_is_understood(method):
    """Against a net that knows the classes, mixed images come to show both."""
    net, (x, y) = cnn(), images(16)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(40):
        optimizer.zero_grad()
        functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    prices = []

    class Heard(type(method)):
        def judged(self, lesson):
            loss = super().judged(lesson._replace(number=0))
            prices.append(float(loss.detach()))
            return loss

    heard = Heard(**method.get_params())
    companion = companion_of(heard, net, x)
    for _ in range(30):
        for i, stream in enumerate(companion.streams):
            stream.manual_seed(i)
        drawn(heard, net, x, y, companion=companion)
        companion.learn(y)
        companion.step()
    assert prices[-1] < prices[0] - 0.1
    assert max(prices[-5:]) < min(prices[:5])
