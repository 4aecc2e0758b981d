"""Mixed images made together: against all choices, and step by step."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from sk_mixup.mixing.methods.puzzle import _joint
from sk_mixup.mixing.methods.puzzle._joint import JointProblem, solve_jointly
from tests.builders import generator


def problem(n_parts, n_images, size, seed=0, **changes):
    draw = generator(seed)
    saliency = torch.rand(n_parts, n_images, *size, generator=draw, dtype=torch.float64)
    saliency = saliency.pow(3)
    saliency /= saliency.flatten(2).sum(2)[:, :, None, None]
    far = torch.rand(n_parts, n_images, n_images, generator=draw, dtype=torch.float64)
    values = {
        "saliency": saliency,
        "prior": torch.rand(n_parts, n_images, n_images, generator=draw).double(),
        "allowed": torch.ones(n_parts, n_images, n_images, dtype=torch.bool),
        "compatible": torch.eye(n_images).double() + 0.1 * (far + far.mT),
        "real": torch.ones(n_parts, n_images, dtype=torch.bool),
        "beta": 0.32,
        "gamma": 1.0,
        "eta": 0.05,
        "threshold": 0.5,
    }
    return JointProblem(**(values | changes))


def slow_total(p, labels, part):
    """The formula of the class, term by term."""
    _, n_images, n_rows, n_columns = p.saliency.shape
    n_cells = n_rows * n_columns
    total = 0.0
    shares = torch.zeros(n_images, n_images)
    for j, i, k in itertools.product(range(n_images), range(n_rows), range(n_columns)):
        here = int(labels[part, j, i, k])
        shares[j, here] += 1 / n_cells
        total -= float(p.saliency[part, here, i, k])
        total += p.eta / n_cells * float(p.prior[part, j, here])
        if i + 1 < n_rows:
            total += p.beta / n_cells * (here != int(labels[part, j, i + 1, k]))
        if k + 1 < n_columns:
            total += p.beta / n_cells * (here != int(labels[part, j, i, k + 1]))
    overlap = sum(
        float(shares[j] @ p.compatible[part].float() @ shares[other])
        for j, other in itertools.permutations(range(n_images), 2)
    )
    return total + p.gamma * n_images * max(p.threshold, overlap / n_images)


def test_the_objective_is_the_formula():
    p = problem(2, 3, (2, 3))
    labels = torch.randint(0, 3, (2, 3, 2, 3), generator=generator())
    wanted = [slow_total(p, labels, part) for part in range(2)]
    assert_close(p.total(labels), torch.tensor(wanted).double(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("threshold", [0.0, 0.5, 2.0])
def test_little_is_left_to_gain_over_all_choices(threshold):
    p = problem(4, 2, (2, 2), threshold=threshold)
    found = p.total(solve_jointly(p, 5))
    least = torch.full_like(found, torch.inf)
    for cells in itertools.product(range(2), repeat=8):
        labels = torch.tensor(cells).view(1, 2, 2, 2).expand(4, -1, -1, -1)
        least = torch.minimum(least, p.total(labels))
    assert bool((found >= least - 1e-9).all())
    # Of objectives around -1.7: one image at a time does not find all there is.
    assert bool((found <= least + 0.03).all())


@pytest.mark.parametrize("gamma", [0.0, 1.0, 5.0])
def test_no_step_makes_the_objective_larger(monkeypatch, gamma):
    p = problem(3, 5, (4, 4), gamma=gamma)
    labels = torch.arange(5).view(1, 5, 1, 1).expand(3, -1, 4, 4).clone()
    before, turn = p.total(labels), itertools.cycle(range(5))
    best_image = _joint.best_image

    def watched(*args):
        nonlocal before
        labels[:, next(turn)] = found = best_image(*args)
        now = p.total(labels)
        assert bool((now <= before + 1e-9).all())
        before = now
        return found

    monkeypatch.setattr(_joint, "best_image", watched)
    assert torch.equal(solve_jointly(p, 3), labels)


def test_without_a_penalty_every_mixed_image_is_as_salient_as_can_be():
    p = problem(2, 3, (2, 2), gamma=0.0, beta=0.0, eta=0.0)
    labels = solve_jointly(p, 2)
    best = p.saliency.argmax(1)
    assert torch.equal(labels, best.unsqueeze(1).expand(-1, 3, -1, -1))


def test_a_penalty_keeps_images_from_being_used_by_all():
    free = problem(1, 6, (4, 4), gamma=0.0)
    strict = problem(1, 6, (4, 4), gamma=5.0, threshold=0.1)
    overlap = [float(p.overlap(p.shares(solve_jointly(p, 3)))) for p in (free, strict)]
    assert overlap[1] < 0.5 * overlap[0]


def test_only_allowed_images_are_used():
    group = torch.tensor([0, 0, 1, 1, 2])
    allowed = (group.unsqueeze(1) == group).unsqueeze(0)
    p = problem(1, 5, (3, 3), allowed=allowed)
    labels = solve_jointly(p, 3)
    assert torch.equal(group[labels[0]], group.view(-1, 1, 1).expand(-1, 3, 3))


def test_images_that_are_missing_count_for_nothing():
    small = problem(1, 3, (2, 2))
    padded = problem(1, 4, (2, 2))
    real = torch.tensor([[True, True, True, False]])

    def filled(wide, narrow):
        wide = wide.clone()
        wide[:, :3, :3] = narrow
        return wide

    saliency = padded.saliency.clone()
    saliency[:, :3] = small.saliency
    allowed = real.unsqueeze(1) | torch.eye(4, dtype=torch.bool)
    padded = problem(
        1,
        4,
        (2, 2),
        saliency=saliency,
        prior=filled(padded.prior, small.prior),
        compatible=filled(padded.compatible, small.compatible),
        allowed=allowed,
        real=real,
    )
    found = solve_jointly(padded, 3)
    assert torch.equal(found[:, :3], solve_jointly(small, 3))
    assert_close(padded.total(found), small.total(found[:, :3]))
