"""Token merging against a slow merge of lists."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.testing import assert_close

from sk_mixup.mixing.methods.attention._merging import (
    merged_groups,
    shared_attention,
)
from tests.builders import generator


def cosine(a, b):
    return float(torch.dot(a, b) / (a.norm() * b.norm()))


def slow_groups(features, n_left):
    """Sets of token numbers, merged round by round."""
    groups = [([i], row) for i, row in enumerate(features)]
    while len(groups) > n_left:
        left, right = groups[::2], [list(group) for group in groups[1::2]]
        best = [
            max(((cosine(row, other[1]), j) for j, other in enumerate(right)))
            for _, row in left
        ]
        n_merged = min(len(groups) - n_left, len(left), len(right))
        order = sorted(range(len(left)), key=lambda i: -best[i][0])
        members = [list(group[0]) for group in right]
        for i in order[:n_merged]:
            members[best[i][1]] += left[i][0]
        kept = [left[i] for i in sorted(order[n_merged:])]
        groups = kept + [(m, features[m].mean(0)) for m in members]
    return {frozenset(group[0]) for group in groups}


@given(n=st.integers(2, 12), share=st.floats(0.1, 1.0), seed=st.integers(0, 2**20))
@settings(max_examples=40)
def test_groups_are_those_of_a_slow_merge(n, share, seed):
    n_left = max(1, int(share * n))
    features = torch.randn(2, n, 5, generator=generator(seed))
    groups = merged_groups(features, n_left)
    for row, numbers in zip(features, groups.tolist(), strict=True):
        found = {
            frozenset(i for i, g in enumerate(numbers) if g == number)
            for number in set(numbers)
        }
        assert len(found) == n_left
        assert found == slow_groups(row, n_left)


def test_alike_tokens_are_merged_first():
    features = torch.tensor([[[1.0, 0], [0, 1], [-1, 0], [0.1, 1], [0, -1], [1, 0.1]]])
    groups = merged_groups(features, 5)[0].tolist()
    assert groups[0] == groups[5]
    assert len(set(groups)) == 5


def test_each_token_is_paid_the_mean_of_its_group():
    groups = torch.tensor([[0, 1, 0, 2], [1, 1, 1, 0]])
    paid = torch.tensor([[0.1, 0.2, 0.5, 0.2], [0.3, 0.1, 0.2, 0.4]])
    wanted = torch.tensor([[0.3, 0.2, 0.3, 0.2], [0.2, 0.2, 0.2, 0.4]])
    assert_close(shared_attention(paid, groups, int(groups.max()) + 1), wanted)


@pytest.mark.parametrize("n_left", [1, 7])
def test_one_token_and_all_tokens_can_be_left(n_left):
    groups = merged_groups(torch.randn(1, 7, 3, generator=generator()), n_left)
    assert len(set(groups[0].tolist())) == n_left
