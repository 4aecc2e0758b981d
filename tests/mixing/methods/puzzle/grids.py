"""Energies on small grids, and slow ways to their least value."""

import itertools

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import maximum_flow

from sk_mixup.mixing.methods.puzzle._energy import GridEnergy
from tests.builders import generator

# Capacities of scipy's flows are whole numbers.
SCALE = 10**6


def ordered(n_labels):
    """Squared differences of own shares."""
    share = torch.linspace(0.0, 1.0, n_labels)
    return (share.unsqueeze(1) - share).square()


def potts(n_labels):
    """All other labels are equally far."""
    return torch.ones(n_labels, n_labels).fill_diagonal_(0.0)


def random_energy(n_grids, height, width, distance, scale=1.0, seed=0):
    """Uniform costs, and weights uniform up to a scale."""
    draw = generator(seed)
    return GridEnergy(
        torch.rand(n_grids, height, width, len(distance), generator=draw),
        scale * torch.rand(n_grids, height, width - 1, generator=draw),
        scale * torch.rand(n_grids, height - 1, width, generator=draw),
        distance,
    )


def slow_energy(energy, labels, b):
    """The sum of the definition, term by term."""
    _, height, width, _ = energy.unary.shape
    total = 0.0
    for i, j in itertools.product(range(height), range(width)):
        here = labels[i][j]
        total += float(energy.unary[b, i, j, here])
        if j + 1 < width:
            there = labels[i][j + 1]
            total += float(energy.right[b, i, j] * energy.distance[here, there])
        if i + 1 < height:
            there = labels[i + 1][j]
            total += float(energy.down[b, i, j] * energy.distance[here, there])
    return total


def least_of_all(energy):
    """The least energy of each grid over all labellings."""
    _, height, width, n_labels = energy.unary.shape
    least = torch.full((len(energy),), torch.inf, dtype=torch.float64)
    for cells in itertools.product(range(n_labels), repeat=height * width):
        labels = torch.tensor(cells).view(1, height, width).expand(len(energy), -1, -1)
        least = torch.minimum(least, energy(labels))
    return least


def least_by_cut(energy, b):
    """The least energy of one grid by a minimum cut: two labels, or three in order.

    A cell has one node for each step from a label to the next; a node on the side of
    the source has taken the step.
    """
    _, height, width, n_labels = energy.unary.shape
    n_steps, n_cells = n_labels - 1, height * width
    source, sink = n_steps * n_cells, n_steps * n_cells + 1
    edges = []

    def node(step, i, j):
        return step * n_cells + i * width + j

    def edge(start, end, cost):
        edges.append((start, end, round(float(cost) * SCALE)))

    offset = 0
    forbidden = 1000.0
    for i, j in itertools.product(range(height), range(width)):
        cost = energy.unary[b, i, j].tolist()
        offset += round(cost[0] * SCALE)
        for step in range(n_steps):
            change = cost[step + 1] - cost[step]
            # Taking the step costs `change`, or not taking it costs as much less.
            if change >= 0:
                edge(node(step, i, j), sink, change)
            else:
                edge(source, node(step, i, j), -change)
                offset += round(change * SCALE)
            if step:
                edge(node(step, i, j), node(step - 1, i, j), forbidden)
    pairs = [
        ((i, j), (i, j + 1), energy.right[b, i, j])
        for i, j in itertools.product(range(height), range(width - 1))
    ] + [
        ((i, j), (i + 1, j), energy.down[b, i, j])
        for i, j in itertools.product(range(height - 1), range(width))
    ]
    for here, there, weight in pairs:
        for a, c in ((here, there), (there, here)):
            for step in range(n_steps):
                edge(node(step, *a), node(step, *c), weight / n_steps**2)
            if n_steps == 2:
                edge(node(1, *a), node(0, *c), weight / 2)
    start, end, capacity = np.array(edges).T
    graph = coo_matrix((capacity, (start, end)), shape=(sink + 1, sink + 1)).tocsr()
    graph = graph.astype(np.int32)
    return (maximum_flow(graph, source, sink).flow_value + offset) / SCALE
