"""Labels of grids: against all labellings, minimum cuts and their own bounds."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.testing import assert_close

from sk_mixup.mixing.methods.puzzle._labelling import label_grids
from sk_mixup.mixing.methods.puzzle._lines import improve_lines
from tests.builders import generator
from tests.mixing.methods.puzzle.grids import (
    least_by_cut,
    least_of_all,
    ordered,
    potts,
    random_energy,
    slow_energy,
)


def test_an_energy_is_the_sum_of_its_terms():
    energy = random_energy(3, 3, 4, ordered(3))
    labels = torch.randint(0, 3, (3, 3, 4), generator=generator())
    wanted = [slow_energy(energy, labels[b].tolist(), b) for b in range(3)]
    assert_close(energy(labels), torch.tensor(wanted).double(), atol=1e-5, rtol=0)
    turned = energy.turned()(labels.transpose(1, 2))
    assert_close(turned, energy(labels), atol=1e-5, rtol=0)


@pytest.mark.parametrize("scale", [0.2, 1.0, 4.0])
@pytest.mark.parametrize(
    ("height", "width", "n_labels"),
    [(2, 2, 2), (2, 2, 3), (3, 3, 2), (2, 3, 3), (1, 5, 3), (4, 1, 3), (2, 2, 4)],
)
def test_masks_have_the_least_energy_of_all(height, width, n_labels, scale):
    energy = random_energy(20, height, width, ordered(n_labels), scale)
    found = label_grids(energy, tolerance=0.0)
    least = least_of_all(energy)
    assert_close(found.energy, least, atol=1e-6, rtol=0)
    assert bool((found.bound <= least + 1e-6).all())


@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.parametrize("size", [(8, 8), (5, 9)])
@pytest.mark.parametrize("scale", [0.3, 1.5])
def test_large_masks_have_the_energy_of_a_minimum_cut(size, n_labels, scale):
    energy = random_energy(6, *size, ordered(n_labels), scale)
    found = label_grids(energy, n_passes=200, tolerance=1e-6)
    least = torch.tensor([least_by_cut(energy, b) for b in range(6)])
    assert_close(found.energy, least.double(), atol=2e-4, rtol=0)


@pytest.mark.parametrize("scale", [0.3, 1.5])
def test_the_usual_tolerance_is_kept(scale):
    energy = random_energy(6, 16, 16, ordered(3), scale)
    found = label_grids(energy, tolerance=1e-3)
    spread = (energy.unary.amax(3) - energy.unary.amin(3)).flatten(1).sum(1)
    least = torch.tensor([least_by_cut(energy, b) for b in range(6)])
    assert bool((found.energy - least <= 1e-3 * spread).all())
    assert bool((found.bound <= least + 1e-3).all())


def test_a_bound_holds_for_labels_without_order_too():
    energy = random_energy(20, 2, 3, potts(3), 1.0)
    found, least = label_grids(energy), least_of_all(energy)
    assert bool((found.bound <= least + 1e-6).all())
    assert bool((found.energy <= least + 0.02).all())


@given(
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    n_labels=st.integers(2, 7),
    seed=st.integers(0, 2**20),
)
@settings(max_examples=40)
def test_lines_never_make_labels_worse(height, width, n_labels, seed):
    distance = potts(n_labels) if seed % 2 else ordered(n_labels)
    energy = random_energy(3, height, width, distance, 1.0, seed)
    size = (3, height, width)
    labels = torch.randint(0, n_labels, size, generator=generator(seed))
    before = labels.clone()
    better = improve_lines(energy, labels, 3)
    assert torch.equal(labels, before)
    assert bool((energy(better) <= energy(labels) + 1e-6).all())


def test_one_row_is_solved_by_one_sweep():
    for distance in (ordered(3), potts(6)):
        energy = random_energy(10, 1, 4, distance, 1.0)
        start = torch.zeros(10, 1, 4, dtype=torch.int64)
        found = improve_lines(energy, start, 1)
        assert_close(energy(found), least_of_all(energy), atol=1e-6, rtol=0)


def test_a_grid_is_solved_alike_in_any_batch():
    energy = random_energy(12, 8, 8, ordered(3), 1.0)
    together = label_grids(energy)
    for b in (0, 5, 11):
        alone = label_grids(energy.some(torch.tensor([b])))
        assert_close(alone.energy[0], together.energy[b], atol=1e-3, rtol=0)


def test_equal_energies_give_equal_labels():
    energy = random_energy(5, 8, 8, ordered(3), 1.0)
    first, second = label_grids(energy), label_grids(energy)
    assert torch.equal(first.labels, second.labels)
    assert torch.equal(first.bound, second.bound)


def test_without_weights_each_cell_has_its_cheapest_label():
    energy = random_energy(4, 3, 5, ordered(3), 0.0)
    found = label_grids(energy)
    assert torch.equal(found.labels, energy.unary.argmin(3))
    assert_close(found.energy, found.bound, atol=1e-5, rtol=0)
