"""C-Mixup: partners of similar target."""

import math

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.mixing import CMixup
from tests.builders import generator
from tests.mixing.builders import streams


def slow_partner(y, bandwidth, u):
    """Draw the partner of each row from the probabilities, written down one by one."""
    y = y.double().reshape(len(y), -1)
    spread = y.std(0, correction=0)
    partner = []
    for i in range(len(y)):
        weights = []
        for j in range(len(y)):
            gap = sum(
                (float(y[i, k] - y[j, k]) / float(spread[k])) ** 2
                for k in range(y.shape[1])
            )
            weights.append(0 if i == j else math.exp(-gap / (2 * bandwidth**2)))
        left = float(u[i]) * sum(weights)
        j = 0
        while left >= weights[j]:
            left -= weights[j]
            j += 1
        partner.append(j)
    return partner


@pytest.mark.parametrize("bandwidth", [0.3, 1.0, 5.0])
@pytest.mark.parametrize("shape", [(9,), (9, 1), (9, 3)])
def test_partners_and_blend_are_the_formula(shape, bandwidth):
    for seed in range(6):
        x = torch.rand(9, 2, generator=generator(seed))
        y = torch.randn(shape, generator=generator(seed + 50)) * 3 + 7
        plan = CMixup(1.5, bandwidth=bandwidth).draw(x, y, generator=streams(seed))
        again = streams(seed)
        u = torch.rand(9, generator=again.partner)
        assert plan.partner.tolist() == slow_partner(y, bandwidth, u)
        lam_u = float(torch.rand((), dtype=torch.float64, generator=again.lam))
        lam = stats.beta.ppf(lam_u, 1.5, 1.5)
        for i, j in enumerate(plan.partner.tolist()):
            assert_close(plan.apply(x)[i], (lam * x[i] + (1 - lam) * x[j]).float())
            assert_close(plan.targets(y)[i], (lam * y[i] + (1 - lam) * y[j]).float())


def test_partners_are_as_likely_as_their_kernel():
    y = torch.tensor([0.0, 1.0, 2.0, 5.0])
    source, counts = generator(), torch.zeros(4)
    for _ in range(3000):
        counts[CMixup().draw(torch.rand(4, 1), y, generator=source).partner[0]] += 1
    z = (y - y[0]) / y.std(correction=0)
    weights = torch.exp(-z.square() / 2)
    weights[0] = 0
    assert_close(counts / 3000, weights / weights.sum(), rtol=0, atol=0.03)


def test_lambda_follows_the_beta_law():
    plan = CMixup(2.0, per="row").draw(
        torch.rand(500, 1), torch.rand(500), generator=generator()
    )
    assert stats.kstest(plan.lam.numpy(), stats.beta(2, 2).cdf).pvalue > 0.01


def test_one_lambda_serves_the_batch():
    plan = CMixup().draw(torch.rand(9, 1), torch.rand(9), generator=generator())
    assert len(set(plan.lam.tolist())) == 1


# -- bugs of peers -------------------------------------------------------------------


def test_no_row_is_its_own_partner():
    # C-Mixup's code: the own row is the likeliest partner.
    y = torch.tensor([0.0, 100.0, -3.0, 1e6])
    for bandwidth in (1e-6, 1e-3, 1.0):
        for seed in range(10):
            plan = CMixup(bandwidth=bandwidth).draw(
                torch.rand(4, 1), y, generator=generator(seed)
            )
            assert not bool((plan.partner == torch.arange(4)).any())


@pytest.mark.parametrize(("scale", "shift"), [(1e-4, 0.0), (1e5, 0.0), (1.0, 500.0)])
def test_units_of_the_target_do_not_matter(scale, shift):
    # C-Mixup's code: the bandwidth is in raw units of y.
    y = torch.randn(20, 2, generator=generator()).double()
    x = torch.rand(20, 1)
    scales = torch.tensor([scale, 1.0])
    for seed in range(5):
        plain = CMixup().draw(x, y, generator=generator(seed))
        scaled = CMixup().draw(x, y * scales + shift, generator=generator(seed))
        assert torch.equal(plain.partner, scaled.partner)


def test_targets_keep_their_shape():
    # keras: labels of shape (B,) were broadcast to (B, B).
    for shape in [(5,), (5, 1), (5, 2)]:
        y = torch.rand(shape)
        assert CMixup()(torch.rand(5, 2), y)[1].shape == shape


def test_a_batch_of_one_stays_clean():
    x = torch.rand(1, 2)
    plan = CMixup().draw(x, torch.rand(1))
    assert torch.equal(plan.apply(x), x)
    assert plan.lam.tolist() == [1.0]


# -- misuse ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "error"), [(None, ValueError), (torch.arange(4), TypeError)]
)
def test_classes_are_refused_with_the_way_out(y, error):
    with pytest.raises(error, match=r"CMixup .* float targets; .* use Mixup, or pair"):
        CMixup().draw(torch.rand(4, 2), y)


def test_the_bandwidth_is_checked():
    with pytest.raises(ValueError, match="bandwidth must be greater than 0"):
        CMixup(bandwidth=0).validate()


def test_a_regressor_takes_it_by_name():
    x = torch.randn(40, 3, generator=generator()).numpy()
    model = MixupRegressor(
        mix="c_mixup", mix__bandwidth=0.5, max_epochs=5, random_state=0, device="cpu"
    )
    assert model.fit(x, x[:, 0]).predict(x).shape == (40,)


@pytest.mark.parametrize("mix", ["remix", "ma_mix", "balanced_mixup"])
def test_classifiers_have_their_own(mix):
    x = torch.randn(40, 3, generator=generator()).numpy()
    settings = {"mix": mix, "max_epochs": 5, "random_state": 0, "device": "cpu"}
    labels = (x[:, 0] > 1).astype(int)
    assert MixupClassifier(**settings).fit(x, labels).predict(x).shape == (40,)
    with pytest.raises(TypeError, match="needs class labels"):
        MixupRegressor(**settings).fit(x, x[:, 0])


def test_a_classifier_refuses_it_before_training():
    x = torch.randn(40, 3, generator=generator()).numpy()
    with pytest.raises(TypeError, match="For classes use Mixup"):
        MixupClassifier(mix="c_mixup").fit(x, (x[:, 0] > 0).astype(int))
