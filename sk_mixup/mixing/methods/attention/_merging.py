"""Token merging: alike tokens become one, and share what they are paid."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def merged_groups(features: Tensor, n_left: int) -> Tensor:
    """Merge tokens that are alike, until so many are left.

    Bipartite soft matching: of the tokens that are left, every second one looks for
    the most alike among the others by the cosine of their features, and the closest
    pairs become one token, with the mean of the features of all that are in it. Rounds
    of this follow each other, each with at most half of the tokens.

    Parameters
    ----------
    features : Tensor of shape (B, n, width)
    n_left : int
        At least 1.

    Returns
    -------
    groups : Tensor of shape (B, n), int64
        Numbers from 0 to `n_left` - 1; tokens with one number are one.

    References
    ----------
    Bolya et al.: Token Merging: Your ViT But Faster, ICLR 2023.
    """
    n_rows, n, _ = features.shape
    groups = torch.arange(n, device=features.device).expand(n_rows, n)
    weight = features.new_ones(n_rows, n, 1)
    while (now := features.shape[1]) > n_left:
        alike = functional.normalize(features, dim=2)
        left, right = alike[:, ::2], alike[:, 1::2]
        best, goal = (left @ right.mT).max(2)
        n_merged = min(now - n_left, right.shape[1], left.shape[1])
        order = best.argsort(dim=1, descending=True, stable=True)
        gone, kept = order[:, :n_merged], order[:, n_merged:].sort(1).values
        # Numbers of the next round: those on the left that stay, then all on the right.
        n_kept = kept.shape[1]
        places = torch.arange(now, device=features.device)
        number = places.new_zeros(n_rows, now)
        number[:, 1::2] = n_kept + places[: right.shape[1]]
        of_left = places.new_zeros(n_rows, left.shape[1])
        of_left.scatter_(1, kept, places[:n_kept].expand(n_rows, -1))
        of_left.scatter_(1, gone, n_kept + goal.gather(1, gone))
        number[:, ::2] = of_left
        groups = number.gather(1, groups)
        # Products and not scattered sums, whose order a GPU does not keep.
        member = functional.one_hot(number, now - n_merged).to(features.dtype).mT
        total = member @ weight
        features, weight = member @ (features * weight) / total, total
    return groups


def shared_attention(attention: Tensor, groups: Tensor, n_groups: int) -> Tensor:
    """Return the mean attention to the group of each token.

    Parameters
    ----------
    attention : Tensor of shape (B, n)
    groups : Tensor of shape (B, n), int64
        As `merged_groups` returns them.
    n_groups : int
    """
    member = functional.one_hot(groups, n_groups).to(attention.dtype)
    sums = (member.mT @ attention.unsqueeze(2)).squeeze(2)
    return (sums / member.sum(1).clamp(min=1.0)).gather(1, groups)
